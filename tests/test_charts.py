"""Figures hold what their frames hold, tell groups apart by shape, and keep labels apart."""

from itertools import combinations

import numpy as np
import pandas as pd
import pytest

from pipeline import analysis, charts
from pipeline.charts.common import CLEAR
from pipeline.charts.frontier import _ticks
from pipeline.families import REPORTED
from tests.synthetic import FIGURES


@pytest.fixture
def models():
    table = pd.DataFrame(
        [(role, size, accuracy) for role, (size, accuracy, _) in FIGURES.items()],
        columns=["role", "size_mb", "accuracy"],
    )
    table["low"], table["high"] = table["accuracy"] - 0.005, table["accuracy"] + 0.005
    table["front"] = analysis.pareto_front(table["size_mb"], table["accuracy"])
    return table


@pytest.fixture
def reported():
    return charts.reported_frame(REPORTED)


NOTHING = charts.reported_frame({})


def by_name(figure):
    return {trace.name: trace for trace in figure.data if trace.name}


def test_every_model_is_drawn_once_with_its_interval(models):
    traces = by_name(charts.frontier(models, NOTHING))
    drawn = [name for trace in traces.values() for name in trace.customdata[:, 0]]
    assert sorted(drawn) == sorted(models["role"])
    for trace in traces.values():
        assert np.asarray(trace.error_y.array) == pytest.approx(0.005)
        assert np.asarray(trace.error_y.arrayminus) == pytest.approx(0.005)


def test_the_front_is_a_line_of_steps(models):
    line = charts.frontier(models, NOTHING).data[0]
    assert line.line.shape == "hv"
    assert list(line.x) == sorted(models["size_mb"][models["front"]])


def test_groups_differ_in_shape_and_not_only_in_colour(models, reported):
    traces = by_name(charts.frontier(models, reported))
    assert len({trace.marker.symbol for trace in traces.values()}) == len(traces) == 4


def test_sizes_that_cannot_be_are_at_the_edge_and_not_dropped(models, reported):
    figure = charts.frontier(models, reported)
    (edge,) = [trace for trace in figure.data if "left" in str(trace.marker.symbol)]
    assert set(edge.customdata[:, 0]) == {"static", "qat"}
    assert "0.004 MB" in edge.name
    left, right = figure.layout.xaxis.range
    assert all(left < np.log10(x) < right for x in edge.x)
    assert right - left < 3  # decades: the others are not squashed


def test_backgrounds_are_left_to_the_theme(models):
    for figure in (charts.frontier(models, NOTHING), charts.confusion(cells())):
        assert figure.layout.paper_bgcolor == figure.layout.plot_bgcolor == CLEAR


def label_boxes(figure, width):
    """Text, left, top, right, bottom of every label, as plotly lays them out in that width."""
    (x0, x1), (y0, y1) = figure.layout.xaxis.range, figure.layout.yaxis.range
    margin = figure.layout.margin
    height = figure.layout.height - margin.t - margin.b
    for note in figure.layout.annotations:
        across = (note.x - x0) / (x1 - x0) * width + note.ax
        down = (y1 - note.y) / (y1 - y0) * height + note.ay
        length = 6.2 * len(note.text.replace("<i>", "").replace("</i>", ""))
        left = across if note.xanchor == "left" else across - length
        yield note.text, left, down - 7, left + length, down + 7


@pytest.mark.parametrize("width", [290, 400, 740, 1100])
@pytest.mark.parametrize("overlay", [True, False])
def test_no_two_labels_overlap(models, reported, width, overlay):
    figure = charts.frontier(models, reported if overlay else NOTHING)
    boxes = list(label_boxes(figure, width))
    assert len(boxes) == len(models) + overlay * len(reported)
    for one, other in combinations(boxes, 2):
        apart = one[1] >= other[3] or other[1] >= one[3] or one[2] >= other[4] or other[2] >= one[4]
        assert apart, f"{one[0]} and {other[0]} overlap"


def test_one_model_makes_a_chart(models):
    figure = charts.frontier(models.head(1), NOTHING)
    assert len(figure.layout.annotations) == 1


def test_ticks_are_round_numbers():
    assert _ticks(np.log10(4), np.log10(60)) == pytest.approx([5, 10, 20, 50])


def cells():
    return analysis.confusion(np.array([0, 0, 1, 1]), np.array([0, 1, 1, 1]), ["a", "b"])


def test_confusion_shows_counts_or_shares():
    counts, shares = (charts.confusion(cells(), shares=s).data[0] for s in (False, True))
    assert counts.text.tolist() == [["1", "1"], ["0", "2"]]
    assert shares.text.tolist() == [["50.0%", "50.0%"], ["0.0%", "100.0%"]]
    assert counts.z.tolist() == shares.z.tolist() == [[0.5, 0.5], [0, 1]]


def test_confusion_has_true_classes_down_and_a_square_to_click_in_each_cell():
    figure = charts.confusion(cells())
    top, bottom = figure.layout.yaxis.range
    assert top > bottom  # the first class is on top
    squares = figure.data[1]
    assert squares.marker.symbol == "square"
    assert list(zip(squares.y, squares.x, squares.customdata[:, 0], strict=True)) == [
        ("a", "a", 1), ("a", "b", 1), ("b", "a", 0), ("b", "b", 2),
    ]  # fmt: skip
