"""File names, needs and usage of a deployed model, derived only from its run's record."""

from collections.abc import Sequence

from pipeline.data.data_sets import LABELS
from pipeline.inference.encoders import TOKENIZER
from pipeline.inference.sessions import EXACT_INT8
from pipeline.results.records import ModelRecord
from pipeline.results.storage import Run

_DTYPES = {"dynamic": "q8", "static": "q8", "qat": "q8", "int4": "q4"}
_SUFFIXES = {"fp32": "", "q8": "_quantized", "q4": "_q4"}
DYNAMIC = "uint8, dynamic"
"""The setting "activations" of a model that takes their ranges from the batch that it runs."""
_EIGHT_BITS = (
    "Any CPU that onnxruntime runs on. On an x86 CPU without VNNI (Intel before 2019, AMD before "
    "Zen 4), sums of products of eight bits saturate, and answers may be wrong without a sign of "
    f"it, unless the session has the setting {EXACT_INT8} = 1. classify.py sets it there; "
    "transformers.js in Node takes session_options: "
    "{ extra: { session: { x64quantprecision: '1' } } }."
)


def members(run: Run, role: str) -> list[ModelRecord]:
    """The members of a cascade in order; for any other model, only the model itself."""
    cascade = run.by_role[role].cascade
    return [run.by_role[member] for member in (cascade.members if cascade else [role])]


def dtype(model: ModelRecord) -> str:
    """transformers.js's name for a model's precision: fp32, q8 or q4."""
    return _DTYPES.get(model.method, "fp32")


def graph_name(model: ModelRecord) -> str:
    """The path where transformers.js looks for a graph of the model's precision."""
    return f"onnx/model{_SUFFIXES[dtype(model)]}.onnx"


def is_answered_by_itself(model: ModelRecord) -> bool:
    """Whether a text's neighbours in a batch would change its answer."""
    return model.method == "dynamic" or model.settings.get("activations") == DYNAMIC


def cpu_needs(*models: ModelRecord) -> str:
    """Sentences on the CPU that a model, or each member of a cascade, needs."""
    by_need: dict[str, list[str]] = {}
    for model in models:
        by_need.setdefault(_cpu_needs_of_one(model), []).append(model.role)
    if len(by_need) == 1:
        return next(iter(by_need))
    return " ".join(f"{', '.join(roles)}: {need}" for need, roles in by_need.items())


def _cpu_needs_of_one(model: ModelRecord) -> str:
    precision = dtype(model)
    if precision == "q4":
        return (
            "Any CPU that onnxruntime runs on. Weights of 4 bits save size; they hardly save time "
            "against float32."
        )
    if precision == "fp32":
        return "Any CPU that onnxruntime runs on."
    if "7 bits" in str(model.settings.get("weights", "")):
        return (
            "Any CPU that onnxruntime runs on: its int8 weights have seven bits, whose sums do not "
            "saturate on AVX2. It is fastest with VNNI."
        )
    return _EIGHT_BITS


def packages(*models: ModelRecord) -> list[str]:
    """The Python packages that ``classify.py`` of a model, or of a cascade's members, needs."""
    tokenizers = ["tokenizers"] if any(TOKENIZER in each.artifact for each in models) else []
    return ["onnxruntime", *tokenizers, "numpy"]


def example(labels: Sequence[str]) -> str:
    """A text to try a model with: a headline for the classes of AG News, else a class name."""
    return "Oil prices fall for a third day" if tuple(labels) == LABELS else labels[0]


def six_lines(folder: str, text: str) -> str:
    """Python code that asks an exported model for one answer."""
    return f"""import sys

sys.path.insert(0, {folder!r})  # the folder of the export
from classify import classify

[answer] = classify([{text!r}])
label = max(answer, key=answer.get)
print(label, answer[label])
"""
