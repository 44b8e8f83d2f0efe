"""A small whole run, made in a second without training: known headlines, invented figures.

python -m tests.synthetic FOLDER      writes two AG News-like runs and a toy one to look at
"""

import itertools
import json
import sys
import tempfile
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pandas as pd
from onnx import TensorProto, helper, numpy_helper
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

from pipeline import files
from pipeline.cascade_rules import Rule
from pipeline.data import declarations
from pipeline.data.data_sets import LABELS, invented_headlines
from pipeline.data.declarations import DataSet
from pipeline.data_record import DataRecord
from pipeline.evaluation import scoring
from pipeline.inference import cascade, encoders
from pipeline.inference.graph import GRAPH
from pipeline.recipes.families import FAMILIES
from pipeline.recipes.role_names import BASELINE, student_of_baseline
from pipeline.recipes.roles import Trained
from pipeline.results import conditions, records, run_writing, storage
from pipeline.results.figures import CascadeRecord, Conditions, Cost, MeasuredOn
from pipeline.results.predictions import predictions_frame
from pipeline.results.texts import texts_frame

WORDS = {
    "World": ["president", "election", "minister", "peace", "border"],
    "Sports": ["coach", "match", "goal", "cup", "striker"],
    "Business": ["shares", "profit", "bank", "oil", "merger"],
    "Sci/Tech": ["software", "robot", "comet", "chip", "browser"],
}


def words_of(labels: Sequence[str]) -> dict[str, list[str]]:
    """For each class, words that only its texts have: ``WORDS``, or invented ones."""
    if tuple(labels) == LABELS:
        return WORDS
    return {name: [f"word{place}x{n}" for n in range(5)] for place, name in enumerate(labels)}


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
# No-teacher baselines: MB, accuracy, p50 in ms.
BASELINES = {"minilm-baseline": (91.0, 0.934, 4.1), "tiny-baseline": (70.0, 0.931, 2.2)}
_PREDICTED_ON = Conditions(
    hardware={"processor": "synthetic", "cpu_flags": []},
    versions={"python": "3.11"},
    taken="2025-01-01T00:00:00+00:00",
)
MEASURED_ON = MeasuredOn(
    _PREDICTED_ON, replace(_PREDICTED_ON, threads=2), replace(_PREDICTED_ON, threads=2)
)
REPEATS = {"minilm-seed43": (91.0, 0.939, 4.1), "minilm-seed44": (91.0, 0.943, 4.1)}


def write_artifact(
    folder: Path,
    sharpness: float = 6.0,
    blind_to: Collection[str] = (),
    slow: bool = False,
    labels: Sequence[str] = LABELS,
) -> Path:
    """Write an artifact that knows ``words_of`` its classes.

    A table has a row for each word. A text's logits are the mean of its words' rows.

    Args:
        folder: where it is written.
        sharpness: logit of a text whose every word is of one class.
        blind_to: classes whose words it does not know, so that models disagree.
        slow: make every batch take a good part of a second, with the same answers.
        labels: the names of the classes.
    """
    classes = len(labels)
    folder.mkdir(parents=True, exist_ok=True)
    vocabulary, table = {"[PAD]": 0, "[UNK]": 1}, [[0.0] * classes, [0.0] * classes]
    for column, (name, words) in enumerate(words_of(labels).items()):
        for word in words:
            vocabulary[word] = len(vocabulary)
            table.append([0.0] * classes)
            table[-1][column] = sharpness * (name not in blind_to)
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
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", classes])],
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
    onnx.save(model, folder / GRAPH)
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    encoders.write_tokenizer(folder, tokenizer, labels=labels, max_length=64)
    return folder


def slow_nodes(products: int = 64) -> list[onnx.NodeProto]:
    """Nodes that copy "mean" to "logits" slowly: they multiply large matrices of zeros."""
    chain = [f"product{i}" for i in range(products + 1)]
    return [
        helper.make_node("ReduceSum", ["mean"], ["sum"], keepdims=0),
        helper.make_node("Mul", ["sum", "zero"], ["nothing"]),
        helper.make_node("Expand", ["nothing", "square"], chain[:1]),
        *(helper.make_node("MatMul", [a, a], [b]) for a, b in itertools.pairwise(chain)),
        helper.make_node("ReduceSum", chain[-1:], ["still nothing"], keepdims=0),
        helper.make_node("Add", ["mean", "still nothing"], ["logits"]),
    ]


