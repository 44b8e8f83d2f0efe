"""Classify texts: ``python classify.py TEXT …``, or one text per line on standard input.

It needs only onnxruntime, tokenizers and numpy. In Python: ``from classify import classify``.
"""

import json
import sys
from pathlib import Path

import numpy as np
import onnxruntime
from tokenizers import Tokenizer

HERE = Path(__file__).resolve().parent
NAMES = json.loads((HERE / "config.json").read_text("utf-8"))["id2label"]
LABELS = [NAMES[str(number)] for number in range(len(NAMES))]
TOKENIZER = Tokenizer.from_file(str(HERE / "tokenizer.json"))
CPU = Path("/proc/cpuinfo")
OPTIONS = onnxruntime.SessionOptions()
if not (CPU.exists() and "vnni" in CPU.read_text("utf-8")):  # the fast int8 products may saturate
    OPTIONS.add_session_config_entry("session.x64quantprecision", "1")
[FILE] = HERE.glob("onnx/*.onnx")
GRAPH = onnxruntime.InferenceSession(FILE, OPTIONS, providers=["CPUExecutionProvider"])


def classify(texts: list[str]) -> list[dict[str, float]]:
    """Return the probability of each label for each text.

    Texts are run one by one, since the other texts of a batch may change an answer.
    """
    answers = []
    for text in texts:
        read = text[:10_000].encode("utf-8", "replace").decode()
        ids = np.array([TOKENIZER.encode(read).ids], np.int64)
        inputs = {"input_ids": ids, "attention_mask": np.ones_like(ids)}
        logits = GRAPH.run(["logits"], inputs)[0][0].astype(float)
        shares = np.exp(logits - logits.max())
        answers.append(dict(zip(LABELS, (shares / shares.sum()).tolist(), strict=True)))
    return answers


if __name__ == "__main__":
    for line in sys.argv[1:] or sys.stdin:
        [answer] = classify([line.rstrip("\n")])
        print(*max(answer.items(), key=lambda item: item[1]), line.rstrip(), sep="\t", flush=True)
