"""Draw rows by class, with a fixed seed."""

import numpy as np

from pipeline.errors import PipelineError

VALIDATION_SHARE = 0.1
SEED = 42


def drawn(labels: np.ndarray, count: int, what: str, least: int = 1, leave: int = 0) -> np.ndarray:
    """Draw rows with a fixed seed, from small classes too; return positions, int64 (count,).

    Each class gives ``least`` rows, or as many as it can. The other rows are drawn from the classes
    in proportion to the rows that they still have. Unlike this function, ``stratified`` may draw
    no row of a rare class, and fails if every class is small.

    Args:
        labels: the labels of the rows, integers (n,).
        count: how many rows to draw.
        what: the name of these rows in messages.
        least: how many rows of each class to draw at least.
        leave: how many rows of each class to leave at least.

    Raises:
        PipelineError: this number of rows can't be drawn.
    """
    classes, place, sizes = np.unique(labels, return_inverse=True, return_counts=True)
    free = np.maximum(sizes - leave, 0)
    taken = np.minimum(free, least)
    if not taken.sum() <= count <= free.sum():
        raise PipelineError(
            f"{what} would be {count} of {len(labels)} training rows; "
            f"it takes from {taken.sum()} to {free.sum()}"
        )
    if count > taken.sum():
        share = (free - taken) * ((count - taken.sum()) / (free - taken).sum())
        taken = taken + share.astype(np.int64)
        # The largest remainders come first; ties go to the first class.
        in_order = np.argsort(-(share % 1), kind="stable")
        with_room = in_order[taken[in_order] < free[in_order]]
        taken[with_room[: count - taken.sum()]] += 1
    random = np.random.default_rng(SEED)
    parts = [
        random.permutation(np.flatnonzero(place == number))[: taken[number]]
        for number in range(len(classes))
    ]
    return np.concatenate(parts)


def stratified(labels: np.ndarray, count: int, what: str) -> np.ndarray:
    """Draw rows by class with a fixed seed; return positions, int64 (count,).

    Args:
        labels: the labels of the rows, integers (n,).
        count: how many rows to draw.
        what: the name of these rows in messages.

    Raises:
        PipelineError: this number of rows can't be drawn by class.
    """
    from sklearn.model_selection import train_test_split  # slow to import, and few pages need it

    classes = len(np.unique(labels))
    if not classes <= count <= len(labels) - classes:
        raise PipelineError(
            f"{what} would be {count} of {len(labels)} training rows; "
            f"it takes from {classes} to {len(labels) - classes}"
        )
    try:
        positions, _ = train_test_split(
            np.arange(len(labels)), train_size=count, stratify=labels, random_state=SEED
        )
    except ValueError as error:
        raise PipelineError(f"can't draw {what} by class: {error}") from error
    return positions
