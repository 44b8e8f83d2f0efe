"""Convert the labels of a file to positions among a data set's class names."""

import json
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from pipeline.class_names import check_names
from pipeline.data.column_rules import listed
from pipeline.errors import PipelineError, one_line

_WHOLE = re.compile(r"([-+]?\d+)\.0*$")


def numbering(labels: Sequence[str], names: Sequence[str], file: str, owner: str) -> dict[str, int]:
    """The position among the class names of each label that the training rows have.

    Labels are the names themselves (in any case, with any punctuation), or numbers from 0, or
    numbers from 1. Every class must occur. If one were missing, the numbers might as well belong to
    other classes, or start at another number.

    Args:
        labels: the labels of the training rows.
        names: the class names.
        file: the training rows' file, for messages.
        owner: what has these class names, for messages.

    Raises:
        PipelineError: the labels are different ones; the message lists them, and what is missing.
    """
    found = dict.fromkeys(map(_key, labels))
    count = len(names)
    if {label.strip() for label in labels} == set(names):
        return _by_name(names)
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
        labels: n labels.
        numbers: the result of ``numbering``.
        file: the file with the labels, for messages.

    Raises:
        PipelineError: a label does not occur in the training rows; the message names its row.
    """
    keys = [label if (label := each.strip()) in numbers else _key(each) for each in labels]
    wrong = next((row for row, key in enumerate(keys) if key not in numbers), None)
    if wrong is not None:
        known = {place: label for label, place in reversed(numbers.items())}
        theirs = listed([known[place] for place in sorted(known)])
        raise PipelineError(
            f"{file}: row {wrong + 1:,} has label {labels[wrong].strip()!r}, which no training "
            f"row has; theirs are {theirs}"
        )
    return np.array([numbers[key] for key in keys], np.int64)


def names_in(labels: Sequence[str]) -> tuple[str, ...]:
    """Class names made from the labels themselves: numbers in numeric order, then words."""
    found = {_WHOLE.sub(r"\1", label.strip()) for label in labels}
    return tuple(sorted(found, key=_in_order))


def read_names(path: Path) -> tuple[str, ...]:
    """The class names in a file, in the file's order.

    Args:
        path: a ``.json`` file with a list of strings, or a text file with one name per line.

    Raises:
        PipelineError: there is no such file, it holds something else, or the names are not valid.
    """
    if not path.is_file():
        raise PipelineError(f"no file at {path}, which --labels names")
    content = path.read_bytes()
    try:
        text = content.decode("utf-8-sig")
        names = json.loads(text) if path.suffix.lower() == ".json" else text.splitlines()
    except ValueError as error:
        raise PipelineError(f"{path} can't be read as class names: {one_line(error)}") from error
    if isinstance(names, list) and path.suffix.lower() != ".json":
        names = [name.strip() for name in names if name.strip()]
    try:
        return check_names(names)
    except PipelineError as error:
        raise PipelineError(f"{path}: {error}") from error


def _by_name(names: Sequence[str]) -> dict[str, int]:
    """Positions of names, by name and by ``_key`` of the name if no other name has that key.

    Several names have one key if they differ only in case or punctuation: C, C++, c.
    """
    counts = Counter(map(_key, names))
    exact = {name: place for place, name in enumerate(names)}
    loose = {_key(name): place for name, place in exact.items() if counts[_key(name)] == 1}
    return exact | {key: place for key, place in loose.items() if key not in exact}


def _key(label: str) -> str:
    """A label's form for comparison: "Sci/Tech" equals "sci_tech", and "1" equals "1.0"."""
    label = _WHOLE.sub(r"\1", label.strip())
    plain = re.sub(r"[\W_]+", "", label).casefold()
    return label if label.lstrip("-+").isdecimal() or not plain else plain


def _in_order(label: str) -> tuple[int, float, str]:
    """Sort key: numbers in numeric order, then words."""
    try:
        return 0, float(label), label
    except ValueError:
        return 1, 0.0, label
