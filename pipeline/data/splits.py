"""Drawing rows by class, the same ones every time."""

import numpy as np

from pipeline.errors import PipelineError

VALIDATION_SHARE = 0.1
SEED = 42


def drawn(labels: np.ndarray, count: int, what: str, least: int = 1, leave: int = 0) -> np.ndarray:
    """Positions of rows that are drawn with a fixed seed, int64 (count,), of small classes too.

    Every class gives ``least`` rows, or what it has; the rest is shared out by the classes' sizes.
    ``stratified`` draws no row of a class that is rare enough, and can't where each has few.

    Args:
        labels: of the rows, integers (n,).
        count: how many to draw.
        what: names them in messages.
        least: rows of each class that are drawn.
        leave: rows of each class that are not drawn.

    Raises:
        PipelineError: so many can't be drawn.
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
        # The largest remainders first; of equal ones, the first class.
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
    """Positions of rows that are drawn by class with a fixed seed, int64 (count,).

    Args:
        labels: of the rows, integers (n,).
        count: how many to draw.
        what: names them in messages.

    Raises:
        PipelineError: so many can't be drawn by class.
    """
    from sklearn.model_selection import train_test_split  # slow to import, and not for every page

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
