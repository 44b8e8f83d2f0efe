"""A small whole run, made in a second without training: known headlines, invented figures.

python -m tests.synthetic FOLDER      writes two AG News-like runs and a toy one to look at
"""

import itertools
import sys
from collections.abc import Collection, Sequence
from pathlib import Path

import numpy as np
import onnx
import pandas as pd
from onnx import TensorProto, helper, numpy_helper
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

from pipeline import cache, encoders, evaluation, inference
from pipeline.data import LABELS
from pipeline.families import FAMILIES

WORDS = {
    "World": ["president", "election", "minister", "peace", "border"],
    "Sports": ["coach", "match", "goal", "cup", "striker"],
    "Business": ["shares", "profit", "bank", "oil", "merger"],
    "Sci/Tech": ["software", "robot", "comet", "chip", "browser"],
}

# Plausible for AG News: MB, accuracy, p50 in ms.
FIGURES = {
    "teacher": (438.0, 0.946, 21.0),
    "distil": (268.0, 0.943, 11.0),
    "minilm": (91.0, 0.941, 4.1),
    "tiny": (70.0, 0.934, 2.2),
    "dynamic": (110.0, 0.945, 9.0),
    "static": (113.0, 0.942, 8.5),
    "qat": (113.2, 0.945, 8.4),
    "minilm-int8": (23.1, 0.940, 1.9),
    "tiny-int8": (17.6, 0.933, 1.1),
    "minilm-int4": (12.8, 0.938, 2.4),
    "tiny-int4": (9.4, 0.929, 1.3),
    "tfidf": (4.7, 0.919, 0.3),
    "nano": (1.05, 0.914, 0.12),
    "static-naive": (113.1, 0.722, 8.2),
}
# What is in a run beside the models themselves.
CONTROLS = {"minilm-control": (91.0, 0.934, 4.1), "tiny-control": (70.0, 0.931, 2.2)}
REPEATS = {"minilm-seed43": (91.0, 0.939, 4.1), "minilm-seed44": (91.0, 0.943, 4.1)}

MEASURED_ON = {
    kind: {"hardware": {"processor": "synthetic"}, "versions": {}, "threads": 2, "taken": "2025"}
    for kind in ("predictions", "latency", "throughput")
}


