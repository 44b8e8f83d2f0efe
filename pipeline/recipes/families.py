"""The table of families and roles: one row a model, nothing but data.

A family is one teacher and everything derived from it; a role is what a model is within its
family, and means the same in every one of them.
"""

from dataclasses import replace
from typing import TypeVar

from pipeline.recipes.reported import Published, Reported
from pipeline.recipes.roles import (
    Cascade,
    Checkpoint,
    Classical,
    Distilled,
    Family,
    FineTuned,
    Model,
    QuantizationAware,
    Quantized,
)
from pipeline.recipes.training_settings import NGramShape, RandomSpans, TfIdf, Training

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


_ON_SPANS = "distilled from the teacher's logits on the rows and on two random spans of each"


def _quantized(qat: Training, tiny_qat: Training) -> tuple[Model, ...]:
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


def _fewer_pieces(
    tiny: Distilled, layers: tuple[int, ...], pieces: int, compact: Training
) -> tuple[Distilled, ...]:
    """The students that are cut to fit a budget once they are quantized to 4 bits.

    The table of embeddings is a fifth of BERT-base, but over half of a tiny model.
    """
    kept = f"the {pieces:,} most frequent pieces of its vocabulary"
    return (
        Distilled(
            role="compact",
            title="Compact",
            description=f"{len(layers)} of the fine-tuned teacher's layers and {kept}, "
            f"{_ON_SPANS}.",
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


def _smallest(words: int, pairs: int, training: Training, tfidf: TfIdf) -> tuple[Model, ...]:
    """The models without a transformer, which every family has."""
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


# Most texts are easy: a model of a fraction of the time answers them as well.
_CASCADES = (
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


def _with_reported(models: tuple[Model, ...]) -> tuple[Model, ...]:
    return tuple(replace(model, reported=REPORTED.get(model.role)) for model in models)


# Headlines are far shorter than the rows, and models that see whole rows alone fail on many.
_TITLES = RandomSpans(per_row=1, longest=16, labelled=True)
_SPANS = RandomSpans(per_row=2)

# On labels, where a long training learns few rows by heart: its length is chosen on validation.
_TEACHER = Training(rates=(4e-5,), epochs=2, least_steps=200, doubled_up_to=1500, spans=_TITLES)
# It starts from the trained teacher, and has only to make up for the rounding.
_QAT = Training(rates=(2e-5,), epochs=1, least_steps=100, rows=20_000, spans=_SPANS)
_TINY_QAT = replace(_QAT, rates=(5e-5, 1e-4, 2e-4))

_DISTIL = Training(rates=(5e-5, 1e-4), epochs=2, least_steps=300, spans=_SPANS)
_MINILM = Training(rates=(1e-4, 2e-4, 4e-4), epochs=4, least_steps=600, spans=_SPANS)
_TINY = replace(_MINILM, rates=(2e-4, 4e-4, 8e-4))
_COMPACT = _DISTIL
_COMPACT_LAYERS = (0, 3, 6, 8, 11)
_PIECES = 12_000

# The teacher unsoftened and the mean of the weights: each lowered the loss on validation.
_NANO = Training(
    rates=(5e-3,),
    epochs=10,
    least_steps=2000,
    batch_size=256,
    dropout=0.3,
    temperature=1.0,
    average_from=0.3,
)
_TFIDF = TfIdf(inverse_penalties=(3.0, 10.0, 30.0))
_SMALLEST = _smallest(60_000, 180_000, _NANO, _TFIDF)

_BERT_TINY = Distilled(
    role="tiny",
    title="TinyBERT",
    description=f"TinyBERT, 4 layers of 312, {_ON_SPANS}.",
    teacher="teacher",
    start=Checkpoint("huawei-noah/TinyBERT_General_4L_312D", "bert"),
    training=_TINY,
)
_BERT_TEACHER = FineTuned(
    role="teacher",
    title="Teacher (BERT-base)",
    description="BERT-base fine-tuned on the labels.",
    start=Checkpoint("google-bert/bert-base-uncased", "bert"),
    training=_TEACHER,
)
_BERT_STUDENTS = (
    Distilled(
        role="distil",
        title="DistilBERT",
        description="DistilBERT distilled from the teacher's logits.",
        teacher="teacher",
        start=Checkpoint("distilbert/distilbert-base-uncased", "distilbert"),
        training=_DISTIL,
    ),
    Distilled(
        role="minilm",
        title="MiniLM",
        description=f"MiniLM, 12 layers of 384, {_ON_SPANS}.",
        teacher="teacher",
        start=Checkpoint("microsoft/MiniLM-L12-H384-uncased", "bert"),
        training=_MINILM,
    ),
    _BERT_TINY,
)
_BERT = (
    _BERT_TEACHER,
    *_BERT_STUDENTS,
    *_fewer_pieces(_BERT_TINY, _COMPACT_LAYERS, _PIECES, _COMPACT),
    *_quantized(_QAT, _TINY_QAT),
    *_SMALLEST,
    *_CASCADES,
)

_MINILM_L6 = Checkpoint("sentence-transformers/all-MiniLM-L6-v2", "bert")
_MPNET_TINY = Distilled(
    role="tiny",
    title="Tiny",
    description=f"3 of MiniLM's 6 layers, {_ON_SPANS}.",
    teacher="teacher",
    start=_MINILM_L6,
    layers=(0, 2, 5),
    training=_TINY,
)
_MPNET = (
    FineTuned(
        role="teacher",
        title="Teacher (MPNet-base)",
        description="MPNet-base, of BERT-base's size, fine-tuned on the labels.",
        start=Checkpoint("sentence-transformers/all-mpnet-base-v2", "mpnet"),
        training=_TEACHER,
    ),
    Distilled(
        role="distil",
        title="Half the teacher",
        description="6 of the fine-tuned teacher's 12 layers, distilled from its logits: how "
        "DistilBERT was initialised.",
        teacher="teacher",
        start="teacher",
        # The layers that DistilBERT took from BERT-base (Sanh et al., 2019).
        layers=(0, 2, 4, 7, 9, 11),
        training=_DISTIL,
    ),
    Distilled(
        role="minilm",
        title="MiniLM",
        description=f"MiniLM, 6 layers of 384, {_ON_SPANS}.",
        teacher="teacher",
        start=_MINILM_L6,
        training=_MINILM,
    ),
    _MPNET_TINY,
    *_fewer_pieces(_MPNET_TINY, _COMPACT_LAYERS, _PIECES, _COMPACT),
    *_quantized(_QAT, _TINY_QAT),
    *_SMALLEST,
    *_CASCADES,
)

_Row = TypeVar("_Row", FineTuned, Distilled)

_TOY_TRAINING = Training(rates=(1e-3,), epochs=20, batch_size=16, checkpoint_steps=10)
_TOY_TEACHER = replace(_TOY_TRAINING, rates=(3e-4,), average_from=0.3)
_TOY_SPANS = replace(_TOY_TRAINING, epochs=10, spans=RandomSpans(per_row=1))


def _toy(model: _Row) -> _Row:
    """A small random network in place of a pretrained one."""
    assert isinstance(model.start, Checkpoint)
    return replace(
        model,
        title=f"{model.title.split(' (')[0]} (toy)",
        description=f"{model.description} Here: small and randomly initialised.",
        start=Checkpoint(f"toy/{model.role}", model.start.architecture),
        training=_TOY_SPANS if isinstance(model, Distilled) else _TOY_TEACHER,
    )


_TOY = (
    _toy(_BERT_TEACHER),
    *map(_toy, _BERT_STUDENTS),
    *_fewer_pieces(_toy(_BERT_TINY), (0, 3), 250, _TOY_TRAINING),
    *_quantized(*2 * [replace(_TOY_TRAINING, rates=(2e-4,), epochs=4)]),
    *_smallest(500, 500, replace(_TOY_TRAINING, rates=(2e-2,), average_from=0.5), TfIdf((10.0,))),
    *_CASCADES,
)

FAMILIES = {
    family.name: family
    for family in (
        Family("bert", "BERT and its students", _with_reported(_BERT)),
        Family("mpnet", "MPNet and its students", _with_reported(_MPNET)),
        Family("toy", "Toy: small random models on invented headlines", _TOY, 48, toy=True),
    )
}
