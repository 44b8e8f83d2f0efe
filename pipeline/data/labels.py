"""From the labels that a file has to positions among a data set's class names."""

import re
from collections.abc import Sequence

import numpy as np

from pipeline.data.column_rules import listed
from pipeline.errors import PipelineError

_WHOLE = re.compile(r"([-+]?\d+)\.0*$")


def numbering(labels: Sequence[str], names: Sequence[str], file: str, owner: str) -> dict[str, int]:
    """What each label of the training rows stands for: its position among the class names.

    Labels are the names themselves (in any case, with any punctuation), or numbers from 0, or
    numbers from 1. Every class must be there: with one missing, numbers can't be told from those
    of other classes, or from numbers that are shifted.

    Args:
        labels: of the training rows.
        names: of the classes.
        file: the training rows' file, for messages.
        owner: of the class names, for messages.

    Raises:
        PipelineError: the labels are others; the message lists those that are there, and what
            is missing.
    """
    found = dict.fromkeys(map(_key, labels))
    count = len(names)
    forms = {
        "names": list(names),
        f"0 to {count - 1}": [str(place) for place in range(count)],
        f"1 to {count}": [str(place + 1) for place in range(count)],
    }
    differs = []
    for written, form in forms.items():
        numbers = {_key(label): place for place, label in enumerate(form)}
        if len(numbers) == count and found.keys() == numbers.keys():
            return numbers
        missing = [label for label in form if _key(label) not in found]
        more = [row for row, label in enumerate(labels, start=1) if _key(label) not in numbers]
        if len(missing) < count:
            lacks = [f"lacks {listed(missing)}"] if missing else []
            has = [f"has {labels[more[0] - 1].strip()!r} in row {more[0]:,}"] if more else []
            differs.append(f"; of {written} it {' and '.join(lacks + has)}")
    there = sorted({label.strip() for label in labels}, key=_in_order)
    raise PipelineError(
        f"{file} has {len(there)} class{'es' * (len(there) != 1)}: {listed(there)}; {owner} has "
        f"{count}: {listed(names)}, written as {', or '.join(forms)}{''.join(differs)}"
    )


def positions(labels: Sequence[str], numbers: dict[str, int], file: str) -> np.ndarray:
    """Positions of the labels' classes, int64 (n,).

    Args:
        labels: n of them.
        numbers: as ``numbering`` gave them.
        file: where the labels stand, for messages.

    Raises:
        PipelineError: a label is none of the training rows'; the message names its row.
    """
    keys = list(map(_key, labels))
    wrong = next((row for row, key in enumerate(keys) if key not in numbers), None)
    if wrong is not None:
        raise PipelineError(
            f"{file}: row {wrong + 1:,} has label {labels[wrong].strip()!r}, which no training "
            f"row has; theirs are {listed(list(numbers))}"
        )
    return np.array([numbers[key] for key in keys], np.int64)


def _key(label: str) -> str:
    """A label as it is compared: "Sci/Tech" and "sci_tech" are one, and so are "1" and "1.0"."""
    label = _WHOLE.sub(r"\1", label.strip())
    plain = re.sub(r"[\W_]+", "", label).casefold()
    return label if label.lstrip("-+").isdecimal() or not plain else plain


def _in_order(label: str) -> tuple[int, float, str]:
    """Numbers by their size, before words."""
    try:
        return 0, float(label), label
    except ValueError:
        return 1, 0.0, label
