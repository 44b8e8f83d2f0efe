"""The pictures of answers, words and agreement: what they say, and that markup is escaped."""

import re

import numpy as np
import pytest

from views.charts import agreement
from views.charts.answers import Bar, parts_of, stacked_bars, words

NAMES = ["World", "Sports", "Business"]
MARKUP = '<img src=x onerror="alert(1)">&'


def labels(picture):
    return re.findall(r'aria-label="([^"]*)"', picture)


def widths(picture):
    return [float(width) for width in re.findall(r"width: ([\d.]+)%", picture)]


def test_bars_stand_in_order_and_say_what_they_show():
    given = [np.array([0.05, 0.65, 0.3]), np.array([0.9, 0.06, 0.04])]
    picture = stacked_bars(
        [Bar("Nano", "1 MB", given[0]), Bar("Tiny", "", given[1]), Bar("Big", "", None)], NAMES
    )
    assert labels(picture) == [
        "Nano: Sports 65%, Business 30%, World 5%",
        "Tiny: World 90%, Sports 6%, Business 4%",
    ]
    assert widths(picture) == [5, 65, 30, 90, 6, 4]
    assert picture.index("Tiny") < picture.index("Big") < picture.index("…")
    assert '<span class="top" style="width: 65.00%' in picture


def test_all_text_in_bars_is_escaped():
    picture = stacked_bars(
        [Bar(MARKUP, MARKUP, np.array([0.6, 0.4])), Bar("a", "", None, MARKUP)], [MARKUP, "b"]
    )
    assert "<img" not in picture
    assert picture.count("&lt;img src=x onerror=&quot;alert(1)&quot;&gt;&amp;") >= 5


def test_of_many_classes_a_bar_has_the_likeliest_three_and_the_rest():
    names = [f"class {place}" for place in range(77)]
    one, other = np.full(77, 0.1 / 73), np.full(77, 0.1 / 76)
    one[[70, 3, 11, 12]], other[5] = (0.4, 0.3, 0.12, 0.08), 0.9
    assert parts_of(one) == [3, 11, 70]
    assert parts_of(other) == [5]  # the others are too small to see
    picture = stacked_bars([Bar("a", "", one), Bar("b", "", other)], names)
    assert legend(picture) == ["class 3", "class 5", "class 11", "class 70", "other classes"]
    assert widths(picture) == pytest.approx([30, 12, 40, 18, 90, 10], abs=0.01)
    assert "class 70 40%" in labels(picture)[0]


@pytest.mark.parametrize(("classes", "parts"), [(2, 2), (11, 11), (12, 4), (77, 2)])
def test_no_colour_comes_twice_in_a_bar(classes, parts):
    names = [f"class {place}" for place in range(classes)]
    picture = stacked_bars([Bar("a", "", np.full(classes, 1 / classes))], names)
    colors = re.findall(r'style="width: [^"]*background: (#\w+)', picture)
    assert len(colors) == len(set(colors)) == len(legend(picture)) == parts


def legend(picture):
    return re.findall(r"</i>([^<]*)</span>", picture)


def test_before_any_answer_there_is_a_legend():
    picture = stacked_bars([Bar("a", "", None)], NAMES)
    assert all(name in picture for name in NAMES)
    assert not labels(picture)


def test_words_are_told_by_sign_and_underline_and_weak_ones_are_plain():
    picture = words(
        ["coach", "bank", "the", MARKUP], np.array([0.59, -0.2, 0.0149, -0.016]), "rest"
    )
    assert re.search(r'<span class="for" [^>]*>coach<sub>\+59</sub></span>', picture)
    assert re.search(r'<span class="against" [^>]*>bank<sub>−20</sub></span>', picture)
    assert "<span>the</span>" in picture  # 1 point is too little
    assert "<sub>−2</sub>" in picture
    assert "<img" not in picture
    assert picture.endswith("rest</div>")


def test_agreement_is_counted_by_the_models_that_agree():
    votes = np.array([[0, 0, 0], [1, 1, 1], [0, 1, 1], [0, 1, 2], [2, 2, 2]])
    found = agreement.levels(votes)
    assert found == {3: 3, 2: 1, 1: 1}
    picture = agreement.bar(found, 3)
    assert labels(picture) == ["All 3 agree: 3; 2 of 3 agree: 1; All 3 differ: 1"]
    assert widths(picture) == [60, 20, 20]
    colors = re.findall(r"%; background: ([^\"]+)", picture)
    assert len(set(colors)) == 3
    assert agreement.levels(np.empty((0, 2), int)) == {}


@pytest.mark.parametrize(
    ("share", "said"), [(0, "0"), (0.001, "<1"), (0.25, "25"), (0.999, ">99"), (1, "100")]
)
def test_a_share_that_is_not_nothing_or_all_never_looks_so(share, said):
    assert agreement.percent(share) == f"{said}\u202f%"


@pytest.mark.parametrize("models", [2, 3, 5, 9, 20])
def test_levels_of_agreement_have_colours_apart(models):
    colors = [agreement._color(models - level, models) for level in range(models, 0, -1)]
    assert len(set(colors)) == models
