"""A run's results as Markdown tables, which the README shows."""

from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from pipeline.analysis import metrics
from pipeline.analysis.budget import Budget, row_of
from pipeline.analysis.recommendation import compare, comparisons, recommend
from pipeline.analysis.significance import in_words, paired_difference
from pipeline.errors import PipelineError
from pipeline.recipes.reported import REPORTED, Reported
from pipeline.recipes.role_names import (
    BASELINE,
    HIDDEN_FIRST,
    WHOLE_ROWS,
    replicated_role,
    student_of_baseline,
)
from pipeline.results.predictions import probabilities_of
from pipeline.results.storage import Run

_COLUMNS = {
    "model": "---",
    "role": "---",
    "accuracy": "--:",
    "95 % interval": ":-:",
    "against `{}`, 95 %": "---",
    "headlines alone": "--:",
    "MB": "--:",
    "ms": "--:",
    "ms, a headline": "--:",
    "rows/s": "--:",
    "reported": ":-:",
}
"""The columns of ``markdown`` and their alignment."""
_OF_HEADLINES = ("headlines alone", "ms, a headline")
"""Those that only a data set of headlines has."""

STEPS = {
    BASELINE: "labels only",
    WHOLE_ROWS: "+ the teacher's logits",
    "": "+ its logits on random spans of the rows",
    HIDDEN_FIRST: "+ its hidden states and attention first",
}
"""Suffix of a student's role → what the student learns from; each step adds one thing."""


def markdown(run: Run) -> str:
    """One line per model, the largest first.

    - *accuracy* and its interval (Wilson) are in percent of the test rows. If the run has seed
      replicates, the mean and the extremes over the seeds follow.
    - *against* gives the bounds of the difference in accuracy from the reference (simultaneous, see
      ``significance``).
    - *headlines alone* is the accuracy in percent on the project's 400 invented headlines. Models
      of other texts are not asked, so their table has no columns of headlines.
    - *MB* is the size of the artifact in 10^6 bytes.
    - *ms* is the median time for one whole row, and for one headline of 8 to 20 words.
    - *reported* is what the source notebook reported of AG News: accuracy, MB.
    """
    labels, probabilities = _predictions(run)
    models = run.table()
    seeds = metrics.across_seeds(dict(zip(models["role"], models["accuracy"], strict=True)))
    shown = models[[replicated_role(role) is None for role in models["role"]]]
    reported = REPORTED if run.record.on_agnews else {}
    kept = {role: probabilities[role] for role in shown["role"]}
    table = metrics.models_table(shown, labels, kept, reported)
    compared = compare(models, _right(labels, probabilities))
    columns = list(_COLUMNS)
    declaration = run.record.data.declaration
    if declaration and declaration.noun != "headline":
        columns = [name for name in columns if name not in _OF_HEADLINES]
    if not reported:
        columns.remove("reported")
    rows = [
        _cells(
            row,
            _against(compared, row["role"]),
            reported.get(row["role"]),
            seeds.loc[row["role"]] if row["role"] in seeds.index else None,
        )
        for row in table.to_dict("records")
    ]
    lines = [
        f"| {' | '.join(columns)} |".format(_reference(compared)),
        f"|{'|'.join(_COLUMNS[name] for name in columns)}|",
        *(f"| {' | '.join(row[name] for name in columns)} |" for row in rows),
    ]
    return "\n".join(lines)


