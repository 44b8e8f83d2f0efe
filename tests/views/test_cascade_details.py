"""What Compare says of a cascade: how much each member answers, and accuracy over mean time."""

import numpy as np
import pytest

from pipeline.analysis import cascades
from pipeline.results import storage
from tests.views.test_compare_page import change_model, texts
from views.charts import cascade
from views.parts import answer_bars
from views.parts.common import read_view

CASCADE = {
    "members": ["minilm", "teacher"],
    "thresholds": [0.9],
    "temperatures": [1.5],
    "answered": {"test": [0.62, 0.38], "headlines": [0.4, 0.6]},
}


def test_a_cascades_details_say_who_answers_and_draw_its_curve(open_page, cache_folder):
    change_model(cache_folder / "synthetic", "tiny-int8", cascade=CASCADE)
    app = open_page("compare", model="tiny-int8")
    assert not app.exception
    said = texts(app)
    assert "Of whole rows: MiniLM 62%, Teacher 38%." in said
    assert "Of headlines alone: MiniLM 40%, Teacher 60%." in said
    assert "MiniLM answers where it is at least 90% sure, at a temperature of 1.50" in said
    assert "else Teacher does. Chosen on validation." in said


def test_no_other_model_has_such_details(open_page):
    app = open_page("compare", model="tiny-int8")
    assert "Chosen on validation" not in texts(app)


@pytest.fixture(scope="module")
def curve():
    random = np.random.default_rng(2)
    labels = random.integers(0, 2, 300)
    tables = [random.dirichlet([1, 1], 300) for _ in range(2)]
    return cascades.curve(labels, *tables, 1.0, (0.5, 4.0))


def test_the_chosen_threshold_is_on_the_curve(curve):
    chosen = float(curve["threshold"].iloc[len(curve) // 2])
    others, point = cascade.figure(curve, chosen).data
    assert len(others.x) == len(curve)
    assert (point.x[0], point.y[0]) == tuple(curve.loc[len(curve) // 2, ["mean_ms", "accuracy"]])


def test_try_it_says_which_member_answered(cache_folder):
    change_model(cache_folder / "synthetic", "tiny-int8", cascade=CASCADE)
    view = read_view(storage.read_run(cache_folder / "synthetic"))
    given = {role: np.full(4, 0.25) for role in ("minilm", "tiny-int8")}
    small, large = answer_bars.bars(view, ["minilm", "tiny-int8"], given, {"tiny-int8": 1})
    assert small.note.endswith("· Teacher answers")
    assert "answers" not in large.note
