"""Find, read, check and split any data set.

``data_sets.load`` reads only AG News and the toy data. This module reads any data set, and
recognises AG News by its classes.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from pipeline.class_names import LEAST, MOST, check_names
from pipeline.data import data_sets, declarations, hub_files, labelled_files, labels, split_files
from pipeline.data.column_rules import listed
from pipeline.data.data_sets import Corpus, Split
from pipeline.data.declarations import AGNEWS, DataSet
from pipeline.data.labelled_files import Columns, LabelledTexts, Say
from pipeline.data.reader import AS_IT_IS, Form
from pipeline.data.splits import VALIDATION_SHARE, drawn, stratified
from pipeline.errors import PipelineError
from pipeline.recipes.roles import Family

LEAST_ROWS = 3
"""The fewest rows of a class: one to train on, one to validate, one to test."""
_HUB_NAME = re.compile(r"[\w.-]+/[\w.-]+(:[\w.-]+)?")


@dataclass(frozen=True)
class Asked:
    """What the user says about the data to load."""

    source: str | None = None
    """A file, a folder, or a name on the Hub, ``owner/name[:config]``; None: the declared one."""
    data_set: DataSet | None = None
    """A declared data set; None: detected from the data."""
    form: Form = AS_IT_IS
    """Columns of the texts, and whether there is a header."""
    label: str | None = None
    """Column of the labels, by name or by number from 1; None: detected."""
    labels: tuple[str, ...] | None = None
    """Class names; None: as declared, or else read from the data."""
    test: str | None = None
    """A file with the test rows; None: they come from the source."""
    train_rows: int | None = None
    """How many training rows to use, validation included; they are drawn by class."""
    family: Family | None = None
    """The family that is run on the data. It may limit the number of rows."""
    again: Mapping[str, int] | None = None
    """The number of rows of each split in an existing run, to load the same rows again."""


def load(asked: Asked, say: Say = lambda line: None) -> Corpus:
    """Read a data set and split it.

    A declared data set must have its own test rows. Any other missing split is drawn from the
    training rows by class: a tenth of them.

    Args:
        asked: what the user says about the data.
        say: called with a line about each decision.

    Raises:
        PipelineError: something is missing or invalid; the message is one line.
    """
    if asked.source is None and (asked.data_set is None or asked.data_set.labels):
        toy = asked.data_set is not None and asked.data_set.learns_examples
        rows = asked.again["train"] + asked.again["validation"] if asked.again else asked.train_rows
        whole = data_sets.load(None, rows, toy=toy)
        most = asked.family.rows_of(len(whole.labels)) if asked.family else None
        if rows is None and most and most < len(whole.train) + len(whole.validation):
            whole = data_sets.load(None, most, toy=toy)
        return _bounded(whole, asked)
    source = asked.source or (asked.data_set and asked.data_set.hub_id)
    assert source
    read = _read(source, asked, say)
    data_set = asked.data_set or _told(read, source, asked)
    if asked.data_set is None and declarations.is_agnews(data_set):
        say(f"{source} has AG News's classes and is taken for it; --labels names other ones")
    names, numbers = _numbering(read["train"], data_set, asked)
    splits = {
        name: Split(
            rows.texts,
            labels.positions(rows.labels, numbers, rows.name),
            np.arange(len(rows.texts)),
        )
        for name, rows in read.items()
    }
    if declarations.is_declared(data_set) and "test" not in splits:
        raise PipelineError(f"no test rows in {source}; {data_set.title} has its own, give --test")
    _check_classes(splits["train"], names, read["train"].name, data_set)
    train, validation, test = _split(splits, data_set, asked)
    missing = [names[place] for place in np.setdiff1d(range(len(names)), test.labels)]
    if missing:
        say(
            f"the test rows have none of {listed(missing)}; macro-F1 is the mean over the "
            "classes that test rows have or are called, as scikit-learn counts"
        )
    corpus = Corpus(_name(source), names, data_set.title_first, train, validation, test, data_set)
    return _bounded(corpus, asked)


def _bounded(corpus: Corpus, asked: Asked) -> Corpus:
    """The corpus with no more validation and test rows than the request allows."""
    validation, test = (
        _at_most(rows, _most_rows(name, asked), name)
        for name, rows in (("validation", corpus.validation), ("test", corpus.test))
    )
    return replace(corpus, validation=validation, test=test)


def _most_rows(split: str, asked: Asked) -> int | None:
    """The most rows to use of the validation or test split; None: all."""
    if asked.again:
        return asked.again[split]
    return asked.family.most_test_rows if asked.family else None


def _at_most(rows: Split, most: int | None, split: str) -> Split:
    if most is None or most >= len(rows):
        return rows
    return rows.take(drawn(rows.labels, most, f"the {split} rows", least=0))


def _read(source: str, asked: Asked, say: Say) -> dict[str, LabelledTexts]:
    """The splits of the source by name. A file of ``--test`` replaces the test split."""
    declared, form, label = asked.data_set, asked.form, asked.label
    path = Path(source).expanduser()
    if declared and path.exists():  # the Hub may use other names for the columns
        form = replace(form, columns=form.columns or declared.columns)
        label = label or declared.label
    columns = Columns(form, label)
    if path.is_dir():
        files = split_files.find_all(path)
    elif path.is_file():
        files = {"train": [path]}
    elif _HUB_NAME.fullmatch(source) and not _is_file_name(source):
        files = {}
    else:
        raise PipelineError(
            f"no data folder at {source}, no file, and it is no name on the Hub "
            "(owner/name or owner/name:config); give --data one of them"
        )
    if asked.test:
        test = Path(asked.test).expanduser()
        files = {name: parts for name, parts in files.items() if name != "test"} | {"test": [test]}
    read = {} if path.exists() else hub_files.read(source, columns, say)
    for name, parts in files.items():
        read[name] = labelled_files.read_files(parts, columns, say)
    if "train" not in read:
        raise PipelineError(f"{source} has no split called train")
    return read


def _is_file_name(source: str) -> bool:
    """Whether a source has the ending of a file that can be read."""
    return split_files.is_kind(Path(source).name)


def _name(source: str) -> str:
    """A data set's name: its folder's, its file's without the ending, or its name on the Hub."""
    path = Path(source).expanduser()
    if not path.exists():
        return source
    return path.resolve().name if path.is_dir() else path.name.split(".")[0] or path.name


