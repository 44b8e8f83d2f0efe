"""Pure functions: which member of a cascade answers a text, and how sure it has to be.

A member answers if its greatest probability is at least its threshold; else it passes the text on
to the next member. The last one answers all texts that are left (Viola and Jones, 2001; for text
classifiers, Varshney and Baral, 2022, arXiv:2210.05528).
"""

import itertools
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from pipeline.analysis.temperature import fit_temperature
from pipeline.cascade_rules import Rule, confidence

MOST_LOST = 0.0005
"""How much accuracy on validation a cascade may lose compared with its last member alone."""
NEVER = 2.0
"""The threshold of a member that never answers: no probability reaches it."""


def answered_by(members: Sequence[np.ndarray], rules: Sequence[Rule]) -> np.ndarray:
    """Which member answers each row.

    Args:
        members: probabilities (n, k) of each member, in the order in which they are asked.
        rules: one for each member but the last.

    Returns:
        int64 (n,), positions in ``members``.
    """
    sure = [rule.is_sure(m) for rule, m in zip(rules, members[:-1], strict=True)]
    return np.argmax([*sure, np.ones(len(members[-1]), bool)], axis=0)


def answers(members: Sequence[np.ndarray], rules: Sequence[Rule]) -> np.ndarray:
    """The probabilities (n, k) of a cascade: each row is that of the member that answers it."""
    asked = answered_by(members, rules)
    return np.stack(members)[asked, np.arange(len(asked))]


def best_members(
    labels: np.ndarray,
    probabilities: Mapping[str, np.ndarray],
    places: Sequence[Sequence[str]],
    sizes_mb: Mapping[str, float],
    most_mb: float | None,
) -> list[str]:
    """For each place of a cascade, the role that is best on validation; ties go to the smaller.

    Args:
        labels: (n,), class positions of the validation rows.
        probabilities: by role, (n, k).
        places: for each place, the roles that may take it.
        sizes_mb: by role, in 10^6 bytes.
        most_mb: limit on the size of all members together, of which the most accurate ones are
            taken then. If no choice meets it, the smallest members are taken. None: no limit.
    """

    right = {role: int((p.argmax(axis=1) == labels).sum()) for role, p in probabilities.items()}

    def megabytes(members: tuple[str, ...]) -> float:
        return sum(sizes_mb[role] for role in members)

    def goodness(members: tuple[str, ...]) -> tuple[int, float]:
        return sum(right[role] for role in members), -megabytes(members)

    choices = list(itertools.product(*places))
    fit = [members for members in choices if most_mb is None or megabytes(members) <= most_mb]
    best = max(fit or [min(choices, key=megabytes)], key=goodness)
    return list(best)


def choose(labels: np.ndarray, members: Sequence[np.ndarray]) -> list[Rule]:
    """Choose the rules that let early members answer the most validation rows.

    The more rows a member answers, the faster the cascade is, whatever the members' times are. With
    more than two members, rules are chosen from the last but one back to the first, each for the
    members after it. The temperature is 1 or the one that fits the member's probabilities best (Guo
    et al., 2017), whichever lets it answer more rows.

    Args:
        labels: (n,), class positions of the validation rows.
        members: probabilities (n, k) of each member.

    Returns:
        A rule for each member but the last. The cascade's accuracy is at most ``MOST_LOST`` below
        that of the last member.
    """
    least = float((members[-1].argmax(axis=1) == labels).mean()) - MOST_LOST
    rest = members[-1]
    rules: list[Rule] = []
    for member in reversed(members[:-1]):
        found = [_rule(labels, member, rest, least, t) for t in _temperatures(labels, member)]
        # In a tie, max takes the first one: the plain probabilities.
        _, rule = max(found, key=lambda counted: counted[0])
        rules.insert(0, rule)
        rest = answers([member, rest], [rule])
    return rules


def _temperatures(labels: np.ndarray, member: np.ndarray) -> list[float]:
    return [1.0, round(fit_temperature(labels, member), 4)]


def _rule(
    labels: np.ndarray, member: np.ndarray, rest: np.ndarray, least: float, temperature: float
) -> tuple[int, Rule]:
    """How many rows a member can answer at most, and the rule for it."""
    table = _sweep(labels, member, rest, temperature)
    good = table[table["accuracy"] >= least - 1e-12]
    if not len(good):
        return 0, Rule(NEVER, temperature)
    best = good.iloc[-1]
    return int(best["answered"]), Rule(float(best["threshold"]), temperature)


def _sweep(
    labels: np.ndarray, member: np.ndarray, rest: np.ndarray, temperature: float
) -> pd.DataFrame:
    """Each threshold that changes an answer, highest first: threshold, answered, accuracy."""
    sureness = confidence(member, temperature)
    order = np.argsort(-sureness, kind="stable")
    right = member.argmax(axis=1)[order] == labels[order]
    right_after = rest.argmax(axis=1)[order] == labels[order]
    correct = np.concatenate([[0], np.cumsum(right)]) + right_after.sum()
    correct -= np.concatenate([[0], np.cumsum(right_after)])
    sorted_sureness = np.concatenate([[NEVER], sureness[order], [0.0]])
    table = pd.DataFrame(
        {
            "threshold": sorted_sureness[:-1],
            "answered": np.arange(len(labels) + 1),
            "accuracy": correct / len(labels),
            "next": sorted_sureness[1:],
        }
    )
    # Rows of the same confidence are answered together.
    table = table[table["threshold"] > table["next"]].reset_index(drop=True)
    # Halfway to the next row, so that the last bit of a probability never decides.
    table.loc[1:, "threshold"] = (table["threshold"] + table["next"])[1:] / 2
    return table.drop(columns="next")


def curve(
    labels: np.ndarray,
    first: np.ndarray,
    rest: np.ndarray,
    temperature: float,
    milliseconds: tuple[float, float],
    points: int = 200,
) -> pd.DataFrame:
    """Accuracy and mean time of a cascade as the first member's threshold changes.

    Args:
        labels: (n,), class positions.
        first: probabilities (n, k) of the first member.
        rest: those of the members after it, for the texts that the first one passes on.
        temperature: of the first member's rule.
        milliseconds: mean time for one text in the first member, and in the rest.
        points: about how many thresholds to return, spread evenly over the rows.

    Returns:
        Columns threshold, share (of rows that the first member answers), accuracy, mean_ms.
    """
    table = _sweep(labels, first, rest, temperature)
    rows = np.unique(np.linspace(0, len(table) - 1, min(points, len(table))).round().astype(int))
    table = table.iloc[rows]
    share = table["answered"] / len(labels)
    return pd.DataFrame(
        {
            "threshold": table["threshold"],
            "share": share,
            "accuracy": table["accuracy"],
            "mean_ms": milliseconds[0] + (1 - share) * milliseconds[1],
        }
    ).reset_index(drop=True)
