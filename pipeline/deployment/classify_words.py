"""Classify texts: ``python classify.py TEXT …``, or one text per line on standard input.

It needs only onnxruntime and numpy. In Python: ``from classify import classify``.
"""

import json
import sys
from pathlib import Path

import numpy as np
import onnxruntime

HERE = Path(__file__).resolve().parent
NAMES = json.loads((HERE / "config.json").read_text("utf-8"))["id2label"]
LABELS = [NAMES[str(number)] for number in range(len(NAMES))]
GRAPH = onnxruntime.InferenceSession(*HERE.glob("onnx/*.onnx"), providers=["CPUExecutionProvider"])


def classify(texts: list[str]) -> list[dict[str, float]]:
    """Return the probability of each label for each text. Texts are run one by one."""
    answers = []
    for text in texts:
        read = text[:10_000].encode("utf-8", "replace").decode().lower()
        logits = GRAPH.run(["logits"], {"text": np.array([[read]], object)})[0][0].astype(float)
        shares = np.exp(logits - logits.max())
        answers.append(dict(zip(LABELS, (shares / shares.sum()).tolist(), strict=True)))
    return answers


if __name__ == "__main__":
    for line in sys.argv[1:] or sys.stdin:
        [answer] = classify([line.rstrip("\n")])
        print(*max(answer.items(), key=lambda item: item[1]), line.rstrip(), sep="\t", flush=True)
