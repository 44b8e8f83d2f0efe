"""python -m tests.brief …: like python -m pipeline, but with trainings of a few steps.

Models are measured in the same process, which saves the start of two processes per model. Most
models hardly learn. The toy family does: its networks are smaller here and learn as much in an
eighth of the time.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from unittest import mock

from pipeline.__main__ import main
from pipeline.evaluation import cost, scoring
from pipeline.recipes import training_settings
from pipeline.recipes.families import FAMILIES
from pipeline.recipes.roles import Family, Trained
from pipeline.recipes.training_settings import Training
from pipeline.runs import lineage

BASELINE_STEPS = (2, 4)

# The toy family's checkpoints: architecture, layers, width.
TOY_SHAPES = {
    "toy/teacher": ("bert", 2, 128),
    "toy/distil": ("distilbert", 1, 128),
    "toy/minilm": ("bert", 2, 64),
    "toy/tiny": ("bert", 2, 32),
}
_TOY_EPOCHS = {"teacher": 8, "distil": 6, "minilm": 6, "tiny": 8, "nano": 8}
"""Epochs of the models whose accuracy is tested. All others train for one epoch."""
_TOY_RATES = {"tiny": (5e-3,), "micro": (5e-3,)}
"""Learning rates of networks that are narrower than the others."""


def brief(family: Family, epochs: int = 1) -> Family:
    """The family with all its trainings cut to ``epochs`` epochs."""
    return replace(
        family,
        models=tuple(
            replace(model, training=_brief(training, epochs))
            if (training := lineage.learns(model))
            else model
            for model in family.models
        ),
    )


def _brief(training: Training, epochs: int) -> Training:
    rates = training.rates[:2]  # two, so that one is still chosen
    return replace(
        training, rates=rates, epochs=epochs, least_steps=0, doubled_up_to=None, search_steps=1
    )


def _small_toy(family: Family) -> Family:
    """The toy family with trainings and layers that fit ``TOY_SHAPES``."""
    models = []
    for model in brief(family).models:
        if isinstance(model, Trained):
            training = replace(model.training, epochs=_TOY_EPOCHS.get(model.role, 1))
            if model.checkpoint:
                training = replace(training, rates=_TOY_RATES.get(model.role, (3e-3,)))
            layers = model.layers and tuple(range(len(model.layers)))
            model = replace(model, training=training, layers=layers)
        models.append(model)
    return replace(family, models=tuple(models))


def _shallow(family: Family) -> Family:
    """A family whose teacher has the four layers of ``tests.pipelines.CHECKPOINTS``."""
    return replace(
        family,
        models=tuple(
            replace(model, layers=tuple(range(4))[: len(model.layers)])
            if isinstance(model, Trained) and model.layers and model.start == "teacher"
            else model
            for model in family.models
        ),
    )


def families() -> dict[str, Family]:
    """Every family by name, with short trainings."""
    return {
        "bert": _shallow(brief(FAMILIES["bert"])),
        "mpnet": brief(FAMILIES["mpnet"]),
        "toy": _small_toy(FAMILIES["toy"]),
    }


@contextmanager
def in_this_process() -> Iterator[None]:
    """Let this process run the pipeline as the module's docstring says."""
    from pipeline.models import toy_checkpoints  # slow to import

    with (
        mock.patch.object(scoring, "_in_a_process_apart", cost.measure),
        mock.patch.object(training_settings, "BASELINE_STEPS", BASELINE_STEPS),
        mock.patch.dict(toy_checkpoints.SHAPES, TOY_SHAPES),
        mock.patch.dict(FAMILIES, families()),
    ):
        yield


if __name__ == "__main__":
    with in_this_process():
        sys.exit(main())
