"""How much answers depend on the other texts of a batch, if onnxruntime runs whole batches."""

import numpy as np
import pandas as pd

from pipeline.bench.peers import plain_onnxruntime
from pipeline.data import data_sets
from pipeline.errors import PipelineError
from pipeline.results.storage import CACHE, read_run

LONGEST = 32
"""Headlines in the largest batch; the smallest has two."""


def run(name: str, roles: list[str], batches: int) -> int:
    texts = np.array(pd.read_csv(data_sets.TOY)["text"])
    print(
        f"| {batches} random batches | answers | median | 99 in 100 | greatest | labels changed |"
    )
    print("|---|--:|--:|--:|--:|--:|")
    for role in roles:
        folder = read_run(CACHE / name).artifact(role)
        if folder is None:
            raise PipelineError(
                f"{role} of {name} is not installed; make it with python -m pipeline run"
            )
        # Not a Classifier: it would run the texts of a dynamic int8 graph one by one.
        answer, generator = plain_onnxruntime(folder), np.random.default_rng(0)
        alone = answer(texts, 1)
        moved, changed = [], 0
        for _ in range(batches):
            drawn = generator.choice(len(texts), generator.integers(2, LONGEST + 1), replace=False)
            found = answer(texts[drawn], LONGEST)
            moved += list(np.abs(found - alone[drawn]).max(axis=1))
            changed += int((found.argmax(1) != alone[drawn].argmax(1)).sum())
        median, most = np.percentile(moved, [50, 99])
        print(
            f"| `{role}` | {len(moved):,} | {median:.4f} | {most:.3f} | {max(moved):.3f} "
            f"| {changed} |"
        )
    return 0
