"""Figures show what their frames hold, and not by colour alone."""

import tomllib

import numpy as np
import pytest

from pipeline.analysis import calibration, disagreement, metrics
from tests.conftest import DASHBOARD
from views.charts import confusion, reliability
from views.charts.common import CLEAR
from views.charts.confusion import CHANGE_SHADES, SHADES
from views.charts.palette import ON_COLOR


def test_the_background_is_left_to_the_theme():
    figure = confusion.figure(cells())
    assert figure.layout.paper_bgcolor == figure.layout.plot_bgcolor == CLEAR


def cells():
    return metrics.confusion(np.array([0, 0, 1, 1]), np.array([0, 1, 1, 1]), ["a", "b"])


def test_confusion_shows_counts_or_shares():
    counts, shares = (confusion.figure(cells(), shares=s).data[0] for s in (False, True))
    assert counts.text.tolist() == [["1", "1"], ["0", "2"]]
    assert shares.text.tolist() == [["50.0%", "50.0%"], ["0.0%", "100.0%"]]
    assert counts.z.tolist() == shares.z.tolist() == [[0.5, 0.5], [0, 1]]


def test_confusion_has_true_classes_down_and_a_square_to_click_in_each_cell():
    figure = confusion.figure(cells())
    top, bottom = figure.layout.yaxis.range
    assert top > bottom  # the first class is on top
    squares = figure.data[1]
    assert squares.marker.symbol == "square"
    assert list(zip(squares.y, squares.x, squares.customdata[:, 0], strict=True)) == [
        ("a", "a", 1), ("a", "b", 1), ("b", "a", 0), ("b", "b", 2),
    ]  # fmt: skip


def test_shares_are_of_the_true_or_of_the_predicted_class():
    both = disagreement.confusion_cells(np.array([0, 0, 1, 1]), np.array([0, 1, 1, 1]), ["a", "b"])
    heat, squares = confusion.figure(both, shares=True, by="column_share").data
    assert heat.text.tolist() == [["100.0%", "33.3%"], ["0.0%", "66.7%"]]
    assert heat.z.tolist() == [[1, 1 / 3], [0, 2 / 3]]
    assert squares.customdata[:, 1].tolist() == [1, 1 / 3, 0, 2 / 3]
    assert "of those predicted as %{customdata[3]}" in squares.hovertemplate
    assert "of those that are %{customdata[2]}" in confusion.figure(both).data[1].hovertemplate
    assert squares.customdata[1, 2:].tolist() == ["a", "b"]


def confusion_of(names):
    labels = np.arange(len(names))
    return confusion.figure(metrics.confusion(labels, labels, names))


def test_class_names_are_text_that_may_look_like_numbers_or_markup():
    names = ["<b>2</b>", "1", "a & b", "quite a long name of a class"]
    figure = confusion_of(names)
    for axis in (figure.layout.xaxis, figure.layout.yaxis):
        assert axis.type == "category"
        assert list(axis.tickvals) == names  # what a click on a cell sends
        assert list(axis.ticktext) == ["&lt;b&gt;2&lt;/b&gt;", "1", "a &amp; b", "quite a long …"]
    assert figure.data[1].customdata[0, 2] == "&lt;b&gt;2&lt;/b&gt;"
    assert figure.layout.margin.l > confusion_of(["a", "b"]).layout.margin.l


@pytest.mark.parametrize("classes", [2, 11, 12, 20, 77, 200])
def test_any_number_of_classes_has_its_cells_and_some_names(classes):
    figure = confusion_of([f"class {number}" for number in range(classes)])
    assert figure.data[0].z.shape == (classes, classes)
    # If there are many cells, only those with rows can be clicked.
    assert len(figure.data[1].x) == (classes if classes >= 12 else classes**2)
    assert min(classes, 10) <= len(figure.layout.xaxis.tickvals) <= 20
    assert (figure.data[0].texttemplate is None) == (classes >= 12)


