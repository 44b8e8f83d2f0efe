"""The Markdown tables of the README."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from pipeline.analysis import metrics
from pipeline.analysis.significance import in_words, score_interval
from pipeline.class_names import probability_columns
from pipeline.data.declarations import BANKING77
from pipeline.errors import PipelineError
from pipeline.results import report, storage
from tests import synthetic

ROWS = 400


def _run(wrong):
    """A stand-in for a run in which each role is wrong on the first ``wrong[role]`` rows."""
    labels = np.arange(ROWS) % 4

    def predictions(role):
        answers = np.where(np.arange(ROWS) < wrong[role], (labels + 1) % 4, labels)
        frame = pd.DataFrame(np.eye(4)[answers], columns=probability_columns(4))
        return frame.assign(label=labels)

    by_role = {
        role: SimpleNamespace(headlines=SimpleNamespace(accuracy=1 - count / ROWS))
        for role, count in wrong.items()
    }
    return SimpleNamespace(name="some", by_role=by_role, predictions=predictions)


@pytest.mark.parametrize("suffix", ["-baseline", "-control"])  # today's, and schema 1's
def test_each_step_of_teaching_is_compared_with_the_one_before(suffix):
    run = _run({f"tiny{suffix}": 60, "tiny-logits": 40, "tiny": 40, "tiny-hidden": 36, "nano": 9})
    lines = report.ablation(run).splitlines()
    assert lines[0] == "| taught with | `tiny` | headlines alone |"
    rows = [line.removesuffix(" |").split(" | ")[1:] for line in lines[2:]]
    cells, alone = zip(*rows, strict=True)
    assert alone == ("85", "90", "90", "91")
    low, high = metrics.accuracy_interval(340, ROWS)
    assert cells[0] == f"85.0 ({100 * low:.1f} – {100 * high:.1f})"
    # The steps win 20 rows, none, and 4, and lose none. Five models make 4 comparisons at once.
    for cell, wins in zip(cells[1:], (20, 0, 4), strict=True):
        (low,), (high,) = score_interval([wins], [0], ROWS, comparisons=4)
        assert cell.split("), ")[1] == f"{100 * low:+.2f} to {100 * high:+.2f}"
    assert [cell.split(" ")[0] for cell in cells] == ["85.0", "90.0", "90.0", "91.0"]


def test_without_every_step_it_says_what_to_run():
    with pytest.raises(
        PipelineError, match="--only minilm-baseline minilm-logits minilm minilm-hidden"
    ):
        report.ablation(_run({"tiny": 4, "tiny-baseline": 5}))


def test_repeats_have_no_line_but_their_spread_has_a_place(tmp_path):
    roles = ["teacher", "minilm", "minilm-seed43", "minilm-seed44"]
    synthetic.write_run(tmp_path, roles=roles)
    run = storage.list_runs(tmp_path)[0][0]
    lines = report.markdown(run).splitlines()[2:]
    assert [line.split(" | ")[1] for line in lines] == ["`teacher`", "`minilm`"]
    accuracies = [100 * run.by_role[role].metrics.accuracy for role in roles[1:]]
    told = f"{accuracies[0]:.1f} (3 seeds: {np.mean(accuracies):.1f}, {min(accuracies):.1f} – "
    assert lines[1].split(" | ")[2] == f"{told}{max(accuracies):.1f})"


def test_models_are_held_against_the_reference(tmp_path):
    run = synthetic.write_run(tmp_path, roles=["teacher", "minilm", "minilm-baseline"], at_hand=())
    table = report.markdown(run)
    assert "| against `teacher`, 95 % |" in table
    against = [line.split(" | ")[4] for line in table.splitlines()[2:]]
    found = report.compared_models(run).set_index("role").loc["minilm"]
    assert against == ["the reference", in_words(found["low"], found["high"]), ""]


def test_what_to_deploy_as_the_room_grows(tmp_path):
    synthetic.write_run(tmp_path, at_hand=())
    lines = report.budgets(storage.list_runs(tmp_path)[0][0]).splitlines()[2:]
    cells = [line.strip("| ").split(" | ") for line in lines]
    assert [(row[0], row[1], row[3]) for row in cells] == [
        ("17.6", "`tiny-int8`", "not shown"),
        ("91.0", "`minilm`", "not shown"),
        ("438.0", "`teacher`", "yes"),
    ]


def test_columns_that_do_not_apply_are_left_out(tmp_path):
    news = synthetic.write_run(tmp_path / "a")
    intents = synthetic.write_run(tmp_path / "b", labels=("lost", "new"), data_set=BANKING77)
    of_news, of_intents = (report.markdown(run).splitlines() for run in (news, intents))
    for name in ("headlines alone", "ms, a headline", "reported"):
        assert name in of_news[0]
        assert name not in of_intents[0]
    assert len({line.count("|") for line in of_intents}) == 1
