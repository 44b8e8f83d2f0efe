// Asks exported models with transformers.js, offline. Standard input and output are JSON.
import { readFileSync } from 'node:fs';
import { env, pipeline } from '@huggingface/transformers';

const { root, names, texts } = JSON.parse(readFileSync(0, 'utf8'));
env.allowRemoteModels = false;
env.localModelPath = root;
// On processors without VNNI, int8 products are exact only with this setting.
const session_options = { extra: { session: { x64quantprecision: '1' } } };
const answers = {};
for (const name of names) {
  const classify = await pipeline('text-classification', name, { session_options });
  answers[name] = [];
  for (const text of texts) {
    const found = await classify(text, { top_k: null });
    answers[name].push(Object.fromEntries(found.map(({ label, score }) => [label, score])));
  }
}
process.stdout.write(JSON.stringify(answers));
