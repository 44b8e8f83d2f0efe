"""Where models and labels disagree, by hand values and against scikit-learn."""

import numpy as np
import pytest
from sklearn.metrics import confusion_matrix

from pipeline.analysis import disagreement
from pipeline.analysis.significance import paired_difference

NAMES = ["a", "b", "c"]


def answers(*rows):
    """Probabilities from (class, confidence): the rest is shared by the other two classes."""
    table = np.array([[(1 - sure) / 2] * 3 for _, sure in rows])
    for row, (called, sure) in zip(table, rows, strict=True):
        row[called] = sure
    return table


def test_column_shares_are_scikit_learns():
    random = np.random.default_rng(0)
    labels, predicted = random.integers(0, 3, 200), random.integers(0, 3, 200)
    cells = disagreement.confusion_cells(labels, predicted, NAMES)
    for column, normalize in (("share", "true"), ("column_share", "pred")):
        expected = confusion_matrix(labels, predicted, normalize=normalize)
        assert cells[column].to_numpy() == pytest.approx(expected.ravel())


def test_a_class_that_is_never_called_has_shares_of_zero():
    cells = disagreement.confusion_cells(np.array([0, 1]), np.array([0, 0]), NAMES)
    assert cells["column_share"].tolist() == [0.5, 0, 0, 0.5, 0, 0, 0, 0, 0]


def test_change_is_signed_and_rows_add_up_to_nothing():
    labels = np.array([0, 0, 0, 1, 1])
    base = disagreement.confusion_cells(labels, np.array([0, 0, 0, 1, 1]), NAMES)
    cells = disagreement.confusion_cells(labels, np.array([0, 1, 1, 1, 0]), NAMES)
    change = disagreement.confusion_change(cells, base)
    assert change["count"].tolist() == [-2, 2, 0, 1, -1, 0, 0, 0, 0]
    assert change["share"].to_numpy() == pytest.approx([-2 / 3, 2 / 3, 0, 0.5, -0.5, 0, 0, 0, 0])
    assert (change.groupby("true")["count"].sum() == 0).all()


def test_broke_and_fixed_by_hand():
    labels = np.array([0, 0, 1, 1, 2, 2])
    found = disagreement.broke_and_fixed(
        labels, np.array([0, 0, 1, 0, 0, 0]), np.array([0, 1, 0, 0, 2, 1])
    )
    assert found.broke.tolist() == [1, 2]
    assert found.fixed.tolist() == [4]
    assert (found.both_right, found.both_wrong) == (1, 2)
    assert found.difference.difference == pytest.approx(-1 / 6)
    assert not found.difference.found


def test_broke_and_fixed_tell_equal_models_apart_by_nothing():
    labels = np.array([0, 1, 2])
    found = disagreement.broke_and_fixed(labels, labels, labels)
    assert len(found.broke) == len(found.fixed) == found.both_wrong == 0
    assert found.difference.p == 1


def test_otherwise_counts_the_other_models():
    given = {
        "x": answers((0, 0.9), (1, 0.9)),
        "y": answers((0, 0.9), (2, 0.9)),
        "z": answers((1, 0.9), (2, 0.9)),
    }
    assert disagreement.otherwise(given, "x").tolist() == [1, 2]
    assert disagreement.otherwise(given, "y").tolist() == [1, 1]
    assert disagreement.otherwise({"x": given["x"]}, "x").tolist() == [0, 0]


@pytest.fixture
def votes():
    """Five rows, all labelled a, and three models."""
    return np.zeros(5, int), {
        #           all say b      two say b      b, b less sure  split b, c     two say a
        "x": answers((1, 0.9), (1, 0.99), (1, 0.6), (1, 0.9), (0, 0.9)),
        "y": answers((1, 0.8), (1, 0.97), (1, 0.6), (2, 0.9), (0, 0.9)),
        "z": answers((1, 1.0), (0, 0.99), (0, 0.9), (0, 0.9), (1, 1.0)),
    }


def test_suspects_by_hand(votes):
    found = disagreement.suspected_label_errors(*votes, least=2, confidence=0.9)
    assert found["position"].tolist() == [0, 1]  # most votes first
    assert found["suggested"].tolist() == [1, 1]
    assert found["votes"].tolist() == [3, 2]
    assert found["confidence"].tolist() == pytest.approx([0.9, 0.98])  # mean of those that agree


@pytest.mark.parametrize(
    ("least", "confidence", "positions"),
    [(3, 0.5, [0]), (3, 0.95, []), (2, 0.5, [0, 1, 2]), (1, 0.95, [1, 4])],
)
def test_the_rule_can_be_adjusted(votes, least, confidence, positions):
    found = disagreement.suspected_label_errors(*votes, least=least, confidence=confidence)
    assert sorted(found["position"]) == positions


def test_no_vote_is_no_suspicion(votes):
    labels, given = votes
    found = disagreement.suspected_label_errors(labels, {"z": given["z"]}, 0, 0.0)
    assert sorted(found["position"]) == [0, 4]


def test_accuracy_without(votes):
    labels, given = votes
    table = disagreement.accuracy_without(labels, given, np.array([0, 1])).set_index("role")
    assert table["accuracy"].tolist() == pytest.approx([0.2, 0.2, 0.6])
    assert table["without"].tolist() == pytest.approx([1 / 3, 1 / 3, 2 / 3])
    nothing = disagreement.accuracy_without(labels, given, np.arange(5))
    assert nothing["without"].isna().all()


def test_the_comparison_is_that_of_every_page():
    random = np.random.default_rng(1)
    labels, one, two = (random.integers(0, 3, 300) for _ in range(3))
    found = disagreement.broke_and_fixed(labels, one, two, comparisons=5)
    assert found.difference == paired_difference(two == labels, one == labels, 5)
    assert found.difference.difference == (len(found.fixed) - len(found.broke)) / 300


def test_confusions_are_the_cells_with_mistakes_the_largest_first():
    labels, called = np.array([0, 0, 0, 1, 1, 2, 2, 2]), np.array([0, 1, 2, 0, 0, 2, 1, 1])
    cells = disagreement.confusion_cells(labels, called, ["a", "b", "c"])
    found = disagreement.confusions(cells)[["true", "predicted", "count"]].to_numpy().tolist()
    assert found == [["b", "a", 2], ["c", "b", 2], ["a", "b", 1], ["a", "c", 1]]
    sought = disagreement.confusions(cells, "c")[["true", "predicted"]].to_numpy().tolist()
    assert sought == [["c", "b"], ["a", "c"]]
    perfect = disagreement.confusion_cells(labels, labels, ["a", "b", "c"])
    change = disagreement.confusions(disagreement.confusion_change(perfect, cells))
    assert change["count"].tolist() == [-2, -2, -1, -1]
    assert disagreement.confusions(perfect).empty
