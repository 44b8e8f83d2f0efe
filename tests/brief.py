"""python -m tests.brief …: python -m pipeline, but with trainings of a few steps.

What is learned is not the point there.
"""

import sys
from dataclasses import replace

from pipeline.__main__ import main
from pipeline.recipes import training_settings
from pipeline.recipes.families import FAMILIES
from pipeline.recipes.roles import Family
from pipeline.recipes.training_settings import Training
from pipeline.runs import plan


def brief(family: Family, epochs: int = 1) -> Family:
    """A family whose trainings take so many epochs."""
    return replace(
        family,
        models=tuple(
            replace(model, training=_brief(training, epochs))
            if (training := plan.learns(model))
            else model
            for model in family.models
        ),
    )


def _brief(training: Training, epochs: int) -> Training:
    rates = training.rates[:2]  # one of which is still chosen
    return replace(
        training, rates=rates, epochs=epochs, least_steps=0, doubled_up_to=None, search_steps=1
    )


if __name__ == "__main__":
    training_settings.BASELINE_STEPS = (2, 4)
    FAMILIES.update({name: brief(family) for name, family in FAMILIES.items()})
    sys.exit(main())
