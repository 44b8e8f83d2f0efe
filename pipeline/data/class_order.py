"""Match the outputs of a foreign model to a run's classes, by class names."""

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pipeline.data.column_rules import listed
from pipeline.errors import PipelineError, one_line

_UNNAMED = re.compile(r"LABEL_(\d+)")
"""The name that transformers gives to a class without a name."""


def names_in(config: Mapping[str, Any]) -> list[str]:
    """The class names of a checkpoint, in the order of its outputs.

    Args:
        config: the content of its ``config.json``. As in transformers, classes without names are
            called ``LABEL_0``, ``LABEL_1``, …, and there are two if their number is missing.

    Raises:
        PipelineError: the names are not numbered from 0.
    """
    found = config.get("id2label")
    if not found:
        return [f"LABEL_{number}" for number in range(int(config.get("num_labels") or 2))]
    try:
        by_number = {int(number): str(name) for number, name in found.items()}
        return [by_number[number] for number in range(len(by_number))]
    except (AttributeError, ValueError, KeyError) as error:
        raise PipelineError("id2label in its config.json does not number classes from 0") from error


def read_names(path: Path) -> list[str]:
    """The class names in a file: a JSON list, or one name per line.

    Raises:
        PipelineError: there is no such file, or it holds something else.
    """
    try:
        text = path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise PipelineError(f"can't read the labels in {path}: {one_line(error)}") from error
    if not text.lstrip().startswith("["):
        return [line.strip() for line in text.splitlines() if line.strip()]
    try:
        names = json.loads(text)
    except ValueError as error:
        raise PipelineError(f"{path} is no JSON list: {one_line(error)}") from error
    if not all(isinstance(name, str) for name in names):
        raise PipelineError(f"{path} has to be a JSON list of names, or a text with one a line")
    return names


def order(names: Sequence[str], labels: Sequence[str], source: str) -> tuple[list[int], str]:
    """Find the output of a model for each class of a run.

    Names are compared as they are, then without case, then without punctuation, until they match.
    A model whose classes are ``LABEL_0``, ``LABEL_1``, … is assumed to have the run's order.

    Args:
        names: the model's class names, in the order of its outputs.
        labels: the run's class names.
        source: where the model's names come from, for messages.

    Returns:
        The position of the model's output for each class of the run; and a message if the order is
        only assumed, else "".

    Raises:
        PipelineError: the model has other classes, or another number of them.
    """
    if len(names) != len(labels):
        raise PipelineError(
            f"{source} has {len(names)} class{'es' * (len(names) != 1)} ({listed(names)}), and the "
            f"run has {len(labels)} ({listed(labels)}); only a model of the same classes can be "
            "compared"
        )
    for key in (_as_it_is, str.casefold, _letters):
        places = {key(name.strip()): place for place, name in enumerate(names)}
        wanted = [key(label.strip()) for label in labels]
        if len(places) == len(names) and set(places) == set(wanted):
            return [places[name] for name in wanted], ""
    numbers = [_UNNAMED.fullmatch(name.strip()) for name in names]
    if all(numbers):
        in_order = [int(number[1]) for number in numbers if number]
        if in_order == list(range(len(names))):
            return in_order, (
                f"{source} names no classes ({listed(names)}): they are taken in the run's order, "
                f"{listed(labels)}; --labels FILE says another one"
            )
    missing = [label for label in labels if _letters(label) not in set(map(_letters, names))]
    raise PipelineError(
        f"{source} has the classes {listed(names)}, the run has {listed(labels)}"
        + (f"; it lacks {listed(missing)}" if missing else "")
        + "; write the run's names in the order of the model's outputs into a file (one a line, or "
        "a JSON list), and give it with --labels FILE"
    )


def _as_it_is(name: str) -> str:
    return name


def _letters(name: str) -> str:
    """Only the letters and digits, in lower case: "Sci/Tech" and "sci_tech" are equal."""
    return re.sub(r"[\W_]+", "", name).casefold() or name
