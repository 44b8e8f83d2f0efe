"""The table of families and roles: one entry per model, only data.

A family is one teacher and everything derived from it. A role is what a model is within its family;
it means the same in all families.
"""

from dataclasses import replace
from typing import TypeVar

from pipeline.recipes.derived_roles import (
    CASCADES,
    ON_SPANS,
    fewer_pieces,
    quantized,
    smallest,
)
from pipeline.recipes.roles import Checkpoint, Distilled, Family, FineTuned
from pipeline.recipes.training_settings import RandomSpans, TfIdf, Training

# Headlines are far shorter than rows, and models that are trained on whole rows only fail on many.
_TITLES = RandomSpans(per_row=1, longest=16, labelled=True)
_SPANS = RandomSpans(per_row=2)

# It learns from labels, and a long training memorises them. So a small data set's length is chosen
# on validation. A second epoch over all of AG News raises the loss there (tests/experiments).
_TEACHER = Training(rates=(4e-5,), epochs=1, least_steps=200, doubled_up_to=1500, spans=_TITLES)
# It starts from the trained teacher and only has to compensate for the rounding.
_QAT = Training(rates=(2e-5,), epochs=1, least_steps=100, rows=20_000, spans=_SPANS)
_TINY_QAT = replace(_QAT, rates=(5e-5, 1e-4, 2e-4))

_DISTIL = Training(rates=(5e-5, 1e-4), epochs=2, least_steps=300, spans=_SPANS)
_MINILM = Training(rates=(1e-4, 2e-4, 4e-4), epochs=4, least_steps=600, spans=_SPANS)
_TINY = replace(_MINILM, rates=(2e-4, 4e-4, 8e-4))
_COMPACT = _DISTIL
_COMPACT_LAYERS = (0, 3, 6, 8, 11)
_PIECES = 12_000

# Temperature 1 and averaged weights: each lowered the loss on validation.
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
_SMALLEST = smallest(60_000, 180_000, _NANO, _TFIDF)

_BERT_TINY = Distilled(
    role="tiny",
    title="TinyBERT",
    description=f"TinyBERT, 4 layers of 312, {ON_SPANS}.",
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
        description=f"MiniLM, 12 layers of 384, {ON_SPANS}.",
        teacher="teacher",
        start=Checkpoint("microsoft/MiniLM-L12-H384-uncased", "bert"),
        training=_MINILM,
    ),
    _BERT_TINY,
)
_BERT = (
    _BERT_TEACHER,
    *_BERT_STUDENTS,
    *fewer_pieces(_BERT_TINY, _COMPACT_LAYERS, _PIECES, _COMPACT),
    *quantized(_QAT, _TINY_QAT),
    *_SMALLEST,
    *CASCADES,
)

_MINILM_L6 = Checkpoint("sentence-transformers/all-MiniLM-L6-v2", "bert")
_MPNET_TINY = Distilled(
    role="tiny",
    title="Tiny",
    description=f"3 of MiniLM's 6 layers, {ON_SPANS}.",
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
        description=f"MiniLM, 6 layers of 384, {ON_SPANS}.",
        teacher="teacher",
        start=_MINILM_L6,
        training=_MINILM,
    ),
    _MPNET_TINY,
    *fewer_pieces(_MPNET_TINY, _COMPACT_LAYERS, _PIECES, _COMPACT),
    *quantized(_QAT, _TINY_QAT),
    *_SMALLEST,
    *CASCADES,
)

_Row = TypeVar("_Row", FineTuned, Distilled)

_TOY_TRAINING = Training(rates=(1e-3,), epochs=20, batch_size=16, checkpoint_steps=10)
_TOY_TEACHER = replace(_TOY_TRAINING, rates=(3e-4,), average_from=0.3)
_TOY_SPANS = replace(_TOY_TRAINING, epochs=10, spans=RandomSpans(per_row=1))


def _toy(model: _Row) -> _Row:
    """The same role with a small random network in place of a pretrained one."""
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
    *fewer_pieces(_toy(_BERT_TINY), (0, 3), 250, _TOY_TRAINING),
    *quantized(*2 * [replace(_TOY_TRAINING, rates=(2e-4,), epochs=4)]),
    *smallest(500, 500, replace(_TOY_TRAINING, rates=(2e-2,), average_from=0.5), TfIdf((10.0,))),
    *CASCADES,
)

FAMILIES = {
    family.name: family
    for family in (
        Family("bert", "BERT and its students", _BERT),
        Family("mpnet", "MPNet and its students", _MPNET),
        Family(
            "toy",
            "Toy: small random models",
            _TOY,
            max_length=48,
            toy=True,
            most_rows=400,
            most_test_rows=1000,
        ),
    )
}