def short_name(source: str) -> str:
    """A data set's name with only the characters that a run's name may have."""
    last = _name(source).rpartition("/")[2]
    return re.sub(r"[^A-Za-z0-9._-]+", "-", last).strip("-._")[:60] or "data"


def _told(read: dict[str, LabelledTexts], source: str, asked: Asked) -> DataSet:
    """The data set as detected from the data: AG News, or else a user's own.

    It is AG News if a folder or a data set on the Hub has AG News's classes, and only the splits
    train and test.
    """
    own = declarations.own(short_name(source), asked.form.columns, asked.label)
    in_parts = Path(source).expanduser().is_dir() or not Path(source).expanduser().exists()
    train = read["train"]
    if asked.labels or not in_parts or read.keys() != {"train", "test"}:
        return own
    if train.class_names not in ((), AGNEWS.labels):
        return own
    assert AGNEWS.labels
    try:
        labels.numbering(train.labels, AGNEWS.labels, train.name, AGNEWS.title)
    except PipelineError:
        return own
    return AGNEWS


def _numbering(
    train: LabelledTexts, data_set: DataSet, asked: Asked
) -> tuple[tuple[str, ...], dict[str, int]]:
    """The class names, and the position among them of each label."""
    names = asked.labels or data_set.labels
    if names is None and train.class_names:
        # The file may name classes that have no rows.
        there = {place for label in train.labels if (place := _place(label)) is not None}
        names = tuple(n for place, n in enumerate(train.class_names) if place in there)
        if len(names) < len(train.class_names) or len(there) != len(names):
            return _some_of(train, names)
    if names is None:
        names = labels.names_in(train.labels)
        _check_count(names, train)
    return check_names(names), labels.numbering(
        train.labels, names, train.name, "--labels" if asked.labels else data_set.title
    )


