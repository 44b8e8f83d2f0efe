"""Which rate is chosen, and how long a model is trained on few rows and on many."""

import math

import pytest

from pipeline.data import data_sets
from pipeline.recipes.families import FAMILIES
from pipeline.recipes.training_settings import Training
from pipeline.training import schedule

# --- the rate -----------------------------------------------------------------------------------


def test_a_lower_rate_that_does_nearly_as_well_is_taken():
    # A trial is shorter than the training, so a trial's best rate is too high for the training.
    enough, too_much = 1 + schedule.RATE_MARGIN * 0.99, 1 + schedule.RATE_MARGIN * 1.01
    assert schedule.best_rate({"0.0001": enough, "0.0002": 1.0, "0.0004": 1.0}, 77) == 1e-4
    assert schedule.best_rate({"0.0001": too_much, "0.0002": 1.0, "0.0004": 0.9999}, 77) == 2e-4
    assert schedule.best_rate({"0.0001": 2.0, "0.0004": 1.0}, 77) == 4e-4


def test_of_rates_that_hardly_learned_the_one_that_learned_more_is_taken():
    guess = math.log(4)
    assert schedule.best_rate({"1e-09": guess, "0.05": guess - 0.01}, 4) == 0.05
    # If both learned equally little, the lower one is chosen.
    assert schedule.best_rate({"0.01": guess - 0.01, "0.05": guess - 0.01}, 4) == 0.01


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        (2000, 200),  # a tenth
        (500, 100),  # the minimum
        (60, 60),  # the whole training, which is shorter
    ],
)
def test_a_trial_takes_a_share_of_the_steps(steps, expected):
    assert schedule.steps_of_trial(Training(rates=(1e-4, 2e-4), epochs=1), steps) == expected


@pytest.mark.parametrize(
    ("epochs", "steps", "expected"),
    [
        (2, 200, 100),  # one per epoch
        (1, 2000, 500),  # an epoch of more than 500 steps has several
        (2, 26, 13),
        (100, 400, 25),  # a hundred epochs have 16
    ],
)
def test_checkpoints_come_with_the_epochs_but_neither_too_rarely_nor_too_often(
    epochs, steps, expected
):
    settings = Training(rates=(), epochs=epochs, checkpoint_steps=500)
    assert schedule.save_every(settings, epochs, steps) == expected


# --- the length ---------------------------------------------------------------------------------

ROWS = (500, 2_000, 69_135, 500_000)
# Steps of the trainings that are tried, for each of ``ROWS``. A tenth of the rows is held out.
STEPS = {
    "teacher": ([210, 420, 840], [228, 456, 912], [1_945], [14_063]),
    "distil": ([308], [340], [5_834], [42_188]),
    "minilm": ([616], [680], [11_668], [84_376]),
    "nano": ([2_000], [2_000], [2_440], [17_580]),
    "qat": ([110], [170], [313], [313]),
    "minilm-baseline": (
        [64, 128, 256, 512, 1_024, 2_048, 4_096, 8_192],
        [87, 174, 348, 696, 1_392, 2_784, 5_568, 11_136],
        [973, 1_946, 3_892, 7_784],
        [7_032],
    ),
}


@pytest.mark.parametrize("role", STEPS)
def test_how_long_todays_recipes_train(role):
    settings = FAMILIES["mpnet"].by_role()[role].training
    for rows, expected in zip(ROWS, STEPS[role], strict=True):
        lessons = (rows - round(rows * data_sets.VALIDATION_SHARE)) * (
            1 + (settings.spans.per_row if settings.spans else 0)
        )
        found = schedule.lengths(settings, min(lessons, settings.rows or lessons))
        assert [epochs * found.steps_per_epoch for epochs in found.epochs] == expected, rows


def test_a_length_is_of_whole_epochs_with_a_least_number_of_steps():
    # 10 rows in batches of 4 are 3 steps.
    assert schedule.lengths(Training((), epochs=2, batch_size=4), 10) == (3, [2])
    assert schedule.lengths(Training((), epochs=2, batch_size=4, least_steps=7), 10) == (3, [3])
    doubled = Training((), epochs=2, batch_size=4, doubled_up_to=24)
    assert schedule.lengths(doubled, 10) == (3, [2, 4, 8])
    # A training that is longer from the start is done all the same.
    assert schedule.lengths(doubled, 1000) == (250, [2])
