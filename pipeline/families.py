"""The table of families and roles: one row a model, nothing but data.

A family is one teacher and everything derived from it; a role is what a model is within its
family, and means the same in every one of them.
"""

from dataclasses import dataclass, replace
from typing import Literal

LABELS = ("World", "Sports", "Business", "Sci/Tech")

Method = Literal["fine-tuned", "distilled", "dynamic", "static", "qat", "int4"]


@dataclass(frozen=True)
class Training:
    """How a model is trained. Every list of more than one is chosen from on validation."""

    rates: tuple[float, ...]
    """Peak learning rates to choose from; the schedule is linear with warm-up."""
    epochs: int
    """Trained in full; the checkpoint that is best on validation is kept."""
    batch_size: int = 32
    warmup: float = 0.06
    """Share of the steps."""
    weight_decay: float = 0.01
    temperature: float = 2.0
    """Softens teacher and student logits alike (Hinton et al., 2015)."""
    label_share: float = 0.1
    """Share of cross-entropy on the labels in the loss; the rest is the teacher's."""
    checkpoint_steps: int = 500
    """At most this many steps between checkpoints, so at most this much is lost to a kill."""
    search_rows: int = 1200
    """Rows of the one short epoch on which each of ``rates`` is tried."""
    seed: int = 42


@dataclass(frozen=True)
class Reported:
    """What the source notebook reported, on the 7,600 test rows."""

    accuracy: float
    size_mb: float
    note: str = ""
    """What is wrong with the figure, if anything."""


@dataclass(frozen=True)
class Model:
    """One row of a family."""

    role: str
    title: str
    method: Method
    description: str
    parent: str | None = None
    """Of a student, the role that teaches it; of a quantized model, the one it is made from."""
    architecture: str | None = None
    """model_type of the checkpoint in transformers; None: the parent's."""
    checkpoint: str | None = None
    """Where the weights start; None: the parent's fine-tuned weights."""
    layers: tuple[int, ...] | None = None
    """The layers of those weights that are kept; None: all."""
    training: Training | None = None
    reported: Reported | None = None

    def control(self) -> "Model":
        """The same student trained on labels alone, to measure what its teacher adds."""
        assert self.method == "distilled"
        assert self.training
        return replace(
            self,
            role=f"{self.role}{CONTROL}",
            title=f"{self.title}, labels only",
            method="fine-tuned",
            description=f"{self.description} Control: trained on the labels, without the teacher.",
            training=replace(self.training, label_share=1.0),
            reported=None,
        )


@dataclass(frozen=True)
class Family:
    """One teacher and everything derived from it."""

    name: str
    title: str
    models: tuple[Model, ...]
    """Parents before their children."""
    max_length: int = 128
    """Tokens of a text that are read; 99 % of AG News is shorter."""
    toy: bool = False

    def by_role(self) -> dict[str, Model]:
        """Every model, the students' controls included, by role."""
        controls = [m.control() for m in self.models if m.method == "distilled"]
        return {model.role: model for model in (*self.models, *controls)}


CONTROL = "-control"

_FOLDER_SIZE = "Its size is os.path.getsize of a folder: the directory entry, not the model in it."
_NEVER_TAUGHT = "Reported as distilled, but fine-tuned on the labels: it never saw the teacher."

REPORTED = {
    "teacher": Reported(0.94, 438.0),
    "distil": Reported(0.938, 267.86, _NEVER_TAUGHT),
    "tiny": Reported(0.91, 57.43, _NEVER_TAUGHT),
    "minilm": Reported(0.93, 133.51, _NEVER_TAUGHT),
    "dynamic": Reported(0.935, 110.0),
    "static": Reported(0.93, 0.004, _FOLDER_SIZE),
    "qat": Reported(
        0.94,
        0.004,
        "Plain fp16 fine-tuning, evaluated without any quantization. " + _FOLDER_SIZE,
    ),
}

SOURCE_MISTAKES = (
    "Two sizes of 0.004 MB (static and QAT) are os.path.getsize of a folder, not of a model.",
    'Its "quantization-aware training" is plain fp16 fine-tuning, evaluated without quantization.',
    'Its "distilled" models were fine-tuned on the labels and never saw the teacher.',
)


