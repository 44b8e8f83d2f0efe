"""The table of families and roles: one row a model, nothing but data.

A family is one teacher and everything derived from it; a role is what a model is within its
family, and means the same in every one of them.
"""

from dataclasses import replace

from pipeline.recipes.roles import (
    Family,
    Model,
    NGramShape,
    Published,
    RandomSpans,
    Reported,
    TfIdf,
    Training,
)

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
    eight_bits = (
        "Weights in int8, a scale for each channel; embeddings in uint8, a scale for each table; "
    )
    dynamic = f"{eight_bits}activations quantized by the range of each text."
    static = (
        f"{eight_bits}the inputs of products, and what is looked up in the tables, quantized by "
        "ranges that were calibrated on training rows beforehand."
    )
    trained_further = (
        "Trained further with weights and activations rounded to int8 in the forward pass; "
        "the artifact holds the ranges that training learned."
    )
    four_bit = "Weights and embeddings in 4 bits, symmetric, in blocks of 128."
    return (
        Model("dynamic", "Teacher, dynamic int8", "dynamic", dynamic, "teacher"),
        Model("static", "Teacher, static int8", "static", static, "teacher"),
        Model(
            "static-naive",
            "Teacher, static int8 of everything",
            "static",
            "Every operator in int8, LayerNorm, softmax and the residual sums too: one range for "
            "activations a few of which are a hundred times the rest leaves no steps for the rest.",
            "teacher",
            every_operator=True,
        ),
        Model(
            "qat",
            "Teacher, quantization-aware",
            "qat",
            trained_further,
            "teacher",
            training=qat,
        ),
        Model("teacher-int4", "Teacher, 4 bits", "int4", four_bit, "teacher"),
        Model("minilm-int8", "MiniLM, dynamic int8", "dynamic", dynamic, "minilm"),
        Model("tiny-int8", "Tiny, dynamic int8", "dynamic", dynamic, "tiny"),
        Model("tiny-static", "Tiny, static int8", "static", static, "tiny"),
        Model(
            "tiny-qat",
            "Tiny, quantization-aware",
            "qat",
            trained_further,
            "tiny",
            teacher="teacher",
            training=tiny_qat,
        ),
        Model("distil-int4", "Half the teacher, 4 bits", "int4", four_bit, "distil"),
        Model("compact-int4", "Compact, 4 bits", "int4", four_bit, "compact"),
        Model("minilm-int4", "MiniLM, 4 bits", "int4", four_bit, "minilm"),
        Model("tiny-int4", "Tiny, 4 bits", "int4", four_bit, "tiny"),
        Model("micro-int4", "Micro, 4 bits", "int4", four_bit, "micro"),
    )


def _fewer_pieces(
    tiny: Model, layers: tuple[int, ...], pieces: int, compact: Training
) -> tuple[Model, ...]:
    """The students that are cut to fit a budget once they are quantized to 4 bits.

    The table of embeddings is a fifth of BERT-base, but over half of a tiny model.
    """
    kept = f"the {pieces:,} most frequent pieces of its vocabulary"
    return (
        Model(
            "compact",
            "Compact",
            "distilled",
            f"{len(layers)} of the fine-tuned teacher's layers and {kept}, {_ON_SPANS}.",
            "teacher",
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
        Model(
            "nano",
            "Nano",
            "distilled",
            "Hashed words and pairs of words in a table of 4-bit numbers, their weighted mean and "
            "a small network, distilled from the teacher's logits.",
            "teacher",
            architecture="ngrams",
            shape=NGramShape(words, pairs, width=7, hidden=32),
            training=training,
        ),
        Model(
            "tfidf",
            "TF-IDF with logistic regression",
            "classical",
            "Words and pairs of words weighted by TF-IDF, logistic regression on the labels.",
            shape=tfidf,
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
        training=_DISTIL,
    ),
    Model(
        "minilm",
        "MiniLM",
        "distilled",
        f"MiniLM, 12 layers of 384, {_ON_SPANS}.",
        "teacher",
        architecture="bert",
        checkpoint="microsoft/MiniLM-L12-H384-uncased",
        training=_MINILM,
    ),
    Model(
        "tiny",
        "TinyBERT",
        "distilled",
        f"TinyBERT, 4 layers of 312, {_ON_SPANS}.",
        "teacher",
        architecture="bert",
        checkpoint="huawei-noah/TinyBERT_General_4L_312D",
        training=_TINY,
    ),
)
_BERT += (
    *_fewer_pieces(_BERT[-1], _COMPACT_LAYERS, _PIECES, _COMPACT),
    *_quantized(_QAT, _TINY_QAT),
    *_SMALLEST,
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
        training=_DISTIL,
    ),
    Model(
        "minilm",
        "MiniLM",
        "distilled",
        f"MiniLM, 6 layers of 384, {_ON_SPANS}.",
        "teacher",
        architecture="bert",
        checkpoint="sentence-transformers/all-MiniLM-L6-v2",
        training=_MINILM,
    ),
    Model(
        "tiny",
        "Tiny",
        "distilled",
        f"3 of MiniLM's 6 layers, {_ON_SPANS}.",
        "teacher",
        architecture="bert",
        checkpoint="sentence-transformers/all-MiniLM-L6-v2",
        layers=(0, 2, 5),
        training=_TINY,
    ),
)
_MPNET += (
    *_fewer_pieces(_MPNET[-1], _COMPACT_LAYERS, _PIECES, _COMPACT),
    *_quantized(_QAT, _TINY_QAT),
    *_SMALLEST,
)

_TOY_TRAINING = Training(rates=(1e-3,), epochs=20, batch_size=16, checkpoint_steps=10)
_TOY_TEACHER = replace(_TOY_TRAINING, rates=(3e-4,), average_from=0.3)
_TOY_SPANS = replace(_TOY_TRAINING, epochs=10, spans=RandomSpans(per_row=1))

_TOY = (
    *(
        replace(
            model,
            title=f"{model.title.split(' (')[0]} (toy)",
            description=f"{model.description} Here: small and randomly initialised.",
            checkpoint=f"toy/{model.role}",
            training=_TOY_SPANS if model.method == "distilled" else _TOY_TEACHER,
        )
        for model in _BERT[:4]
    ),
)
_TOY += (
    *_fewer_pieces(_TOY[-1], (0, 3), 250, _TOY_TRAINING),
    *_quantized(*2 * [replace(_TOY_TRAINING, rates=(2e-4,), epochs=4)]),
    *_smallest(500, 500, replace(_TOY_TRAINING, rates=(2e-2,), average_from=0.5), TfIdf((10.0,))),
)

FAMILIES = {
    family.name: family
    for family in (
        Family("bert", "BERT and its students", _with_reported(_BERT)),
        Family("mpnet", "MPNet and its students", _with_reported(_MPNET)),
        Family("toy", "Toy: small random models on invented headlines", _TOY, 48, toy=True),
    )
}
