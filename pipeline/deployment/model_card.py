"""The model card of an exported model: its evaluation in the Hub's metadata, and in words."""

from dataclasses import dataclass
from typing import Any

from huggingface_hub import EvalResult, ModelCard, ModelCardData

from pipeline.analysis.metrics import accuracy_interval
from pipeline.data import declarations
from pipeline.data.declarations import DataSet
from pipeline.deployment import cascade_card, deployed_model
from pipeline.results.figures import Cost
from pipeline.results.records import ModelRecord
from pipeline.results.storage import Run

_TASK = "text-classification"
_INVENTED = "invented headlines"
_MOST_LABELS = 12
"""The text lists at most this many class names; ``config.json`` has all of them."""


@dataclass(frozen=True)
class Contents:
    """What the folder of an export holds beside the graph."""

    max_length: int | None
    """Most tokens that are read of a text; None: there is no tokenizer."""
    in_transformers: bool
    """Whether ``config.json`` names an architecture of transformers."""
    weights: bool
    """Whether ``model.safetensors`` is there."""


def card(run: Run, role: str, contents: Contents) -> ModelCard:
    """The card of a model of a run."""
    model, known = run.by_role[role], declarations.of_run(run.record.data, run.record.toy)
    data = ModelCardData(
        language=known.language,
        license=known.license,
        license_name=known.license_name,
        license_link=known.license_link,
        library_name="transformers.js" if contents.in_transformers else "onnx",
        pipeline_tag=_TASK,
        tags=["onnx", _TASK, model.method],
        base_model=base_model(run, role) if contents.in_transformers else None,
        datasets=[known.hub_id] if known.hub_id else None,
        metrics=["accuracy", "f1"],
        model_name=f"{run.name}-{role}",
        eval_results=evaluation(run, role),
    )
    parts = [
        f"# {model.title} on {known.title}",
        f"{model.description}\n\nIt tells apart {_labels(run.labels)}.",
        _section("Intended use", f"{known.intended_use} {_headlines(model)}".strip()),
        *_who_answers(run, model),
        _section("How good it is, and what it costs", _figures(run, model)),
        _section("How to run it", _usage(run, model, contents)),
        _section("Limits", _limits(run, model, known, contents)),
        _section("Data", f"{_used_for(model)} {_data(run, known)} {known.terms}"),
        _origin(run, model),
    ]
    return ModelCard(f"---\n{data.to_yaml()}\n---\n\n" + "\n\n".join(parts) + "\n")


def _used_for(model: ModelRecord) -> str:
    return "Tested on" if model.is_joined else "Trained and tested on"


def _origin(run: Run, model: ModelRecord) -> str:
    """A sentence on where a model comes from."""
    if model.is_joined:
        return (
            f"Trained elsewhere as {model.checkpoint}, whose terms hold; scored beside run "
            f"`{run.name}` as model `{model.role}`."
        )
    return f"Made by `{run.record.command}`, run `{run.name}`, model `{model.role}`."


def base_model(run: Run, role: str) -> str | None:
    """Name on the Hub of the pretrained checkpoint that a model comes from, if it is known."""
    model: ModelRecord | None = run.by_role[role]
    seen: set[str] = set()
    if model and model.is_joined and model.settings.get("source") != "hub":
        return None  # its name is that of a local folder
    while model and model.role not in seen and not run.record.toy:
        if model.checkpoint:
            return model.checkpoint
        seen.add(model.role)
        model = run.by_role.get(model.parent or "")
    return None


def evaluation(run: Run, role: str) -> list[EvalResult]:
    """A model's figures as the Hub's metadata has them: accuracies and F1 are shares of 1."""
    model, known = run.by_role[role], declarations.of_run(run.record.data, run.record.toy)
    low, high = _interval(run, model)
    test: dict[str, Any] = {
        "task_type": _TASK,
        "dataset_type": known.hub_id or run.record.data.name,
        "dataset_name": known.title,
        "dataset_split": "test",
    }
    place = _place(model, "latency")
    found = [
        EvalResult(
            **test,
            metric_type="accuracy",
            metric_name=f"Accuracy (95 % interval {low:.4f} to {high:.4f}, Wilson)",
            metric_value=round(model.metrics.accuracy, 4),
            metric_args={"low": round(low, 4), "high": round(high, 4), "confidence": 0.95},
        ),
        EvalResult(
            **test,
            metric_type="f1",
            metric_name="Macro F1",
            metric_value=round(model.metrics.macro_f1, 4),
        ),
        EvalResult(
            **test,
            metric_type="model_size_mb",
            metric_name=f"Size of the {_graphs(model)}, MB of 10^6 bytes",
            metric_value=round(model.size_bytes / 1e6, 3),
        ),
        EvalResult(
            **test,
            metric_type="latency_ms",
            metric_name=f"Median time of one row, ms ({place})",
            metric_value=round(model.cost.p50_ms, 3),
        ),
    ]
    if model.headlines:
        rows = model.headlines.rows
        alone: dict[str, Any] = {
            "task_type": _TASK,
            "dataset_type": "headlines.csv",
            "dataset_name": f"{rows} {_INVENTED}",
        }
        accuracy = round(model.headlines.accuracy, 4)
        found.append(EvalResult(**alone, metric_type="accuracy", metric_value=accuracy))
    return found


def _interval(run: Run, model: ModelRecord) -> tuple[float, float]:
    """The 95 % interval of the accuracy on test, shares of 1."""
    rows = run.record.data.rows["test"]
    return accuracy_interval(round(model.metrics.accuracy * rows), rows)