def predictions(
    accuracy: float, seed: int, rows: int = 800, classes: int = 4, headlines: bool = False
) -> pd.DataFrame:
    """Validation and test predictions of which ``accuracy`` are right, to within a row.

    Args:
        accuracy: share of right answers; five points less on headlines.
        seed: changes only which borderline rows are wrong. Hard rows are hard for all models.
        rows: number of test rows; there are a quarter as many validation rows.
        classes: number of classes.
        headlines: answer the invented headlines, too.
    """
    shared, own = np.random.default_rng(0), np.random.default_rng(seed)
    frames = []
    for split, count in (("validation", rows // 4), ("test", rows)):
        labels = shared.integers(0, classes, count)
        given = _answers(labels, accuracy, classes, shared, own)
        frames.append(predictions_frame(split, np.arange(count), labels, given))
    if headlines:
        asked = invented_headlines()
        given = _answers(asked.labels, accuracy - 0.05, classes, shared, own)
        frames.append(predictions_frame("headlines", asked.rows, asked.labels, given))
    return pd.concat(frames, ignore_index=True)


def _answers(
    labels: np.ndarray,
    accuracy: float,
    classes: int,
    shared: np.random.Generator,
    own: np.random.Generator,
) -> np.ndarray:
    """Probabilities (n, classes), of which ``accuracy`` are right."""
    count = len(labels)
    difficulty = shared.random(count) + 0.05 * own.random(count)
    wrong = np.argsort(difficulty)[round(accuracy * count) :]
    top = labels.copy()
    top[wrong] = (top[wrong] + shared.integers(1, classes, count)[wrong]) % classes
    confidence = own.uniform(0.6, 0.99, count)
    others = (1 - confidence)[:, None] / (classes - 1)
    probabilities = np.repeat(others, classes, axis=1)
    probabilities[np.arange(count), top] = confidence
    return probabilities


def write_run(
    folder: Path,
    name: str = "synthetic",
    *,
    roles: Sequence[str] = ("teacher", "minilm", "tiny-int8"),
    at_hand: Collection[str] = ("minilm", "tiny-int8"),
    rows: int = 800,
    family: str = "mpnet",
    slow: Collection[str] = (),
    labels: Sequence[str] = LABELS,
    data_set: DataSet | None = None,
) -> storage.Run:
    """Write a whole run into a cache folder.

    Args:
        folder: the cache, as for the dashboard's ``--cache``.
        name: name of the run.
        roles: its models, out of ``FIGURES``, ``BASELINES`` and ``REPEATS``; "teacher" among them.
        at_hand: those of them that have an artifact. If there are two or more, the last one knows
            no word of one class (Business), so that it disagrees there with the others.
        rows: number of test rows.
        family: the family of its titles and methods; "toy" makes it a toy run.
        slow: roles that answer slowly.
        labels: the names of the classes. Headlines are answered only if these are AG News's and
            the run is no toy run.
        data_set: the declaration that the run records; None: none, as in older runs. If its texts
            may be redistributed, the run contains texts made of ``words_of`` the classes.
    """
    drafts = folder.parent / f"{folder.name}-drafts" / name
    tables, artifacts, made = {}, {}, []
    at_hand = [role for role in roles if role in at_hand]
    asked = tuple(labels) == LABELS and not FAMILIES[family].toy
    known = FAMILIES[family].by_role()
    for seed, role in enumerate(roles, start=1):
        # A baseline may have the name that older runs gave it.
        today = role if role in known else f"{student_of_baseline(role)}{BASELINE}"
        size, accuracy, p50 = (FIGURES | BASELINES | REPEATS)[today]
        tables[role] = predictions(accuracy, seed, rows, len(labels), asked)
        if role in at_hand:
            blind = len(at_hand) > 1 and role == at_hand[-1]
            blind_to = labels[len(labels) // 2 :][:1] if blind else ()
            artifacts[role] = write_artifact(
                drafts / role, 6.0 - seed / 4, blind_to, role in slow, labels
            )
        model = known[today]
        made.append(
            storage.ModelRecord(
                role=role,
                title=model.title,
                method=model.method,
                description=model.description,
                parent=model.parent,
                checkpoint=model.checkpoint.name
                if isinstance(model, Trained) and model.checkpoint
                else None,
                fingerprint=f"{seed:064x}",
                inputs={"data": "0" * 64},
                settings={},
                parameters=round(size * 250_000),
                size_bytes=round(size * 1e6),
                artifact={},
                metrics=scoring.split_metrics(tables[role], tables["teacher"], "test"),
                validation=scoring.split_metrics(tables[role], tables["teacher"], "validation"),
                cost=Cost(
                    load_ms=20 * p50,
                    mean_ms=1.05 * p50,
                    p50_ms=p50,
                    p95_ms=1.3 * p50,
                    headline_mean_ms=0.42 * p50,
                    headline_p50_ms=0.4 * p50,
                    headline_p95_ms=0.5 * p50,
                    rows_per_second=2000 / p50,
                    peak_memory_mb=120 + 2 * size,
                ),
                measured_on=MEASURED_ON,
                headlines=scoring.headline_metrics(tables[role], tables["teacher"]),
            )
        )
    record = storage.RunRecord(
        run=name,
        family=family,
        command=f"python -m pipeline run --family {family} --train-rows {rows} --run {name}",
        created="2025-01-01T00:00:00+00:00",
        data=DataRecord(
            name="synthetic",
            fingerprint="0" * 64,
            labels=list(labels),
            title_first=True,
            rows={"train": rows, "validation": rows // 4, "test": rows},
            seed=42,
            declaration=declarations.entry(data_set) if data_set else None,
        ),
        models=made,
        files={},
        toy=FAMILIES[family].toy,
    )
    texts = texts_of(tables["teacher"], labels) if data_set and data_set.is_passed_on else None
    return run_writing.write_run(folder, record, tables, artifacts, texts=texts)


def texts_of(table: pd.DataFrame, labels: Sequence[str]) -> pd.DataFrame:
    """Texts of a table's test rows: two words of the row's class and the row's number."""
    words, rows = list(words_of(labels).values()), table[table["split"] == "test"]
    texts = [
        f"{words[label][0]} {words[label][1]} {row}"
        for row, label in zip(rows["row"], rows["label"], strict=True)
    ]
    return texts_frame(rows["row"].to_numpy(), texts)


def add_cascade(run: storage.Run, rules: Mapping[str, Rule | None]) -> storage.Run:
    """Write a run again with an additional model "cascade-small".

    Args:
        run: a run that has the members' artifacts.
        rules: the members' rules, in the order in which they are asked; the last one's is None.
    """
    members = {role: run.artifact(role) for role in rules}
    known = [rule for rule in rules.values() if rule]
    last = run.by_role[[*rules][-1]]
    share = 1 / len(rules)
    made = replace(
        last,
        role="cascade-small",
        title="Small cascade",
        method="cascade",
        parent=None,
        settings={},
        artifact={},
        size_bytes=sum(run.by_role[role].size_bytes for role in rules),
        cost=replace(last.cost, mean_ms=2.5, p50_ms=0.25, p95_ms=7.5),
        cascade=CascadeRecord(
            members=[*rules],
            thresholds=[rule.threshold for rule in known],
            temperatures=[rule.temperature for rule in known],
            answered={"test": [share] * len(rules), "headlines": [share] * len(rules)},
        ),
    )
    record = replace(run.record, models=[*run.record.models, made])
    tables = {role: run.all_predictions(role) for role in run.by_role}
    tables[made.role] = tables[last.role]
    with tempfile.TemporaryDirectory(dir=run.folder.parent.parent) as folder:
        cascade.write(Path(folder), members, known, run.labels)
        artifacts = run.artifacts() | {made.role: Path(folder)}
        return run_writing.write_run(
            run.folder.parent, record, tables, artifacts, texts=run.texts()
        )


def as_schema_1(folder: Path) -> None:
    """Turn a run's folder into what this program wrote before schema 2."""
    content = json.loads((folder / storage.RECORD).read_text("utf-8"))
    for name in [name for name in content["files"] if name.startswith("predictions/")]:
        frame = pd.read_parquet(folder / name)
        frame = frame[frame["split"] != "headlines"].astype({"label": "int8"})
        frame.to_parquet(folder / name, index=False)
        content["files"][name] = files.sha256(folder / name)
    for model in content["models"]:
        model["cost"]["headlines_per_second"] = model["cost"].pop("rows_per_second")
        for name in ("mean_ms", "headline_mean_ms", "headline_p50_ms", "headline_p95_ms"):
            del model["cost"][name]
        measured_on = conditions.as_taken(MEASURED_ON.latency) | {"batch_size": 32}
        model["measured_on"] = {k: v for k, v in measured_on.items() if k != "taken"}
    del content["data"]["title_first"], content["logits"]
    content["schema"] = 1
    content["checksum"] = records.checksum(content)
    files.write_json(folder / storage.RECORD, content)


if __name__ == "__main__":
    here = Path(sys.argv[1])
    small = [role for role in FIGURES if role.endswith(("int8", "int4"))]
    everything = [*FIGURES, *BASELINES, *REPEATS]
    write_run(here, "mpnet-synthetic", roles=everything, at_hand=small, rows=7600)
    few = ["teacher", "distil", "minilm", "tiny", "tiny-int8", "tiny-baseline"]
    write_run(here, "bert-synthetic", roles=few, at_hand=[], rows=7600, family="bert")
    write_run(here, "toy-synthetic", family="toy", rows=100)
