"""Classify texts: ``python classify.py TEXT …``, or one text per line on standard input.

It needs only onnxruntime and numpy. In Python: ``from classify import classify``.
"""

import json
import re
import sys
from itertools import pairwise
from pathlib import Path
from zlib import crc32

import numpy as np
import onnxruntime

HERE = Path(__file__).resolve().parent
CONFIG = json.loads((HERE / "config.json").read_text("utf-8"))
LABELS = [CONFIG["id2label"][str(number)] for number in range(len(CONFIG["id2label"]))]
GRAPH = onnxruntime.InferenceSession(*HERE.glob("onnx/*.onnx"), providers=["CPUExecutionProvider"])


def classify(texts: list[str]) -> list[dict[str, float]]:
    """Return the probability of each label for each text. Texts are run one by one."""
    answers = []
    for text in texts:
        read = text[:10_000].encode("utf-8", "replace").decode().lower()
        words = [w.encode() for w in re.findall(r"\w+|[^\w\s]", read)[: CONFIG["longest"]]]
        pairs = [crc32(b" " + b, crc32(a)) % CONFIG["pairs"] for a, b in pairwise(words)]
        rows = [1 + crc32(word) % CONFIG["words"] for word in words]
        ids = np.array([rows + [1 + CONFIG["words"] + pair for pair in pairs] or [0]], np.int64)
        logits = GRAPH.run(None, {"input_ids": ids, "attention_mask": (ids > 0) * 1})[0][0]
        shares = np.exp(logits - logits.max(), dtype=float)
        answers.append(dict(zip(LABELS, (shares / shares.sum()).tolist(), strict=True)))
    return answers


if __name__ == "__main__":
    for line in sys.argv[1:] or sys.stdin:
        [answer] = classify([line.rstrip("\n")])
        print(*max(answer.items(), key=lambda item: item[1]), line.rstrip(), sep="\t", flush=True)
