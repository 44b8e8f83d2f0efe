"""Models' answers to texts, in words and as tables."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from pipeline.analysis.budget import join
from views.charts.palette import MANY_CLASSES

# Up to this many models with the same answer are named. If there are more, they are counted.
_NAMED = 3
RUNNERS_UP = ("2nd", "3rd")
"""Columns for a model's second and third answer, if there are many classes."""


def agreement(votes: np.ndarray, names: Sequence[str]) -> str:
    """Models' answers to one text in words; ``votes`` has one class number per model."""
    counts = np.bincount(votes, minlength=len(names))
    if counts.max() == len(votes):
        who = {1: "", 2: "both say "}.get(len(votes), f"all {len(votes)} say ")
        return who + names[int(counts.argmax())]
    order = np.argsort(-counts, kind="stable")
    return "≠ " + ", ".join(f"{counts[c]} {names[c]}" for c in order if counts[c])


def sentence(said: Mapping[str, int], names: Sequence[str]) -> str:
    """Models' answers to one text: "4 of 5 models say Business; Nano says Sports".

    Args:
        said: by model name, the number of the class that the model answers; not empty.
        names: class names.
    """
    by_class: dict[int, list[str]] = {}
    for model, answer in said.items():
        by_class.setdefault(answer, []).append(model)
    # Most votes first; ties keep the models' order.
    first, *others = sorted(by_class.items(), key=lambda item: -len(item[1]))
    (answer, models), total = first, len(said)
    if not others:
        who = {1: f"{models[0]} says", 2: "Both models say"}.get(total, f"All {total} models say")
        return f"{who} {names[answer]}"
    if len(models) == 1:
        return "; ".join(_say(voters, names[place]) for place, voters in by_class.items())
    rest = ", ".join(_say(voters, names[place]) for place, voters in others)
    return f"{len(models)} of {total} models say {names[answer]}; {rest}"


def _say(models: Sequence[str], answer: str) -> str:
    """ "Nano says Sports", "Nano and Tiny say Sports", "5 say Sports"."""
    if len(models) > _NAMED:
        return f"{len(models)} say {answer}"
    return f"{join(models)} {'says' if len(models) == 1 else 'say'} {answer}"


def votes_of(answers: Mapping[str, np.ndarray]) -> np.ndarray:
    """Class numbers, shape (n, models), from probabilities of shape (n, k) by role."""
    return np.stack([probabilities.argmax(axis=1) for probabilities in answers.values()], axis=1)


def differ(answers: Mapping[str, np.ndarray]) -> np.ndarray:
    """For each text, whether the models' answers differ; bool, shape (n,)."""
    votes = votes_of(answers)
    return (votes != votes[:, :1]).any(axis=1)


def side_by_side(
    texts: Sequence[str], answers: Mapping[str, np.ndarray], names: Sequence[str]
) -> pd.DataFrame:
    """One row per text: how far the models agree, the text, and each model's answer.

    Args:
        texts: n texts.
        answers: by role, probabilities of shape (n, k); if empty, the table only has the texts.
        names: the k class names.
    """
    if not answers:
        return pd.DataFrame({"Agreement": "…", "Headline": list(texts)})
    # Thousands of texts share a few dozen patterns of votes.
    patterns, which = np.unique(votes_of(answers), axis=0, return_inverse=True)
    words = np.array([agreement(votes, names) for votes in patterns], dtype=object)
    table = pd.DataFrame({"Agreement": words[which], "Headline": list(texts)})
    for role, probabilities in answers.items():
        top, classes = probabilities.max(axis=1), probabilities.argmax(axis=1)
        table[role] = [f"{names[c]} {p:.0%}" for c, p in zip(classes, top, strict=True)]
    return table


def runners_up(probabilities: np.ndarray, names: Sequence[str]) -> dict[str, list]:
    """The second and third class of each row, for runs with too many classes for a column each.

    Args:
        probabilities: shape (n, k), k at least 3.
        names: the k class names.

    Returns:
        By column name, n values: class names, and their probabilities on the scale of the input.
    """
    places = np.argsort(-probabilities, axis=1, kind="stable")
    columns: dict[str, list] = {}
    for place, name in enumerate(RUNNERS_UP, start=1):
        classes = places[:, place]
        columns[name] = [names[c] for c in classes]
        columns[f"p {name}"] = probabilities[np.arange(len(classes)), classes].tolist()
    return columns


def of_one(position: int, answers: Mapping[str, np.ndarray], names: Sequence[str]) -> pd.DataFrame:
    """Every model's answer to one text: one row per model, probabilities in percent.

    Columns of classes are named by position, because a class may have the same name as another
    column. With many classes, there are only the columns of ``runners_up``. A model that has not
    answered this text yet has an empty row.
    """
    rows, is_many = [], len(names) >= MANY_CLASSES
    for role, probabilities in answers.items():
        row = {"Model": role, "Answer": "…", "Confidence": np.nan}
        if not is_many:
            row |= dict.fromkeys(map(str, range(len(names))), np.nan)
        if position < len(probabilities):
            percent = 100 * probabilities[position].astype(float)
            row |= {"Answer": names[percent.argmax()], "Confidence": percent.max()}
            if is_many:
                row |= {name: cell[0] for name, cell in runners_up(percent[None], names).items()}
            else:
                row |= {str(place): share for place, share in enumerate(percent)}
        rows.append(row)
    return pd.DataFrame(rows)


def by_model(
    answers: Mapping[str, np.ndarray], names: Sequence[str], labels: np.ndarray | None = None
) -> pd.DataFrame:
    """One row per model: how many texts it puts in each class, and how often other models agree.

    Columns of classes are named by position, because a class may have the same name as another
    column. With many classes, there are no such columns: see ``by_class``.
    "Agrees" is the share, in percent, of equal answers over all texts and all other models. It is
    NaN if there is no other model. "Right" is the share of right answers, in percent. It is there
    only if the true classes are given: ``labels``, shape (n,). Without texts, all figures are NaN.
    """
    votes = votes_of(answers)
    rows = []
    for position, role in enumerate(answers):
        own, others = votes[:, [position]], np.delete(votes, position, axis=1)
        counts = np.bincount(own[:, 0], minlength=len(names)) if len(own) else [np.nan] * len(names)
        agrees = 100 * (others == own).mean() if others.size else np.nan
        row = {"Model": role, "Agrees": agrees}
        if labels is not None:
            row["Right"] = 100 * (own[:, 0] == labels[: len(own)]).mean() if len(own) else np.nan
        if len(names) < MANY_CLASSES:
            row |= {str(place): count for place, count in enumerate(counts)}
        rows.append(row)
    return pd.DataFrame(rows)


def by_class(answers: Mapping[str, np.ndarray], names: Sequence[str]) -> pd.DataFrame:
    """One row per class ("Class"), one column per model: how many texts it puts in that class."""
    counts = {
        role: np.bincount(probabilities.argmax(axis=1), minlength=len(names))
        for role, probabilities in answers.items()
    }
    table = pd.DataFrame(counts)
    table.insert(0, "Class", list(names), allow_duplicates=True)
    return table
