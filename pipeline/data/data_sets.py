"""AG News from the Hub or from a folder: texts with their labels, split and checked."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from pipeline.class_names import check_names
from pipeline.data import hub, labelled_files, labels
from pipeline.data.fingerprint import Rows, fingerprint_of, fingerprint_of_schema_1
from pipeline.data.labelled_files import LabelledTexts
from pipeline.data.reader import AS_IT_IS, Form
from pipeline.data.splits import SEED as SEED
from pipeline.data.splits import VALIDATION_SHARE, stratified
from pipeline.errors import PipelineError

HUB_NAME = "fancyzhx/ag_news"
LABELS = ("World", "Sports", "Business", "Sci/Tech")
"""Class names of AG News and of the invented headlines."""
TITLE_FIRST = True
"""A row of AG News begins with its title; an invented headline is nothing but one."""
TOY = Path(__file__).with_name("headlines.csv")


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
        PipelineError: the class names can't be a data set's, or a row has a label without a name.
    """

    name: str
    labels: tuple[str, ...]
    """Class names: 2 to 200, all different."""
    title_first: bool
    """Whether a row begins with its title."""
    train: Split
    validation: Split
    test: Split
    fingerprint: str = field(init=False)
    """sha256 of all that a model can learn or be judged by: see ``fingerprint_of``."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "labels", check_names(self.labels))
        for name, split in self.splits().items():
            if not np.isin(split.labels, range(len(self.labels))).all():
                raise PipelineError(f"a {name} row has a label outside 0..{len(self.labels) - 1}")
        whole = fingerprint_of(self.labels, self.title_first, self._rows())
        object.__setattr__(self, "fingerprint", whole)

    def is_named(self, known: str, schema: int) -> bool:
        """Whether a run of that schema which knows its data by that was made on this corpus."""
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
    """Read a data set and split its training rows 90 to 10, by class, into train and validation.

    Args:
        folder: holds training and test rows, as ``split_files`` finds them, in any form that
            ``reader`` reads, with columns of texts and labels as ``column_rules`` finds them;
            by default the Hub's ``fancyzhx/ag_news``.
        train_rows: how many training rows to use, validation included; drawn by class.
        toy: take the project's own invented headlines instead.
        form: what is known of the folder's files; the rest is told by the files.
        say: called with a line on each thing that was decided.

    Raises:
        PipelineError: something is missing or not as it should be.
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
    return Corpus(name, LABELS, TITLE_FIRST, train, validation, test)


def _numbered(
    read: tuple[LabelledTexts, LabelledTexts],
    names: Sequence[str],
    owner: str,
    say: labelled_files.Say,
) -> tuple[Split, Split]:
    """The training and the test rows, labelled with these classes of that data set."""
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
    """The project's own headlines, a class in mind for each: all, or those of a toy run's split."""
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