def write_artifact(
    folder: Path, sharpness: float = 6.0, blind_to: Collection[str] = (), slow: bool = False
) -> Path:
    """An artifact that knows ``WORDS``: the mean of its words' rows of a table is the logits.

    Args:
        folder: where it is written.
        sharpness: logit of a text whose every word is of one class.
        blind_to: classes whose words it does not know, so that models can be made to disagree.
        slow: let every batch take a good part of a second, with the same answers.
    """
    folder.mkdir(parents=True, exist_ok=True)
    vocabulary, table = {"[PAD]": 0, "[UNK]": 1}, [[0.0] * 4, [0.0] * 4]
    for column, (name, words) in enumerate(WORDS.items()):
        for word in words:
            vocabulary[word] = len(vocabulary)
            table.append(
                [sharpness * (name not in blind_to) if i == column else 0.0 for i in range(4)]
            )
    shape = ["batch", "sequence"]
    graph = helper.make_graph(
        [
            helper.make_node("Gather", ["table", "input_ids"], ["rows"]),
            helper.make_node("Cast", ["attention_mask"], ["mask"], to=TensorProto.FLOAT),
            helper.make_node("Unsqueeze", ["mask", "last"], ["mask3"]),
            helper.make_node("Mul", ["rows", "mask3"], ["kept"]),
            helper.make_node("ReduceSum", ["kept", "middle"], ["total"], keepdims=0),
            helper.make_node("ReduceSum", ["mask", "middle"], ["count"], keepdims=1),
            helper.make_node("Max", ["count", "one"], ["divisor"]),
            helper.make_node("Div", ["total", "divisor"], ["mean"]),
            *(slow_nodes() if slow else [helper.make_node("Identity", ["mean"], ["logits"])]),
        ],
        "bag of words",
        [
            helper.make_tensor_value_info("input_ids", TensorProto.INT64, shape),
            helper.make_tensor_value_info("attention_mask", TensorProto.INT64, shape),
        ],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", 4])],
        [
            numpy_helper.from_array(np.array(table, np.float32), "table"),
            numpy_helper.from_array(np.array([2], np.int64), "last"),
            numpy_helper.from_array(np.array([1], np.int64), "middle"),
            numpy_helper.from_array(np.array([1.0], np.float32), "one"),
            numpy_helper.from_array(np.array([0.0], np.float32), "zero"),
            numpy_helper.from_array(np.array([1000, 1000], np.int64), "square"),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    onnx.save(model, folder / inference.GRAPH)
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    encoders.write_tokenizer(folder, tokenizer, labels=LABELS, max_length=64)
    return folder


def slow_nodes(products: int = 64) -> list[onnx.NodeProto]:
    """From "mean" to "logits", which are equal, by way of products of large matrices of zeros."""
    chain = [f"product{i}" for i in range(products + 1)]
    return [
        helper.make_node("ReduceSum", ["mean"], ["sum"], keepdims=0),
        helper.make_node("Mul", ["sum", "zero"], ["nothing"]),
        helper.make_node("Expand", ["nothing", "square"], chain[:1]),
        *(helper.make_node("MatMul", [a, a], [b]) for a, b in itertools.pairwise(chain)),
        helper.make_node("ReduceSum", chain[-1:], ["still nothing"], keepdims=0),
        helper.make_node("Add", ["mean", "still nothing"], ["logits"]),
    ]


def predictions(accuracy: float, seed: int, rows: int = 800) -> pd.DataFrame:
    """Validation and test predictions of which ``accuracy`` are right, to within a row.

    Hard rows are hard for every model, as they are in life: ``seed`` moves only which of the
    borderline ones a model gets wrong.
    """
    shared, own = np.random.default_rng(0), np.random.default_rng(seed)
    frames = []
    for split, count in (("validation", rows // 4), ("test", rows)):
        labels = shared.integers(0, 4, count)
        difficulty = shared.random(count) + 0.05 * own.random(count)
        wrong = np.argsort(difficulty)[round(accuracy * count) :]
        top = labels.copy()
        top[wrong] = (top[wrong] + shared.integers(1, 4, count)[wrong]) % 4
        confidence = own.uniform(0.6, 0.99, count)
        probabilities = np.repeat((1 - confidence)[:, None] / 3, 4, axis=1)
        probabilities[np.arange(count), top] = confidence
        frames.append(cache.predictions_frame(split, np.arange(count), labels, probabilities))
    return pd.concat(frames, ignore_index=True)


def write_run(
    folder: Path,
    name: str = "synthetic",
    *,
    roles: Sequence[str] = ("teacher", "minilm", "tiny-int8"),
    at_hand: Collection[str] = ("minilm", "tiny-int8"),
    rows: int = 800,
    family: str = "mpnet",
    slow: Collection[str] = (),
) -> cache.Run:
    """Write a whole run into a cache folder.

    Args:
        folder: the cache, as a dashboard is given it.
        name: of the run.
        roles: its models, out of ``FIGURES``, ``CONTROLS`` and ``REPEATS``; "teacher" among them.
        at_hand: those of them that have their artifact. Of two or more, the last one knows no
            word of Business, so that it disagrees there with the others.
        rows: of the test split.
        family: whose titles and methods it takes; "toy" makes it a toy run.
        slow: roles that take their time to answer.
    """
    drafts = folder.parent / f"{folder.name}-drafts" / name
    tables, artifacts, records = {}, {}, []
    at_hand = [role for role in roles if role in at_hand]
    for seed, role in enumerate(roles, start=1):
        size, accuracy, p50 = (FIGURES | CONTROLS | REPEATS)[role]
        tables[role] = predictions(accuracy, seed, rows)
        if role in at_hand:
            blind_to = ("Business",) if len(at_hand) > 1 and role == at_hand[-1] else ()
            artifacts[role] = write_artifact(drafts / role, 6.0 - seed / 4, blind_to, role in slow)
        model = FAMILIES[family].by_role()[role]
        records.append(
            cache.ModelRecord(
                role=role,
                title=model.title,
                method=model.method,
                description=model.description,
                parent=model.parent,
                checkpoint=model.checkpoint,
                fingerprint=f"{seed:064x}",
                inputs={"data": "0" * 64},
                settings={},
                parameters=round(size * 250_000),
                size_bytes=round(size * 1e6),
                artifact={},
                metrics=evaluation.metrics(tables[role], tables["teacher"], "test"),
                validation=evaluation.metrics(tables[role], tables["teacher"], "validation"),
                cost={
                    "load_ms": 20 * p50,
                    "p50_ms": p50,
                    "p95_ms": 1.3 * p50,
                    "headlines_per_second": 2000 / p50,
                    "peak_memory_mb": 120 + 2 * size,
                },
                measured_on=MEASURED_ON,
                headlines={} if family == "toy" else {"rows": 400, "accuracy": accuracy - 0.05},
            )
        )
    record = cache.RunRecord(
        run=name,
        family=family,
        command=f"python -m pipeline run --family {family} --train-rows {rows} --run {name}",
        created="2025-01-01T00:00:00+00:00",
        data={
            "name": "synthetic",
            "fingerprint": "0" * 64,
            "labels": list(LABELS),
            "rows": {"train": rows, "validation": rows // 4, "test": rows},
            "seed": 42,
        },
        models=records,
        files={},
        toy=FAMILIES[family].toy,
    )
    return cache.write_run(folder, record, tables, artifacts)


if __name__ == "__main__":
    here = Path(sys.argv[1])
    small = [role for role in FIGURES if role.endswith(("int8", "int4"))]
    everything = [*FIGURES, *CONTROLS, *REPEATS]
    write_run(here, "mpnet-synthetic", roles=everything, at_hand=small, rows=7600)
    few = ["teacher", "distil", "minilm", "tiny", "tiny-int8", "tiny-control"]
    write_run(here, "bert-synthetic", roles=few, at_hand=[], rows=7600, family="bert")
    write_run(here, "toy-synthetic", family="toy", rows=100)
