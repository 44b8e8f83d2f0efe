"""A joined model on the pages: beside the others, with a shape of its own, and as an answer."""

from dataclasses import replace

import pytest

from pipeline.analysis import intervals
from pipeline.results import run_writing
from pipeline.results.storage import read_run
from tests import synthetic
from tests.views.test_hostile_pages import MARKUP, PAGES, markdown
from views.charts import frontier
from views.charts.axes import REFERENCES, X_AXES, Y_AXES, points
from views.parts import tradeoff
from views.parts.common import read_view


@pytest.fixture
def guest(cache_folder):
    """The run "synthetic" with a joined model, "guest", that is more accurate than its own."""
    run = read_run(cache_folder / "synthetic")
    settings = {"source": "hub", "form": "onnx", "max_length": 512}
    model = replace(
        run.by_role["minilm"],
        role="guest",
        method="joined",
        title=MARKUP,
        parent=None,
        checkpoint="some/model",
        settings=settings,
        metrics=run.by_role["teacher"].metrics,
        validation=replace(run.by_role["teacher"].validation, accuracy=0.99),
        inputs={"data": run.record.data.fingerprint},
    )
    tables = {role: run.all_predictions(role) for role in run.by_role}
    tables["guest"] = tables["teacher"]
    artifacts = run.artifacts() | {"guest": run.artifact("minilm")}
    record = replace(run.record, models=[*run.record.models, model])
    return run_writing.write_run(cache_folder, record, tables, artifacts)


@pytest.mark.parametrize("page", PAGES)
def test_every_page_shows_it(open_page, guest, page):
    asked = {"try": {"text": "coach"}, "compare": {"model": "guest"}}.get(page, {})
    app = open_page(page, run=guest.name, **asked)
    assert not app.exception
    assert MARKUP not in markdown(app)
    told = [str(code.value) for code in app.code]
    if page == "compare":
        command = "python -m pipeline add synthetic guest --model some/model --data DIR"
        assert any(command in code for code in told)
    if page == "try":
        one = next(frame.value for frame in app.dataframe if "Confidence" in frame.value)
        assert one["Answer"].tolist() == ["Sports"] * 3


def test_it_has_a_shape_and_a_word_of_its_own_in_the_legend(guest):
    view = read_view(guest)
    axes = X_AXES["size_mb"], Y_AXES["accuracy"]
    found = intervals.intervals("accuracy", view.labels, view.probabilities)
    models = points(view.table, found, *axes)
    assert models.set_index("role").loc["guest", "group"] == "Joined"
    traces = {trace.name: trace for trace in frontier.figure(models, None, *axes).data}
    shapes = {name: trace.marker.symbol[0] for name, trace in traces.items() if name}
    assert shapes["Joined"].startswith("hexagon")
    assert len({shape.removesuffix("-open") for shape in shapes.values()}) == len(shapes)
    colours = [frontier._REFERENCE_STYLES[word][0] for word in REFERENCES.values()]
    assert len(set(colours)) == len(colours)


def test_it_takes_part_by_a_switch(guest):
    view = read_view(guest)
    assert (view.reference, view.comparisons) == ("teacher", 2)
    assert "guest" not in set(view.candidates["role"])
    switched = view.with_joined()
    assert (switched.reference, switched.comparisons) == ("guest", 3)
    assert "guest" in set(switched.candidates["role"])
    assert view.states["guest"] == "done"


def test_the_chart_shows_it_without_a_switch(guest, open_page):
    frame = tradeoff.frontier_frame([read_view(guest)], X_AXES["size_mb"], Y_AXES["accuracy"])
    assert "guest" in set(frame["role"])
    app = open_page("compare", run=guest.name)
    assert not [box for box in app.toggle if box.key == "controls"]  # it is no baseline


def test_a_switch_on_compare_lets_it_be_recommended(guest, open_page):
    synthetic.write_run(guest.folder.parent, "other")
    app = open_page("compare", run=guest.name, margin="0")
    before = app.title[0].value
    app.toggle(key="joined").set_value(True).run()
    assert not app.exception
    assert app.title[0].value != before
    assert app.selectbox(key="beside").options[1:] == ["other"]
    assert open_page("compare", run=guest.name, joined="true").toggle(key="joined").value
    asked = {"run": guest.name, "shown_margin": "0"}
    presented = [open_page("present", **asked, **more) for more in ({}, {"shown_joined": "true"})]
    assert presented[0].title[0].value != presented[1].title[0].value


def test_a_run_without_joined_models_has_no_such_switch(open_page):
    app = open_page("compare")
    assert not [box for box in app.toggle if box.key == "joined"]
