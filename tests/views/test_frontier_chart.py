"""The frontier's chart: groups differ in shape, fronts are steps, labels do not overlap."""

from itertools import combinations

import numpy as np
import pandas as pd
import pytest

from pipeline.analysis import metrics
from pipeline.recipes.reported import PUBLISHED, REPORTED
from tests.synthetic import FIGURES
from views.charts import frontier
from views.charts.axes import X_AXES, Y_AXES, points
from views.charts.common import CLEAR
from views.charts.frontier import Look, Marks
from views.charts.scales import side_by_side, ticks


def run_of(name, shift=0.0, methods=None):
    """A run's models as points, with accuracies raised by ``shift``."""
    table = pd.DataFrame(
        [(name, role, (methods or {}).get(role, "static"), f[0]) for role, f in FIGURES.items()],
        columns=["run", "role", "method", "size_mb"],
    )
    y = np.array([figures[1] for figures in FIGURES.values()]) + shift
    figures = table[["role"]].assign(y=y, low=y - 0.005, high=y + 0.005)
    return points(table, figures, X_AXES["size_mb"], Y_AXES["accuracy"])


@pytest.fixture
def models():
    return run_of("one")


@pytest.fixture
def references():
    return frontier.references_frame(REPORTED, PUBLISHED)


def by_name(figure):
    return {trace.name: trace for trace in figure.data if trace.name}


def drawn_x(figure):
    """Each mark's x as drawn, by role."""
    return {
        data[0]: x
        for trace in figure.data
        if trace.customdata is not None
        for data, x in zip(trace.customdata, trace.x, strict=True)
    }


def test_every_model_is_drawn_once_with_its_interval(models):
    traces = by_name(frontier.figure(models))
    drawn = [name for trace in traces.values() for name in trace.customdata[:, 0]]
    assert sorted(drawn) == sorted(models["role"])
    for trace in traces.values():
        bars = np.array([trace.error_y.array, trace.error_y.arrayminus], float)
        far = trace.customdata[:, 0] == "static-naive"  # drawn as an arrow at the edge
        assert bars[:, ~far] == pytest.approx(0.005)
        assert np.isnan(bars[:, far]).all()


def test_the_front_is_a_line_of_steps_and_its_models_are_filled(models):
    line, dots = frontier.figure(models).data
    assert line.line.shape == "hv"
    places = drawn_x(frontier.figure(models))
    assert list(line.x) == sorted(places[role] for role in models["role"][models["front"]])
    symbols = zip(dots.customdata, dots.marker.symbol, strict=True)
    filled = {data[0] for data, symbol in symbols if symbol == "circle"}
    assert filled == set(models["role"][models["front"]])


def test_the_front_of_an_error_falls():
    table = run_of("one").assign(y=lambda t: 1 - t["y"])
    table["front"] = metrics.pareto_front(table["x"], -table["y"])
    line = frontier.figure(table, y=Y_AXES["ece"]).data[0]
    assert list(line.y) == sorted(line.y, reverse=True)


def test_groups_differ_in_shape_and_not_only_in_colour(references):
    one = run_of("one", methods={"tfidf": "classical"})
    both = pd.concat([one, run_of("two", -0.004)])
    traces = by_name(frontier.figure(both, references))
    assert list(traces) == ["one", "two", "Classical", "Notebook", "Published"]
    shapes = [np.atleast_1d(t.marker.symbol)[0].removesuffix("-open") for t in traces.values()]
    assert len(set(shapes)) == len(shapes)
    lines = [trace for trace in frontier.figure(both).data if trace.mode == "lines"]
    assert len({line.line.dash for line in lines}) == 2


def test_the_recommended_model_is_ringed(models):
    *_, ring = frontier.figure(models, marks=Marks(picked=("one", "qat"))).data
    assert (ring.x[0], ring.y[0]) == (drawn_x(frontier.figure(models))["qat"], 0.945)
    assert ring.marker.symbol == "circle-open"


def test_a_click_tells_the_role_and_the_run(models):
    dots = by_name(frontier.figure(models))["one"]
    assert {tuple(data) for data in dots.customdata[:, [0, 3]]} == {(r, "one") for r in FIGURES}


