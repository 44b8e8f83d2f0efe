"""Colours of classes: one for each, legible, the same wherever a class is shown."""

import pytest

from tests.views.test_charts import contrast
from views.charts import palette


@pytest.mark.parametrize("count", [1, 4, 8, 77, 200])
def test_every_class_has_a_colour_that_text_is_legible_on(count):
    names = [f"class {number}" for number in range(count)]
    colors = palette.class_colors(names)
    assert list(colors) == names
    assert len(set(colors.values())) > 0.9 * count
    assert min(contrast(color, palette.ON_COLOR) for color in colors.values()) >= 4.5


def test_a_class_keeps_its_colour_when_there_are_more():
    few, many = (palette.class_colors([str(i) for i in range(n)]) for n in (4, 77))
    assert few.items() <= many.items()


@pytest.mark.parametrize("color", [palette.BETTER, palette.WORSE])
@pytest.mark.parametrize("background", ["#ffffff", "#040507"])
def test_better_and_worse_are_legible_in_both_themes(color, background):
    assert contrast(color, background) >= 4.5


@pytest.mark.parametrize("color", [palette.BETTER_FILL, palette.WORSE_FILL])
def test_text_on_a_marked_change_is_legible(color):
    assert contrast(color, palette.ON_COLOR) >= 4.5
