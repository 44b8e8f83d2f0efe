"""Two runs compared with each other, role by role."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from pipeline.analysis import significance


def by_role(
    one: pd.DataFrame,
    other: pd.DataFrame,
    right: Mapping[str, np.ndarray] | None = None,
    other_right: Mapping[str, np.ndarray] | None = None,
) -> pd.DataFrame:
    """Compare the models of the roles that two runs share.

    Args:
        one: a run's models, with ``role``, ``accuracy`` (0..1), ``size_mb``, ``p50_ms``.
        other: the same of the other run.
        right: by role, boolean (n,), where the one run's model is right; None if the runs were
            tested on different rows, which can't be paired.
        other_right: the same of the other run, on the same rows.

    Returns:
        One row per shared role, in the order of ``one``: ``accuracy``, ``size_mb`` and ``p50_ms``
        of each run (suffixes ``_one``, ``_other``), and the fields of ``significance.Difference``
        (other less one). Its bounds hold for all these roles at once. ``low``, ``high`` and ``p``
        are NaN if the rows can't be paired.
    """
    columns = ["role", "accuracy", "size_mb", "p50_ms"]
    table = one[columns].merge(other[columns], on="role", suffixes=("_one", "_other"))
    table["difference"] = table["accuracy_other"] - table["accuracy_one"]
    table[["low", "high", "p"]] = np.nan
    if right is not None and other_right is not None:
        for row, role in enumerate(table["role"]):
            found = significance.paired_difference(other_right[role], right[role], len(table))
            table.loc[row, ["low", "high", "p"]] = found[1:]
    return table