def test_a_class_that_is_sought_has_its_row_and_column_framed():
    names = [f"class {number}" for number in range(20)]
    row, column = confusion.frame_class(confusion_of(names), names, "class 3").layout.shapes
    assert (row.y0, row.y1, row.x0, row.x1) == (2.5, 3.5, -0.5, 19.5)
    assert (column.x0, column.x1, column.y0, column.y1) == (2.5, 3.5, -0.5, 19.5)


def change():
    labels = np.array([0, 0, 1, 1])
    base = disagreement.confusion_cells(labels, np.array([0, 0, 1, 1]), ["a", "b"])
    moved = disagreement.confusion_cells(labels, np.array([0, 1, 1, 1]), ["a", "b"])
    return disagreement.confusion_change(moved, base)


def test_a_change_is_told_by_sign_and_by_shade():
    counts, shares = (confusion.change_figure(change(), s).data[0] for s in (False, True))
    assert counts.text.tolist() == [["−1", "+1"], ["0", "0"]]
    assert shares.text.tolist() == [["−50.0", "+50.0"], ["0", "0"]]
    assert (counts.zmin, counts.zmax) == (-1, 1)  # no change is the scale's middle
    # One row fewer on the diagonal and one mistake more: both are worse.
    assert counts.z.tolist() == [[-1, -1], [0, 0]]
    assert confusion.change_figure(change(), limit=7).data[0].zmax == 7
    assert counts.colorscale[0][1] != counts.colorscale[-1][1]


def test_no_change_at_all_makes_a_chart():
    none = change().assign(count=0, share=0.0, column_share=0.0)
    assert confusion.change_figure(none).data[0].zmax == 1


@pytest.mark.parametrize(
    ("value", "decimals", "text"),
    [(3, 0, "+3"), (-1234, 0, "−1,234"), (0, 0, "0"), (-0.04, 1, "0"), (0.06, 1, "+0.1")],
)
def test_signs(value, decimals, text):
    assert confusion.signed(value, decimals) == text


def test_the_chosen_cell_is_framed_and_one_that_is_not_there_is_not():
    (frame,) = confusion.figure(cells(), chosen=("a", "b")).layout.shapes
    assert (round(frame.x0), round(frame.x1), round(frame.y0), round(frame.y1)) == (1, 1, 0, 0)
    assert not confusion.figure(cells(), chosen=("a", "z")).layout.shapes


def contrast(one, other):
    """The contrast of two colours (#rrggbb) by WCAG 2."""

    def luminance(color):
        parts = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_numbers_in_cells_are_legible_on_every_shade():
    for scale in (SHADES, CHANGE_SHADES):
        assert all(contrast(ON_COLOR, shade) >= 4.5 for _, shade in scale)


def bins():
    probabilities = np.array([[0.95, 0.05], [0.97, 0.03], [0.6, 0.4]])
    return calibration.reliability(np.array([0, 1, 0]), probabilities, bins=5)


def test_reliability_has_a_bar_for_each_bin_with_rows_and_says_how_many():
    right, perfect, rows = reliability.figure(bins(), "questions").data
    assert right.x.tolist() == pytest.approx([0.5, 0.9])
    assert right.y.tolist() == [1.0, 0.5]
    assert (right.y + right.error_y.array).tolist() == pytest.approx(bins()["high"][[0, 2]])
    assert list(perfect.x) == list(perfect.y)
    assert rows.y.tolist() == [1, 2]
    assert "%{y:,} questions" in rows.hovertemplate


@pytest.mark.parametrize("name", ["light", "dark"])
def test_the_theme_is_legible(name):
    """Buttons and tags have white text on the primary colour. A slider's values are in it."""
    config = tomllib.loads((DASHBOARD.parent / ".streamlit" / "config.toml").read_text())
    theme = config["theme"][name]
    for background in (theme["backgroundColor"], theme["secondaryBackgroundColor"]):
        assert contrast(theme["textColor"], background) >= 7
    assert contrast(theme["primaryColor"], "#ffffff") >= 4.5
    assert contrast(theme["primaryColor"], theme["backgroundColor"]) >= 4.5
