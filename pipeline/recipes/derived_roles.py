"""The models that every family derives from its teacher and students in the same way."""

from dataclasses import replace

from pipeline.recipes.roles import (
    Cascade,
    Classical,
    Distilled,
    Model,
    QuantizationAware,
    Quantized,
)
from pipeline.recipes.training_settings import NGramShape, TfIdf, Training

ON_SPANS = "distilled from the teacher's logits on the rows and on two random spans of each"


def quantized(qat: Training, tiny_qat: Training) -> tuple[Model, ...]:
    """The models that every family derives by quantizing its trained ones."""
    return (
        _dynamic("dynamic", "Teacher, dynamic int8", "teacher"),
        _static("static", "Teacher, static int8", "teacher"),
        Quantized(
            role="static-naive",
            title="Teacher, static int8 of everything",
            description="Every operator in int8, LayerNorm, softmax and the residual sums too: one "
            "range for activations a few of which are a hundred times the rest leaves no steps for "
            "the rest.",
            source="teacher",
            way="static",
            every_operator=True,
        ),
        _quantization_aware("qat", "Teacher, quantization-aware", "teacher", qat),
        _int4("teacher-int4", "Teacher, 4 bits", "teacher"),
        _dynamic("minilm-int8", "MiniLM, dynamic int8", "minilm"),
        _dynamic("tiny-int8", "Tiny, dynamic int8", "tiny"),
        _static("tiny-static", "Tiny, static int8", "tiny"),
        _quantization_aware("tiny-qat", "Tiny, quantization-aware", "tiny", tiny_qat),
        _int4("distil-int4", "Half the teacher, 4 bits", "distil"),
        _int4("compact-int4", "Compact, 4 bits", "compact"),
        _int4("minilm-int4", "MiniLM, 4 bits", "minilm"),
        _int4("tiny-int4", "Tiny, 4 bits", "tiny"),
        _int4("micro-int4", "Micro, 4 bits", "micro"),
    )


_EIGHT_BITS = (
    "Weights in int8, a scale for each channel; embeddings in uint8, a scale for each table; "
)


def _dynamic(role: str, title: str, source: str) -> Quantized:
    return Quantized(
        role=role,
        title=title,
        description=f"{_EIGHT_BITS}activations quantized by the range of each text.",
        source=source,
        way="dynamic",
    )


def _static(role: str, title: str, source: str) -> Quantized:
    return Quantized(
        role=role,
        title=title,
        description=f"{_EIGHT_BITS}the inputs of products, and what is looked up in the tables, "
        "quantized by ranges that were calibrated on training rows beforehand.",
        source=source,
        way="static",
    )


def _int4(role: str, title: str, source: str) -> Quantized:
    return Quantized(
        role=role,
        title=title,
        description="Weights and embeddings in 4 bits, symmetric, in blocks of 128.",
        source=source,
        way="int4",
    )


def _quantization_aware(
    role: str, title: str, source: str, training: Training
) -> QuantizationAware:
    return QuantizationAware(
        role=role,
        title=title,
        description="Trained further with weights and activations rounded to int8 in the forward "
        "pass; the artifact holds the ranges that training learned.",
        source=source,
        teacher="teacher",
        training=training,
    )


def fewer_pieces(
    tiny: Distilled, layers: tuple[int, ...], pieces: int, compact: Training
) -> tuple[Distilled, ...]:
    """The students with a pruned vocabulary, which fit a size budget once quantized to 4 bits.

    The table of embeddings is a fifth of BERT-base, but more than half of a tiny model.
    """
    kept = f"the {pieces:,} most frequent pieces of its vocabulary"
    return (
        Distilled(
            role="compact",
            title="Compact",
            description=f"{len(layers)} of the fine-tuned teacher's layers and {kept}, {ON_SPANS}.",
            teacher="teacher",
            start="teacher",
            layers=layers,
            vocabulary=pieces,
            training=compact,
        ),
        replace(
            tiny,
            role="micro",
            title="Micro",
            description=f"{tiny.title} with {kept}.",
            vocabulary=pieces,
        ),
    )


def smallest(words: int, pairs: int, training: Training, tfidf: TfIdf) -> tuple[Model, ...]:
    """The models without a transformer, which all families have."""
    return (
        Distilled(
            role="nano",
            title="Nano",
            description="Hashed words and pairs of words in a table of 4-bit numbers, their "
            "weighted mean and a small network, distilled from the teacher's logits.",
            teacher="teacher",
            start=NGramShape(words, pairs, width=7, hidden=32),
            training=training,
        ),
        Classical(
            role="tfidf",
            title="TF-IDF with logistic regression",
            description="Words and pairs of words weighted by TF-IDF, logistic regression on the "
            "labels.",
            tfidf=tfidf,
        ),
    )


# Most texts are easy: a model that takes a fraction of the time answers them equally well.
CASCADES = (
    Cascade(
        role="cascade-small",
        title="Cascade under 25 MB",
        description="Nano answers where it is sure; else the model that is best on validation and "
        "fits in 25 MB with it.",
        members=(
            ("nano",),
            ("compact-int4", "minilm-int8", "minilm-int4", "tiny-int8", "tiny-static", "tiny-int4"),
        ),
        most_mb=25,
    ),
    Cascade(
        role="cascade-teacher",
        title="Cascade to the teacher, 4 bits",
        description="Tiny in int8 answers where it is sure; else the teacher in 4 bits.",
        members=(("tiny-int8",), ("teacher-int4",)),
    ),
    Cascade(
        role="cascade-dynamic",
        title="Cascade to the teacher, int8",
        description="Tiny in int8 answers where it is sure; else the teacher in dynamic int8.",
        members=(("tiny-int8",), ("dynamic",)),
    ),
)
