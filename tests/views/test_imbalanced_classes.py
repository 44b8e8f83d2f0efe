"""If classes differ much in their number of rows, macro-F1 is the first figure."""

from dataclasses import replace

import numpy as np
import pytest

from tests import synthetic
from views.parts import common
from views.parts.common import read_view


@pytest.mark.parametrize(("rows", "expected"), [((99, 10, 50, 50), False), ((100, 10), True)])
def test_ten_times_as_many_rows_are_imbalanced(tmp_path, rows, expected):
    view = read_view(synthetic.write_run(tmp_path / "cache"))
    counts = [*rows, *[rows[-1]] * (4 - len(rows))]
    assert not view.is_imbalanced
    assert replace(view, labels=np.repeat(range(4), counts)).is_imbalanced == expected


def test_macro_f1_is_the_chart_s_and_the_table_s_first_figure(open_page, monkeypatch):
    balanced = open_page("compare")
    assert balanced.selectbox(key="y").value == "Accuracy"
    monkeypatch.setattr(common, "IMBALANCED", 1)
    app = open_page("compare")
    assert app.selectbox(key="y").value == "Macro-F1"
    assert any("macro-F1 says more than accuracy" in caption.value for caption in app.caption)
    assert list(app.dataframe[-1].value.columns)[:4] == ["name", "role", "macro_f1", "accuracy"]
    assert open_page("compare", y="Accuracy").selectbox(key="y").value == "Accuracy"
    assert "y" not in open_page("present").query_params
