"""Texts with their labels, split and checked: AG News from the Hub or a folder, or toy data."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from pipeline.class_names import check_names
from pipeline.data import declarations, hub, labelled_files, labels
from pipeline.data.declarations import AGNEWS, DataSet
from pipeline.data.fingerprint import Rows, fingerprint_of, fingerprint_of_schema_1
from pipeline.data.labelled_files import LabelledTexts
from pipeline.data.reader import AS_IT_IS, Form
from pipeline.data.splits import SEED as SEED
from pipeline.data.splits import VALIDATION_SHARE, stratified
from pipeline.errors import PipelineError

assert AGNEWS.hub_id
assert AGNEWS.labels
assert AGNEWS.examples
HUB_NAME = AGNEWS.hub_id
LABELS = AGNEWS.labels
"""Class names of AG News and of the invented headlines."""
TOY = AGNEWS.examples
"""The file of the invented headlines."""


@dataclass(frozen=True)
class Split:
    """Texts with their labels; ``rows`` are their numbers in the file they came from."""

    texts: list[str]
    labels: np.ndarray
    """int64 (n,), positions among the corpus's class names."""
    rows: np.ndarray
    """int64 (n,)."""

    def __len__(self) -> int:
        return len(self.texts)

    def take(self, positions: np.ndarray) -> "Split":
        """The rows at these positions, in ascending order of position."""
        positions = np.sort(positions)
        texts = [self.texts[position] for position in positions]
        return Split(texts, self.labels[positions], self.rows[positions])


@dataclass(frozen=True)
class Corpus:
    """A data set, split and ready to use.

    Raises:
        PipelineError: the class names are not valid, or a row has a label without a class name.
    """

    name: str
    labels: tuple[str, ...]
    """Class names: 2 to 200, all different."""
    title_first: bool
    """Whether a row begins with its title."""
    train: Split
    validation: Split
    test: Split
    data_set: DataSet = declarations.UNKNOWN
    """What else is known about the data set. Models do not learn from it."""
    fingerprint: str = field(init=False)
    """sha256 of everything that models are trained or evaluated on; see ``fingerprint_of``."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "labels", check_names(self.labels))
        for name, split in self.splits().items():
            if not np.isin(split.labels, range(len(self.labels))).all():
                raise PipelineError(f"a {name} row has a label outside 0..{len(self.labels) - 1}")
        whole = fingerprint_of(self.labels, self.title_first, self._rows())
        object.__setattr__(self, "fingerprint", whole)

    def is_named(self, known: str, schema: int) -> bool:
        """Whether a run of this schema with ``known`` as data fingerprint used this corpus."""
        own = fingerprint_of_schema_1(self._rows()) if schema == 1 else self.fingerprint
        return known == own

    def splits(self) -> dict[str, Split]:
        return {"train": self.train, "validation": self.validation, "test": self.test}

    def _rows(self) -> list[Rows]:
        return [(split.texts, split.labels) for split in self.splits().values()]


def load(
    folder: Path | None = None,
    train_rows: int | None = None,
    toy: bool = False,
    form: Form = AS_IT_IS,
    say: labelled_files.Say = lambda line: None,
) -> Corpus:
    """Read AG News or the toy data, and split the training rows by class: 10 % for validation.

    Args:
        folder: a folder with training and test rows. ``split_files`` finds the files, ``reader``
            reads them, and ``column_rules`` finds the columns. None: the Hub's
            ``fancyzhx/ag_news``.
        train_rows: how many training rows to use, validation included; they are drawn by class.
        toy: read the project's own invented headlines instead.
        form: what the user says about the folder's files; the rest is detected.
        say: called with a line about each decision.

    Raises:
        PipelineError: something is missing or invalid.
    """
    if toy:
        train, test = (invented_headlines(split) for split in ("train", "test"))
        name = "headlines.csv"
    elif folder is not None:
        if not folder.is_dir():
            raise PipelineError(
                f"no data folder at {folder}; give --data a folder with train.csv and test.csv"
            )
        train, test = _numbered(
            labelled_files.read_folder(folder, form, say), LABELS, "AG News", say
        )
        name = folder.resolve().name
    else:
        train, test = _read_hub()
        name = HUB_NAME
    if train_rows is not None and train_rows != len(train):
        train = train.take(stratified(train.labels, train_rows, "--train-rows"))
    held_out = stratified(
        train.labels, round(len(train) * VALIDATION_SHARE), "the validation tenth"
    )
    kept = np.setdiff1d(np.arange(len(train)), held_out)
    train, validation = train.take(kept), train.take(held_out)
    data_set = declarations.TOY if toy else AGNEWS
    return Corpus(name, LABELS, data_set.title_first, train, validation, test, data_set)


def _numbered(
    read: tuple[LabelledTexts, LabelledTexts],
    names: Sequence[str],
    owner: str,
    say: labelled_files.Say,
) -> tuple[Split, Split]:
    """The training and the test rows, with labels as positions among ``owner``'s class names."""
    numbers = labels.numbering(read[0].labels, names, read[0].name, owner)
    train, test = (
        Split(
            rows.texts,
            labels.positions(rows.labels, numbers, rows.name),
            np.arange(len(rows.texts)),
        )
        for rows in read
    )
    absent = [names[place] for place in np.setdiff1d(range(len(names)), test.labels)]
    if absent:
        say(
            f"{read[1].name} has no row of {', '.join(absent)}; macro-F1 is the mean over the "
            "classes that test rows have or are called, as scikit-learn counts"
        )
    return train, test


def invented_headlines(split: str | None = None) -> Split:
    """The project's own headlines, each written for a class: all, or those of one toy split."""
    frame = pd.read_csv(TOY, keep_default_na=False)
    if split:
        frame = frame[frame["split"] == split]
    return Split(frame["text"].tolist(), frame["label"].to_numpy(np.int64), frame.index.to_numpy())


def _read_hub() -> tuple[Split, Split]:
    with hub.reachable(HUB_NAME, "--data DIR"):
        from datasets import load_dataset

        sets = load_dataset(HUB_NAME)
    train, test = (
        Split(list(part["text"]), np.asarray(part["label"], np.int64), np.arange(len(part)))
        for part in (sets["train"], sets["test"])
    )
    return train, test