def test_published_figures_are_hollow_stars_that_name_their_source(models, references):
    stars = by_name(frontier.figure(models, references))["Published"]
    assert set(stars.marker.symbol) == {"star-open"}
    assert {(s[0], s[1], s[2]) for s in stars.customdata} == {
        (p.title, p.size_mb, p.accuracy) for p in PUBLISHED
    }
    assert all(p.source in "".join(stars.customdata[:, 3]) for p in PUBLISHED)


def drawn_at_the_edge(figure, side):
    """Name → (log10 of x, y) of every point that is drawn as an arrow to that side."""
    return {
        data[0]: (np.log10(x), y)
        for trace in by_name(figure).values()
        if "Classical" not in trace.name  # whose own shape is a triangle
        for data, symbol, x, y in zip(
            trace.customdata, trace.marker.symbol, trace.x, trace.y, strict=True
        )
        if symbol.startswith(f"triangle-{side}")
    }


def notes(figure):
    return [note.text for note in figure.layout.annotations]


def test_sizes_that_cannot_be_are_at_the_edge_and_not_dropped(models, references):
    figure = frontier.figure(models, references)
    edge = drawn_at_the_edge(figure, "left")
    assert set(edge) == {"static", "qat"}
    assert {"<i>static 0.004 MB</i>", "<i>qat 0.004 MB</i>"} <= set(notes(figure))
    left, right = figure.layout.xaxis.range
    assert all(left < across < right for across, _ in edge.values())
    assert right - left < 3.3  # decades: the others keep their space


def test_a_model_that_would_squash_all_others_is_an_arrow_with_its_figure(models):
    figure = frontier.figure(models)
    ((across, down),) = drawn_at_the_edge(figure, "down").values()
    assert across == pytest.approx(np.log10(113.1), abs=0.05)  # may be moved beside another mark
    low, high = figure.layout.yaxis.range
    assert low < down < models[models["role"] != "static-naive"]["low"].min()
    assert high - low < 0.06
    assert "static-naive 72.2%" in notes(figure)
    dots = by_name(figure)["one"]
    (data,) = [data for data in dots.customdata if data[0] == "static-naive"]
    assert data[4] == pytest.approx(0.722)  # the tooltip's value


def test_the_rule_goes_by_figures_not_names(models):
    def far(accuracies, half=0.001, **options):
        y = np.array(accuracies)
        table = models.head(len(y)).assign(y=y, low=y - half, high=y + half)
        figure = frontier.figure(table, **options)
        return {n for side in ("down", "up") for n in drawn_at_the_edge(figure, side)}

    roles = list(models["role"])
    assert far([0.94, 0.93, 0.92, 0.91]) == set()
    assert far([0.94, 0.93, 0.60, 0.91]) == {roles[2]}
    assert far([0.94, 0.93, 0.60, 0.61, 0.92]) == set(roles[2:4])
    assert far([0.94, 0.60]) == set()  # of two, neither is an outlier
    assert far([0.94, 0.94, 0.5, 0.5]) == set()
    # The seventh and eighth are not off a scale that begins where the intervals of others begin.
    front = [0.935, 0.934, 0.93, 0.928, 0.924, 0.924, 0.921, 0.921, 0.89, 0.833]
    assert far(front, half=0.0095) == set()
    assert far([0.01, 0.02, 0.30], y=Y_AXES["ece"]) == {roles[2]}  # a high error is bad
    assert far([0.30, 0.29, 0.28, 0.01], y=Y_AXES["ece"]) == set()  # a low error is good


def test_an_arrow_on_the_front_is_filled_and_can_be_chosen(models):
    table = models[models["role"] != "static-naive"]
    y = table["y"].where(table["role"] != "nano", 0.5)
    table = table.assign(y=y, low=y - 0.005, high=y + 0.005)
    table["front"] = metrics.pareto_front(table["x"], table["y"])
    figure = frontier.figure(table, marks=Marks(picked=("one", "nano")))
    (place,) = drawn_at_the_edge(figure, "down").values()
    assert "triangle-down" in by_name(figure)["one"].marker.symbol
    *_, ring = figure.data
    assert (np.log10(ring.x[0]), ring.y[0]) == pytest.approx(place)


