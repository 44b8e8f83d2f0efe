// Asks exported models with transformers.js, offline. Standard input and output are JSON.
import { readFileSync } from 'node:fs';
import { env, pipeline } from '@huggingface/transformers';

const { root, names, texts } = JSON.parse(readFileSync(0, 'utf8'));
env.allowRemoteModels = false;
env.localModelPath = root;
const answers = {};
for (const name of names) {
  const classify = await pipeline('text-classification', name);
  answers[name] = [];
  for (const text of texts) {
    const found = await classify(text, { top_k: null });
    answers[name].push(Object.fromEntries(found.map(({ label, score }) => [label, score])));
  }
}
process.stdout.write(JSON.stringify(answers));
