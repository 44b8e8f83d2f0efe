"""A no-teacher baseline under today's name and under that of older runs: -baseline, -control."""

import pytest

from pipeline.analysis.significance import teaching
from tests import synthetic
from views.charts.axes import X_AXES, Y_AXES
from views.parts.common import read_view
from views.parts.tradeoff import frontier_frame


@pytest.mark.parametrize("baseline", ["minilm-baseline", "minilm-control"])
def test_a_baseline_is_shown_and_compared_and_never_to_be_deployed(cache_folder, baseline):
    roles = ("teacher", "minilm", "tiny-int8")
    view = read_view(synthetic.write_run(cache_folder, roles=(*roles, baseline)))
    assert set(view.table["role"]) == {*roles, baseline}
    assert list(view.candidates["role"]) == list(roles)
    assert teaching(view.right()).index.tolist() == ["minilm"]
    axes = X_AXES["size_mb"], Y_AXES["accuracy"]
    assert set(frontier_frame([view], *axes)["role"]) == set(roles)
    assert set(frontier_frame([view], *axes, controls=True)["role"]) == {*roles, baseline}