def summary(run: Run) -> str:
    """The notebook's seven roles, then all other models on the Pareto front (size, accuracy).

    A short form of ``markdown``, for readers who are new to the project.
    """
    compared = compared_models(run)
    titles = run.table().set_index("role")["title"]
    by_size = compared.sort_values("size_mb", ascending=False)
    front = metrics.pareto_front(by_size["size_mb"], by_size["accuracy"])
    known = set(compared["role"])
    roles = [*(role for role in REPORTED if role in known), *by_size["role"][front]]
    lines = [
        f"| model | role | MB | accuracy | against `{_reference(compared)}`, 95 % | ms a row |",
        "|---|---|--:|--:|---|--:|",
    ]
    for role in dict.fromkeys(roles):
        row = row_of(compared, role)
        cells = [
            titles[role],
            f"`{role}`",
            f"{row['size_mb']:.1f}",
            f"{100 * row['accuracy']:.1f}",
            _against(compared, role),
            f"{row['p50_ms']:.2g}",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def tables(run: Run) -> list[str]:
    """The tables that ``report`` prints: the models in short, in full, and which to deploy."""
    return [summary(run), markdown(run), budgets(run)]


def budgets(run: Run) -> str:
    """Which model to deploy as the size limit grows: one line per new recommendation."""
    compared = compared_models(run)
    lines = [
        f"| MB, at least | deploy | against `{_reference(compared)}`, 95 % | within a point |",
        "|--:|---|---|:-:|",
    ]
    before = None
    for size in sorted(compared["size_mb"]):
        found = recommend(compared, Budget(max_mb=size))
        if found.recommended is None or found.recommended == before:
            continue
        before = found.recommended
        row = row_of(found.models, before)
        said = "the reference" if row["reference"] else in_words(row["low"], row["high"])
        shown = "yes" if row["low"] >= -found.budget.margin else "not shown"
        lines.append(f"| {row['size_mb']:.1f} | `{before}` | {said} | {shown} |")
    return "\n".join(lines)


def compared_models(run: Run, joined: bool = False) -> pd.DataFrame:
    """A run's deployable models compared with its reference: see ``recommendation.compare``.

    Args:
        run: the run.
        joined: whether models that were trained elsewhere are included.
    """
    return compare(run.table(), right_answers(run), joined)


def right_answers(run: Run) -> dict[str, np.ndarray]:
    """By role, whether the model is right on each test row: boolean (n,)."""
    return _right(*_predictions(run))


def ablation(run: Run) -> str:
    """What each way of teaching adds: one line per step, two columns per student with all steps.

    The first column is the accuracy on the test rows in percent, its 95 % interval (Wilson), and
    95 % bounds of the change in points since the step before. As on every page, the bounds hold for
    all models of the run at once. The second column is the accuracy on headlines alone.

    Raises:
        PipelineError: no student of the run has every step.
    """
    taught = {role: ways for role in run.by_role if len(ways := _ways(run, role)) == len(STEPS)}
    if not taught:
        steps = " ".join(f"minilm{step}" for step in STEPS)
        raise PipelineError(
            f"no student of {run.name} has every step; run … --only {steps} makes them"
        )
    labels, probabilities = _predictions(run)
    right, family = _right(labels, probabilities), comparisons(run.by_role)
    lines = [f"| taught with | {' | '.join(f'`{role}` | headlines alone' for role in taught)} |"]
    lines.append(f"|---|{'---|--:|' * len(taught)}")
    for number, words in enumerate(STEPS.values()):
        cells = []
        for ways in taught.values():
            own = right[ways[number]]
            low, high = metrics.accuracy_interval(int(own.sum()), len(own))
            cell = f"{100 * own.mean():.1f} ({100 * low:.1f} – {100 * high:.1f})"
            if number:
                found = paired_difference(own, right[ways[number - 1]], family)
                cell += f", {100 * found.low:+.2f} to {100 * found.high:+.2f}"
            alone = run.by_role[ways[number]].headlines
            cells += [cell, f"{100 * alone.accuracy:.0f}" if alone else ""]
        lines.append(f"| {words} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _ways(run: Run, student: str) -> list[str]:
    """The roles of a student's ``STEPS`` that the run has, in the order of the steps."""
    # Runs of schema 1 have another suffix for baselines.
    baselines = [role for role in run.by_role if student_of_baseline(role) == student]
    others = [student + step for step in STEPS if step != BASELINE]
    return baselines + [role for role in others if role in run.by_role]


def _predictions(run: Run) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Labels (n,) and every role's probabilities (n, k) on test."""
    predictions = {role: run.predictions(role) for role in run.by_role}
    labels = next(iter(predictions.values()))["label"].to_numpy()
    return labels, {role: probabilities_of(frame) for role, frame in predictions.items()}


def _right(labels: np.ndarray, probabilities: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """By role, whether the model is right on each row: boolean (n,)."""
    return {role: p.argmax(axis=1) == labels for role, p in probabilities.items()}


def _reference(compared: pd.DataFrame) -> str:
    """The role that the others are compared with."""
    return compared.loc[compared["reference"], "role"].iloc[0]


def _against(compared: pd.DataFrame, role: str) -> str:
    """A model compared with the reference, in words; empty for one that is never deployed."""
    if role not in set(compared["role"]):
        return ""
    row = row_of(compared, role)
    return "the reference" if row["reference"] else in_words(row["low"], row["high"])


def _cells(
    row: Mapping[Hashable, Any], against: str, reported: Reported | None, seeds: pd.Series | None
) -> dict[str, str]:
    """One model's row of ``markdown``: the cell of each of ``_COLUMNS``."""
    said = ""
    if reported:
        mark = "*" if reported.note else ""
        said = f"{100 * reported.accuracy:.1f}, {reported.size_mb:g}{mark}"
    accuracy = f"{100 * row['accuracy']:.1f}"
    if seeds is not None:
        accuracy += (
            f" ({seeds.seeds:.0f} seeds: {100 * seeds['mean']:.1f}, "
            f"{100 * seeds.least:.1f} – {100 * seeds.greatest:.1f})"
        )
    cells = [
        row["title"],
        f"`{row['role']}`",
        accuracy,
        f"{100 * row['low']:.1f} – {100 * row['high']:.1f}",
        against,
        f"{100 * row['headlines']:.0f}" if pd.notna(row["headlines"]) else "",
        f"{row['size_mb']:.1f}",
        f"{row['p50_ms']:.1f}",
        "–" if pd.isna(row["headline_p50_ms"]) else f"{row['headline_p50_ms']:.1f}",
        f"{row['rows_per_second']:.0f}",
        said,
    ]
    return dict(zip(_COLUMNS, cells, strict=True))