def test_the_background_is_left_to_the_theme(models):
    figure = frontier.figure(models)
    assert figure.layout.paper_bgcolor == figure.layout.plot_bgcolor == CLEAR


def label_boxes(figure, width):
    """Text, left, top, right and bottom of every label, as plotly draws them in that width."""
    (x0, x1), (y0, y1) = figure.layout.xaxis.range, figure.layout.yaxis.range
    margin, entries = figure.layout.margin, list(by_name(figure))
    columns = max(1, width // (40 + 6.5 * max(map(len, entries))))
    legend = 20 * np.ceil(len(entries) / columns)  # above the chart, which it shortens
    height = figure.layout.height - max(margin.t, legend) - margin.b
    for note in figure.layout.annotations:
        across = (note.x - x0) / (x1 - x0) * width + note.ax
        down = (y1 - note.y) / (y1 - y0) * height + note.ay
        length = 6.2 * len(note.text.replace("<i>", "").replace("</i>", ""))
        left = across if note.xanchor == "left" else across - length
        yield note.text, left, down - 7, left + length, down + 7


def overlaps(boxes):
    return [
        (one[0], other[0])
        for one, other in combinations(boxes, 2)
        if one[1] < other[3] and other[1] < one[3] and one[2] < other[4] and other[2] < one[4]
    ]


NARROW, WIDE = [(width, True) for width in (280, 330, 440)], [(w, False) for w in (425, 740, 1100)]


@pytest.mark.parametrize(("width", "narrow"), [*NARROW, *WIDE])
@pytest.mark.parametrize("overlay", [True, False])
def test_no_two_labels_overlap(models, references, width, narrow, overlay):
    figure = frontier.figure(models, references if overlay else None, look=Look(narrow=narrow))
    boxes = list(label_boxes(figure, width))
    needed = models[models["front"] | (models["role"] == "teacher")] if narrow else models
    assert {text.split()[0] for text, *_ in boxes} >= set(needed["role"])
    assert overlaps(boxes) == []


@pytest.mark.parametrize(("width", "narrow"), [*NARROW, *WIDE])
def test_of_very_many_models_some_are_named_and_no_two_labels_overlap(width, narrow):
    shares = np.linspace(0, 1, 30)
    many = run_of("one").iloc[[0] * 30].reset_index(drop=True)
    roles = [f"a model, number {number}" for number in range(30)]
    accuracy = 0.85 + 0.05 * shares**0.3
    many = many.assign(role=roles, x=10 ** (2.6 * shares), y=accuracy, front=True)
    many = many.assign(low=accuracy - 0.007, high=accuracy + 0.007)
    picked = Marks(picked=("one", roles[20]))
    boxes = list(label_boxes(frontier.figure(many, marks=picked, look=Look(narrow=narrow)), width))
    named = {text for text, *_ in boxes}
    assert named >= {roles[0], f"<b>{roles[20]}</b>", roles[-1]}
    assert len(named) < 30
    assert overlaps(boxes) == []


@pytest.mark.parametrize(("width", "narrow"), [*NARROW, *WIDE])
def test_of_two_runs_the_fronts_are_named(width, narrow):
    both = pd.concat([run_of("one"), run_of("two", -0.004)])
    boxes = list(label_boxes(frontier.figure(both, look=Look(narrow=narrow)), width))
    assert {text for text, *_ in boxes} >= set(both["role"][both["front"]])
    assert overlaps(boxes) == []


def test_in_a_narrow_window_names_are_left_out_rather_than_put_on_bars(models, references):
    named = {
        narrow: notes(frontier.figure(models, references, look=Look(narrow=bool(narrow))))
        for narrow in (0, 1)
    }
    assert len(named[1]) < len(named[0])


def test_marks_that_would_overlap_stand_side_by_side(models):
    """dynamic and qat have nearly the same size and accuracy: each can be seen and clicked."""
    figure = frontier.figure(models)
    left, right = figure.layout.xaxis.range
    pixels = {r: 740 * (np.log10(x) - left) / (right - left) for r, x in drawn_x(figure).items()}
    low, high = figure.layout.yaxis.range
    for one, other in combinations(set(pixels) - {"static-naive"}, 2):
        down = 300 * abs(FIGURES[one][1] - FIGURES[other][1]) / (high - low)
        assert max(abs(pixels[one] - pixels[other]), down) > 14, (one, other)
    assert abs(pixels["dynamic"] - pixels["qat"]) > 14
    assert drawn_x(figure)["nano"] == pytest.approx(1.05)  # not moved: nothing is near
    costs = {data[0]: data[5] for data in by_name(figure)["one"].customdata}
    assert costs["dynamic"] == "110"  # the tooltip shows the true size


def test_no_mark_moves_further_than_it_must():
    across = side_by_side(np.array([100.0, 103.0, 300.0]), np.array([50.0, 52.0, 50.0]))
    assert across.tolist() == pytest.approx([94, 109, 300], abs=0.02)
    across = side_by_side(np.array([100.0, 103.0]), np.array([50.0, 90.0]))
    assert across.tolist() == [100, 103]


def test_what_is_beyond_the_limits_is_grey_and_shaded(models):
    beyond = frozenset(("one", role) for role, f in FIGURES.items() if f[0] > 50)
    figure = frontier.figure(models, marks=Marks(excluded=beyond, most_x=50.0))
    colors = {
        data[0]: trace.marker.color
        for trace in figure.data
        if trace.customdata is not None
        for data in trace.customdata
    }
    grey = {role for role, color in colors.items() if color == colors["teacher"]}
    assert grey == {role for _, role in beyond}
    rect, line = figure.layout.shapes
    assert (rect.x0, line.x0, line.x1) == (50, 50, 50)
    assert rect.x1 == pytest.approx(10 ** figure.layout.xaxis.range[1])
    assert not frontier.figure(models).layout.shapes
    assert not frontier.figure(models, marks=Marks(most_x=1e6)).layout.shapes


def test_a_least_accuracy_is_shaded_below(models):
    rect, line = frontier.figure(models, marks=Marks(least_y=0.94)).layout.shapes
    assert (rect.y1, line.y0, line.y1) == (0.94, 0.94, 0.94)


def test_the_model_whose_details_are_open_has_a_halo(models):
    opened = frontier.figure(models, marks=Marks(("one", "qat"), ("one", "nano")))
    halo = [trace for trace in opened.data if trace.marker.size == 26]
    assert [trace.x[0] for trace in halo] == [pytest.approx(1.05)]
    same = frontier.figure(models, marks=Marks(("one", "qat"), ("one", "qat")))
    assert not [trace for trace in same.data if trace.marker.size == 26]


def test_names_stand_in_the_place_of_roles_and_are_text(models):
    named = models.assign(name=["<b>" + role for role in models["role"]])
    figure = frontier.figure(named)
    assert "&lt;b&gt;nano" in notes(figure)
    assert "&lt;b&gt;nano" in by_name(figure)["one"].customdata[:, 6]


def test_a_single_run_needs_no_legend(models, references):
    assert not frontier.figure(models).layout.showlegend
    assert frontier.figure(models, references).layout.showlegend
    assert frontier.figure(pd.concat([run_of("one"), run_of("two")])).layout.showlegend


def test_one_model_makes_a_chart(models):
    assert len(frontier.figure(models.head(1)).layout.annotations) == 1


def test_ticks_are_round_numbers():
    assert ticks(np.log10(4), np.log10(60)) == pytest.approx([5, 10, 20, 50])
    assert ticks(-0.2, 2.8, font=16) == pytest.approx([1, 3, 10, 30, 100, 300])
    assert ticks(-3.1, 0.4, font=16) == pytest.approx([0.001, 0.01, 0.1, 1])  # more would be turned
    assert ticks(-3, 3) == pytest.approx([0.001, 0.01, 0.1, 1, 10, 100, 1000])