def _some_of(
    train: LabelledTexts, names: tuple[str, ...]
) -> tuple[tuple[str, ...], dict[str, int]]:
    """Class names and positions if the file names more classes than its training rows have."""
    numbers = {str(train.class_names.index(name)): place for place, name in enumerate(names)}
    _check_count(names, train)
    return check_names(names), numbers


def _place(label: str) -> int | None:
    return int(label) if label.strip().isdecimal() else None


def _check_count(names: Sequence[str], train: LabelledTexts) -> None:
    """Raise a PipelineError unless models can have this number of classes."""
    if LEAST <= len(names) <= MOST:
        return
    what = f"one class, {names[0]!r}," if len(names) == 1 else f"{len(names):,} classes"
    raise PipelineError(
        f"{train.name} has {what} in column {train.column!r}; there may be {LEAST} to {MOST} "
        "(--label names another column)"
    )


def _check_classes(train: Split, names: Sequence[str], file: str, data_set: DataSet) -> None:
    """Raise a PipelineError if a class has too few rows, or if their declared number differs."""
    if data_set.classes not in (None, len(names)):
        raise PipelineError(
            f"{file} has {len(names)} classes; {data_set.title} has {data_set.classes}"
        )
    counts = np.bincount(train.labels, minlength=len(names))
    few = [
        f"{name!r} ({count})"
        for name, count in zip(names, counts, strict=True)
        if count < LEAST_ROWS
    ]
    if few:
        raise PipelineError(
            f"{file} has fewer than {LEAST_ROWS} rows of {listed(few)}; each class needs "
            f"{LEAST_ROWS} or more: add rows, or leave the class out"
        )


def _split(splits: dict[str, Split], data_set: DataSet, asked: Asked) -> tuple[Split, Split, Split]:
    """Training, validation and test rows. Missing splits are drawn from the training rows."""
    train, own = splits["train"], splits.get("validation")
    tenth = VALIDATION_SHARE * len(train)
    test = splits.get("test")
    if test is None:
        count = max(len(np.unique(train.labels)), round(tenth))
        train, test = _without(train, drawn(train.labels, count, "the test tenth", leave=2))
        tenth = len(train) / 9
    agnews = declarations.is_agnews(data_set)  # its runs have always used ``stratified``
    wanted = _wanted_rows(len(train), len(np.unique(train.labels)), own is None, asked)
    if wanted != len(train):
        tenth *= wanted / len(train)
        least = 2 if own is None else 1
        train = train.take(
            stratified(train.labels, wanted, "--train-rows")
            if agnews
            else drawn(train.labels, wanted, "--train-rows", least)
        )
    if own is not None:
        return train, own, test
    count = max(len(np.unique(train.labels)), round(tenth))
    held_out = (
        stratified(train.labels, round(tenth), "the validation tenth")
        if agnews
        else drawn(train.labels, count, "the validation tenth", leave=1)
    )
    train, validation = _without(train, held_out)
    return train, validation, test


def _wanted_rows(there: int, classes: int, with_validation: bool, asked: Asked) -> int:
    """How many of ``there`` training rows to use, validation included if it is drawn from them."""
    if asked.again:
        return asked.again["train"] + (asked.again["validation"] if with_validation else 0)
    if asked.train_rows is not None:
        return asked.train_rows
    most = asked.family.rows_of(classes) if asked.family else None
    return min(there, most or there)


def _without(rows: Split, positions: np.ndarray) -> tuple[Split, Split]:
    """The rows that are not at these positions, and the rows that are."""
    return rows.take(np.setdiff1d(np.arange(len(rows)), positions)), rows.take(positions)