def _quantized(qat: Training) -> tuple[Model, ...]:
    """The models that every family derives by quantizing its trained ones."""
    dynamic = "Weights and embeddings in int8 per channel; activations quantized as they come."
    four_bit = "Weights and embeddings in 4 bits, symmetric, in blocks of 128."
    return (
        Model("dynamic", "Teacher, dynamic int8", "dynamic", dynamic, "teacher"),
        Model(
            "static",
            "Teacher, static int8",
            "static",
            "Weights and embeddings in int8 per channel; ranges of the activations calibrated on "
            "training rows beforehand.",
            "teacher",
        ),
        Model(
            "qat",
            "Teacher, quantization-aware",
            "qat",
            "Fine-tuned further with weights and activations rounded to int8 in the forward pass; "
            "the artifact holds the ranges that training learned.",
            "teacher",
            training=qat,
        ),
        Model("minilm-int8", "MiniLM, dynamic int8", "dynamic", dynamic, "minilm"),
        Model("tiny-int8", "Tiny, dynamic int8", "dynamic", dynamic, "tiny"),
        Model("minilm-int4", "MiniLM, 4 bits", "int4", four_bit, "minilm"),
        Model("tiny-int4", "Tiny, 4 bits", "int4", four_bit, "tiny"),
    )


def _with_reported(models: tuple[Model, ...]) -> tuple[Model, ...]:
    return tuple(replace(model, reported=REPORTED.get(model.role)) for model in models)


_TEACHER = Training(rates=(3e-5, 6e-5), epochs=3)
_QAT = Training(rates=(2e-5,), epochs=1)

_BERT = (
    Model(
        "teacher",
        "Teacher (BERT-base)",
        "fine-tuned",
        "BERT-base fine-tuned on the labels.",
        architecture="bert",
        checkpoint="google-bert/bert-base-uncased",
        training=_TEACHER,
    ),
    Model(
        "distil",
        "DistilBERT",
        "distilled",
        "DistilBERT distilled from the teacher's logits.",
        "teacher",
        architecture="distilbert",
        checkpoint="distilbert/distilbert-base-uncased",
        training=Training(rates=(5e-5, 1e-4), epochs=4),
    ),
    Model(
        "minilm",
        "MiniLM",
        "distilled",
        "MiniLM, 12 layers of 384, distilled from the teacher's logits.",
        "teacher",
        architecture="bert",
        checkpoint="microsoft/MiniLM-L12-H384-uncased",
        training=Training(rates=(1e-4, 2e-4), epochs=6),
    ),
    Model(
        "tiny",
        "TinyBERT",
        "distilled",
        "TinyBERT, 4 layers of 312, distilled from the teacher's logits.",
        "teacher",
        architecture="bert",
        checkpoint="huawei-noah/TinyBERT_General_4L_312D",
        training=Training(rates=(2e-4, 4e-4), epochs=8),
    ),
    *_quantized(_QAT),
)

_MPNET = (
    Model(
        "teacher",
        "Teacher (MPNet-base)",
        "fine-tuned",
        "MPNet-base, of BERT-base's size, fine-tuned on the labels.",
        architecture="mpnet",
        checkpoint="sentence-transformers/all-mpnet-base-v2",
        training=_TEACHER,
    ),
    Model(
        "distil",
        "Half the teacher",
        "distilled",
        "6 of the fine-tuned teacher's 12 layers, distilled from its logits: how DistilBERT was "
        "initialised.",
        "teacher",
        # The layers that DistilBERT took from BERT-base (Sanh et al., 2019).
        layers=(0, 2, 4, 7, 9, 11),
        training=Training(rates=(5e-5, 1e-4), epochs=4),
    ),
    Model(
        "minilm",
        "MiniLM",
        "distilled",
        "MiniLM, 6 layers of 384, distilled from the teacher's logits.",
        "teacher",
        architecture="bert",
        checkpoint="sentence-transformers/all-MiniLM-L6-v2",
        training=Training(rates=(1e-4, 2e-4), epochs=6),
    ),
    Model(
        "tiny",
        "Tiny",
        "distilled",
        "3 of MiniLM's 6 layers, distilled from the teacher's logits.",
        "teacher",
        architecture="bert",
        checkpoint="sentence-transformers/all-MiniLM-L6-v2",
        layers=(0, 2, 5),
        training=Training(rates=(1e-4, 2e-4), epochs=8),
    ),
    *_quantized(_QAT),
)

_TOY_TRAINING = Training(rates=(1e-3,), epochs=20, batch_size=16, checkpoint_steps=10)

_TOY = (
    *(
        replace(
            model,
            title=f"{model.title.split(' (')[0]} (toy)",
            description=f"{model.description} Here: small and randomly initialised.",
            checkpoint=f"toy/{model.role}",
            training=_TOY_TRAINING,
        )
        for model in _BERT[:4]
    ),
    *_quantized(replace(_TOY_TRAINING, rates=(2e-4,), epochs=4)),
)

FAMILIES = {
    family.name: family
    for family in (
        Family("bert", "BERT and its students", _with_reported(_BERT)),
        Family("mpnet", "MPNet and its students", _with_reported(_MPNET)),
        Family("toy", "Toy: small random models on invented headlines", _TOY, 48, toy=True),
    )
}
