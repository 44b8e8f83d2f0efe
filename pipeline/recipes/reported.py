"""Figures that others reported on AG News, shown beside ours."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Reported:
    """What the source notebook reported, on the 7,600 test rows."""

    accuracy: float
    size_mb: float
    note: str = ""
    """What is wrong with the figure, if anything."""


@dataclass(frozen=True)
class Published:
    """A figure from the literature, shown beside ours. It has no predictions to test with."""

    title: str
    accuracy: float
    """On the 7,600 test rows, trained on all 120,000."""
    size_mb: float
    source: str


REPORTED_ON = "agnews"
"""Name of the data set."""

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

STAND_INS = {
    "teacher": "teacher-int4",
    "distil": "distil-int4",
    "tiny": "tiny-int4",
    "minilm": "minilm-int4",
    "dynamic": "tiny-int8",
    "static": "tiny-static",
    "qat": "tiny-qat",
}
"""For each of the notebook's seven models, one made in its way that is small enough to install."""

_FASTTEXT = "https://fasttext.cc/docs/en/supervised-models.html"
PUBLISHED = (
    Published("fastText", 0.924, 387.0, _FASTTEXT),
    Published("fastText, compressed", 0.920, 1.6, _FASTTEXT),
)

SOURCE_MISTAKES = (
    "Two sizes of 0.004 MB (static and QAT) are os.path.getsize of a folder, not of a model.",
    'Its "quantization-aware training" is plain fp16 fine-tuning, evaluated without quantization.',
    'Its "distilled" models were fine-tuned on the labels and never saw the teacher.',
)
