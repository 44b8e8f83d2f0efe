"""Colours of classes: one for each, legible, the same wherever a class is shown."""

import numpy as np
import pytest

from tests.views.test_charts import contrast
from views.charts import palette


@pytest.mark.parametrize("count", [1, 4, 8, 77, 200])
def test_every_class_has_a_colour_that_text_is_legible_on(count):
    names = [f"class {number}" for number in range(count)]
    colors = palette.class_colors(names)
    assert list(colors) == names
    assert len(set(colors.values())) == count
    assert palette.REST not in colors.values()
    assert min(contrast(color, palette.ON_COLOR) for color in colors.values()) >= 4.5


def test_a_class_keeps_its_colour_when_there_are_more():
    few, many = (palette.class_colors([str(i) for i in range(n)]) for n in (4, 77))
    assert few.items() <= many.items()


@pytest.mark.parametrize("count", [20, 77])
def test_no_two_classes_have_colours_that_look_the_same(count):
    colors = [*palette.class_colors([str(i) for i in range(count)]).values(), palette.REST]
    spots = palette._lab(np.array([hex_to_rgb(color) for color in colors]))
    apart = np.linalg.norm(spots[:, None] - spots, axis=2) + 1e3 * np.eye(count + 1)
    assert apart.min() > 10  # people see a difference of 2.3


def hex_to_rgb(color):
    return [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]


@pytest.mark.parametrize("color", [palette.BETTER, palette.WORSE])
@pytest.mark.parametrize("background", ["#ffffff", "#040507"])
def test_better_and_worse_are_legible_in_both_themes(color, background):
    assert contrast(color, background) >= 4.5


@pytest.mark.parametrize("color", [palette.BETTER_FILL, palette.WORSE_FILL])
def test_text_on_a_marked_change_is_legible(color):
    assert contrast(color, palette.ON_COLOR) >= 4.5
