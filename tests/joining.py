"""Helpers for tests of joined models: invented data, a run on them, and somebody's own models."""

import json
from collections.abc import Sequence
from dataclasses import asdict, fields, replace
from pathlib import Path
from unittest import mock

import numpy as np
import onnx
import pandas as pd
from onnx import TensorProto, helper, numpy_helper

from pipeline.data.data_sets import Corpus, Split
from pipeline.evaluation import scoring
from pipeline.files import write_json
from pipeline.inference.encoders import SETTINGS, TOKENIZER
from pipeline.inference.graph import GRAPH
from pipeline.results import run_writing
from pipeline.results.figures import Cost
from pipeline.results.predictions import predictions_frame
from pipeline.results.storage import Run
from tests import synthetic

LABELS = {
    2: ("No", "Yes"),
    4: ("World", "Sports", "Business", "Sci/Tech"),
    77: tuple(f"Class {number}" for number in range(77)),
}
PLACES = ("train", "validation", "test")


def corpus(labels: Sequence[str], each: int = 3) -> Corpus:
    """A corpus: ``each`` texts of every class in every split, made of ``synthetic.words_of``."""
    words = synthetic.words_of(labels)
    splits = []
    for place in range(len(PLACES)):
        texts, numbers = [], []
        for number in np.tile(range(len(labels)), each):
            own = words[labels[number]]
            texts.append(f"{own[place]} {own[len(texts) % 5]}")
            numbers.append(number)
        splits.append(Split(texts, np.array(numbers), np.arange(len(texts))))
    return Corpus("made", tuple(labels), False, *splits)


def run_on(data: Corpus, cache: Path, toy: bool = False) -> Run:
    """A run on a corpus. Its teacher and ``tiny-int8`` are right on almost all rows."""
    roles, family = ("teacher", "tiny-int8"), "toy" if toy else "mpnet"
    base = synthetic.write_run(
        cache, "made", roles=roles, at_hand=roles[1:], labels=data.labels, family=family
    )
    tables = {role: _answers(data, wrong) for wrong, role in enumerate(roles, start=1)}
    models = [
        replace(
            model,
            metrics=scoring.split_metrics(tables[model.role], tables["teacher"], "test"),
            validation=scoring.split_metrics(tables[model.role], tables["teacher"], "validation"),
            headlines=None,
        )
        for model in base.record.models
    ]
    rows = {name: len(split) for name, split in data.splits().items()}
    known = {"fingerprint": data.fingerprint, "rows": rows, "name": data.name}
    known["title_first"] = data.title_first
    record = replace(base.record, models=models, data=replace(base.record.data, **known))
    return run_writing.write_run(cache, record, tables, base.artifacts())


def _answers(data: Corpus, wrong: int) -> pd.DataFrame:
    """Predictions that are wrong on the first ``wrong`` rows of each split."""
    classes = len(data.labels)
    frames = []
    for name in scoring.SPLITS:
        split = data.splits()[name]
        said = split.labels.copy()
        said[:wrong] = (said[:wrong] + 1) % classes
        given = np.full((len(split), classes), 0.1 / (classes - 1))
        given[np.arange(len(split)), said] = 0.9
        frames.append(predictions_frame(name, split.rows, split.labels, given))
    return pd.concat(frames, ignore_index=True)


def evaluated_here() -> mock._patch:
    """A patch that scores models in this process, with invented costs."""

    def evaluate(artifact: Path, data: Corpus, folder: Path) -> None:
        scoring.predict(artifact, data).to_parquet(folder / scoring.PREDICTIONS, index=False)
        kinds = asdict(synthetic.MEASURED_ON)
        write_json(folder / scoring.CONDITIONS, kinds.pop("predictions"))
        cost = {field.name: 1.0 for field in fields(Cost)}
        write_json(folder / scoring.COST, {"cost": cost, "measured_on": kinds})

    return mock.patch.object(scoring, "evaluate", evaluate)


def onnx_folder(
    folder: Path,
    labels: Sequence[str],
    named: Sequence[str] | None = None,
    outputs: Sequence[str] | None = None,
) -> Path:
    """Write somebody's ONNX model in Optimum's layout; it is right on ``corpus(labels)``.

    Args:
        folder: where it is written.
        labels: the classes.
        named: the names in its ``config.json``, one per output; None: no names.
        outputs: the classes in the order of its outputs; by default that of ``labels``.
    """
    synthetic.write_artifact(folder, labels=labels)
    model = onnx.load(folder / GRAPH)
    (table,) = [tensor for tensor in model.graph.initializer if tensor.name == "table"]
    columns = [list(labels).index(name) for name in outputs or labels]
    table.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(table)[:, columns], "table"))
    onnx.save(model, folder / GRAPH)
    (folder / SETTINGS).unlink()
    content = json.loads((folder / TOKENIZER).read_text("utf-8"))
    content |= {"padding": None, "truncation": None}
    (folder / TOKENIZER).write_text(json.dumps(content), "utf-8")
    config = {"model_type": "bert", "pad_token_id": 0, "max_position_embeddings": 64}
    if named:
        config["id2label"] = {str(number): name for number, name in enumerate(named)}
    else:
        config["num_labels"] = len(labels)
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "onnx").mkdir()
    (folder / GRAPH).rename(folder / "onnx" / GRAPH)
    return folder


def with_token_types(graph: Path) -> None:
    """Add the input ``token_type_ids`` to a graph. Ids other than zero spoil its answers."""
    model = onnx.load(graph)
    kind = helper.make_tensor_value_info("token_type_ids", TensorProto.INT64, ["b", "s"])
    model.graph.input.append(kind)
    axes = numpy_helper.from_array(np.array([1], np.int64), "types_axis")
    model.graph.initializer.append(axes)
    last = model.graph.node[-1]
    last.output[0] = "logits_before"
    model.graph.node.extend(
        [
            helper.make_node("Cast", ["token_type_ids"], ["types"], to=TensorProto.FLOAT),
            helper.make_node("ReduceSum", ["types", "types_axis"], ["bad"], keepdims=1),
            helper.make_node("Sub", ["logits_before", "bad"], ["shifted"]),
            helper.make_node("Mul", ["bad", "shifted"], ["spoilt"]),
            helper.make_node("Sub", ["logits_before", "spoilt"], ["logits"]),
        ]
    )
    onnx.save(model, graph)
