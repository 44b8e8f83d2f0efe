"""Drawing rows by class, the same ones every time."""

import numpy as np

from pipeline.errors import PipelineError

VALIDATION_SHARE = 0.1
SEED = 42


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