def _place(model: ModelRecord, kind: str) -> str:
    """The processor and number of threads with which a kind of figure was measured."""
    conditions = getattr(model.measured_on, kind)
    processor = conditions.hardware.get("processor") or "an unknown processor"
    threads = conditions.threads
    return f"{processor}, {threads} thread{'s' if threads != 1 else ''}" if threads else processor


def _section(title: str, text: str) -> str:
    return f"## {title}\n\n{text}"


def _labels(labels: list[str]) -> str:
    shown = ", ".join(f"`{label}`" for label in labels[:_MOST_LABELS])
    rest = len(labels) - _MOST_LABELS
    return f"{shown} and {rest} more classes" if rest > 0 else shown


def _headlines(model: ModelRecord) -> str:
    if not model.headlines:
        return ""
    return (
        f"On {model.headlines.rows} {_INVENTED}, which are far shorter than the rows that it "
        f"was trained on, {100 * model.headlines.accuracy:.0f} % of its answers are right."
    )


def _figures(run: Run, model: ModelRecord) -> str:
    low, high = _interval(run, model)
    rows = run.record.data.rows["test"]
    cost = model.cost
    figures = {
        f"Accuracy on {rows:,} test rows": f"{100 * model.metrics.accuracy:.1f} %",
        "95 % interval (Wilson)": f"{100 * low:.1f} to {100 * high:.1f} %",
        "Macro F1": f"{model.metrics.macro_f1:.3f}",
        "Expected calibration error": f"{model.metrics.ece:.3f}",
        "Size": f"{model.size_bytes / 1e6:.1f} MB (10^6 bytes, the {_graphs(model)})",
        "Time of one row": f"{_times(cost)} ({_place(model, 'latency')})",
    }
    if cost.headline_p50_ms is not None:
        figures["Time of a headline of 8 to 20 words"] = _times(cost, "headline_")
    figures["Many rows"] = (
        f"{cost.rows_per_second:.0f} rows a second ({_place(model, 'throughput')})"
    )
    lines = [f"| {name} | {_cell(value)} |" for name, value in figures.items()]
    return "\n".join(["| | |", "|---|---|", *lines])


def _who_answers(run: Run, model: ModelRecord) -> list[str]:
    if not model.cascade:
        return []
    return [_section("Who answers", cascade_card.who_answers(run, model.role, model.cascade))]


def _graphs(model: ModelRecord) -> str:
    return "ONNX graphs of all members" if model.cascade else "ONNX graph"


def _times(cost: Cost, prefix: str = "") -> str:
    """Mean, median and 95th percentile of one text's time, without those that were not measured."""
    named = {"mean": "mean", "median": "p50", "95th percentile": "p95"}
    taken = {name: getattr(cost, f"{prefix}{key}_ms") for name, key in named.items()}
    return ", ".join(f"{name} {ms:.2f} ms" for name, ms in taken.items() if ms is not None)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _usage(run: Run, model: ModelRecord, contents: Contents) -> str:
    needed = " ".join(deployed_model.packages(*deployed_model.members(run, model.role)))
    lines = deployed_model.six_lines(".", deployed_model.example(run.labels))
    parts = [
        f"With `pip install {needed}`, and nothing else:",
        "```sh\npython classify.py TEXT\n```",
        f"```python\n{lines}```",
    ]
    if model.cascade:
        parts.append(cascade_card.of_its_members(run, model.role))
    if contents.in_transformers:
        parts += [
            f"In JavaScript with transformers.js 4, which finds "
            f"`{deployed_model.graph_name(model)}` by itself:",
            "```js\nimport { pipeline } from '@huggingface/transformers';\n"
            f"const classify = await pipeline('{_TASK}', FOLDER);\n"
            "console.log(await classify(TEXT, { top_k: null }));\n```",
        ]
    if contents.weights:
        parts += [
            "`model.safetensors` holds the same model's weights for transformers: "
            f"`pipeline('{_TASK}', FOLDER)` in Python."
        ]
    return "\n\n".join(parts)


def _limits(run: Run, model: ModelRecord, known: DataSet, contents: Contents) -> str:
    members = deployed_model.members(run, model.role)
    lines = [
        f"CPU: {deployed_model.cpu_needs(*members)}",
        f"It answers one of its {len(run.labels)} classes, whatever the text is about.",
        known.limits,
    ]
    if contents.max_length:
        lines.append(f"It reads the first {contents.max_length} tokens of a text.")
    if contents.in_transformers:
        lines.append(
            "transformers.js cuts a text that is longer than that without its closing token, and "
            "may answer otherwise."
        )
    if any(deployed_model.is_answered_by_itself(member) for member in members):
        lines.append(
            "Give it each text by itself. Its int8 ranges come from what is run at once, so in a "
            "batch a text's neighbours change its answer."
        )
    if run.record.toy:
        lines.append("It comes from a run that shows how the program works, and is of no use.")
    return "\n".join(f"- {line}" for line in lines if line)


def _data(run: Run, known: DataSet) -> str:
    rows = run.record.data.rows
    named = f" (`{known.hub_id}` on the Hub)" if known.hub_id else ""
    return (
        f"{known.title}{named}: {int(rows['train']):,} rows to train on, "
        f"{int(rows['validation']):,} for every choice, {int(rows['test']):,} to report."
    )
