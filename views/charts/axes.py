"""The axes that the frontier can have, and a run's models as points on two of them."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
import pandas as pd

from pipeline.analysis.metrics import pareto_front
from pipeline.data.declarations import AGNEWS, DataSet
from pipeline.recipes.role_names import JOINED
from views.glossary import UNSEEN, fill, meaning

REFERENCES = {"classical": "Classical", JOINED: "Joined"}
"""Methods of models that belong to no family → their words in the legend. The words are short, so
that the legend leaves room for the chart on a phone."""


Figure = TypeVar("Figure", float, pd.Series)
"""One model's figure, or a series with a figure of each model."""


@dataclass(frozen=True)
class Axis:
    """One figure that an axis can show.

    In the tables below, terms and titles may have braces, as in the glossary; ``axes_of`` fills
    them in.
    """

    key: str
    """Column of the models' table, or name of a figure in ``pipeline.analysis.intervals``."""
    term: str
    """Its name in the glossary."""
    title: str
    """Title on the chart; a phone has room for 34 letters."""
    lower_is_better: bool
    unit: str = ""
    interval: str = ""
    """Method of its 95 % interval; empty: it has none."""
    help: str = ""
    """What the term means."""

    @property
    def is_of_examples(self) -> bool:
        """Whether the figure is measured on the invented headlines; few runs have it."""
        return self.term == UNSEEN

    def filled(self, known: DataSet) -> "Axis":
        """The axis with a data set's nouns filled in."""
        term, title = fill(self.term, known), fill(self.title, known)
        return replace(self, term=term, title=title, help=meaning(self.term, known))


_BOOTSTRAP = "percentile bootstrap over test rows, with a fixed seed"
Y_AXES = {
    axis.key: axis
    for axis in (
        Axis("accuracy", "Accuracy", "Accuracy on test", False, "%", "Wilson's"),
        Axis(
            "headlines",
            UNSEEN,
            "Accuracy on headlines alone",
            False,
            "%",
            "Wilson's",
        ),
        Axis("macro_f1", "Macro-F1", "Macro-F1 on test", False, "%", _BOOTSTRAP),
        Axis(
            "worst_recall",
            "Worst class's recall",
            "Worst class's recall on test",
            False,
            "%",
            "Wilson's, over that class's own rows",
        ),
        Axis(
            "agreement",
            "Agreement with the teacher",
            "Agreement with the teacher",
            False,
            "%",
            "Wilson's; none for the teacher itself",
        ),
        Axis(
            "ece",
            "Calibration error",
            "Calibration error, lower is better",
            True,
            "%",
            "inverted test of the bins' gaps, with a fixed seed",
        ),
    )
}
X_AXES = {
    axis.key: axis
    for axis in (
        Axis("size_mb", "Size", "Size of the files, MB (10⁶ bytes)", True, "MB"),
        Axis("p50_ms", "Latency p50", "Median, ms {a_noun}", True, "ms"),
        Axis("mean_ms", "Mean latency", "Mean, ms {a_noun}", True, "ms"),
        Axis("p95_ms", "Latency p95", "95th percentile, ms {a_noun}", True, "ms"),
        Axis("headline_p50_ms", "Latency of {a_short}", "Median, ms a short {short}", True, "ms"),
        Axis("peak_memory_mb", "Peak memory", "Peak memory, MB", True, "MB"),
        Axis("parameters_m", "Parameters", "Parameters, millions", True, "M"),
        Axis("cost", "Cost of a million {nouns}", "Cost of a million {nouns}", True),
    )
}


def axes_of(axes: Mapping[str, Axis], known: DataSet) -> dict[str, Axis]:
    """By its key in the URL, each axis that applies to a data set, with its nouns filled in.

    The keys have AG News's nouns for every data set. All runs were on AG News once, and old links
    must still work.
    """
    return {
        fill(axis.term, AGNEWS): axis.filled(known)
        for axis in axes.values()
        if known.has_unseen_examples or not axis.is_of_examples
    }


def cost_of_a_million(
    rows_per_second: Figure, threads: Figure, price_per_core_hour: float
) -> Figure:
    """What it costs to classify a million texts, in the price's currency.

    Every thread counts as a core that is paid for as long as the batch runs.

    Args:
        rows_per_second: throughput on many rows, with ``threads`` threads.
        threads: number of threads used.
        price_per_core_hour: price of one core for one hour.
    """
    return 1e6 / rows_per_second / 3600 * threads * price_per_core_hour


def with_costs(table: pd.DataFrame, price: float) -> pd.DataFrame:
    """Add the columns ``parameters_m`` and ``cost`` (of a million texts) to a models' table."""
    return table.assign(
        parameters_m=table["parameters"] / 1e6,
        cost=[
            cost_of_a_million(rows, threads, price)
            for rows, threads in zip(table["rows_per_second"], table["threads"], strict=True)
        ],
    )


def points(table: pd.DataFrame, figures: pd.DataFrame, x: Axis, y: Axis) -> pd.DataFrame:
    """A run's models as points of the frontier.

    Args:
        table: one row per model, with ``run``, ``role``, ``method`` and the column of ``x``.
        figures: columns ``role``, ``y``, ``low``, ``high``; ``intervals.intervals`` returns them.
        x: a cost; lower is better.
        y: a figure of quality.

    Returns:
        One row per model that has both figures: ``run``, ``role``, ``group`` (the run's name, or
        the kind of reference), ``x``, ``y``, ``low``, ``high``, and ``front`` (whether the model is
        on the Pareto front of these models).
    """
    joined = table[["run", "role", "method", x.key]].merge(figures, on="role")
    joined = joined.rename(columns={x.key: "x"})
    # The axis is logarithmic, so it can't show a cost of 0.
    joined = joined[np.isfinite(joined["x"]) & (joined["x"] > 0) & np.isfinite(joined["y"])]
    group = joined["method"].map(REFERENCES).fillna(joined["run"])
    better = -joined["y"] if y.lower_is_better else joined["y"]
    joined = joined.assign(group=group, front=pareto_front(joined["x"], better))
    return joined.drop(columns="method").reset_index(drop=True)
