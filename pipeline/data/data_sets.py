"""AG News from the Hub or from a folder: splits, checks and a fingerprint."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from pipeline.class_names import check_names
from pipeline.data import hub
from pipeline.errors import PipelineError, one_line

HUB_NAME = "fancyzhx/ag_news"
LABELS = ("World", "Sports", "Business", "Sci/Tech")
"""Class names of AG News and of the invented headlines."""
TITLE_FIRST = True
"""A row of AG News begins with its title; an invented headline is nothing but one."""
TOY = Path(__file__).with_name("headlines.csv")
VALIDATION_SHARE = 0.1
SEED = 42


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
    """sha256 of all that a model can learn or be judged by: see ``_fingerprint``."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "labels", check_names(self.labels))
        for name, split in self.splits().items():
            if not np.isin(split.labels, range(len(self.labels))).all():
                raise PipelineError(f"a {name} row has a label outside 0..{len(self.labels) - 1}")
        object.__setattr__(self, "fingerprint", _fingerprint(self))

    def is_named(self, fingerprint: str, schema: int) -> bool:
        """Whether a run of that schema which names that fingerprint was made on this corpus."""
        return fingerprint == (_fingerprint_of_schema_1(self) if schema == 1 else self.fingerprint)

    def splits(self) -> dict[str, Split]:
        return {"train": self.train, "validation": self.validation, "test": self.test}


def load(folder: Path | None = None, train_rows: int | None = None, toy: bool = False) -> Corpus:
    """Read a data set and split its training rows 90 to 10, by class, into train and validation.

    Args:
        folder: holds ``train.csv`` and ``test.csv``, either with columns ``text,label``
            (labels 0..3) or in Zhang's original form, class 1..4, title, description, with or
            without a header; by default the Hub's ``fancyzhx/ag_news``.
        train_rows: how many training rows to use, validation included; drawn by class.
        toy: take the project's own invented headlines instead.

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
        train, test = (_read_csv(folder / f"{split}.csv") for split in ("train", "test"))
        name = folder.resolve().name
    else:
        train, test = _read_hub()
        name = HUB_NAME
    if train_rows is not None and train_rows != len(train):
        train = train.take(stratified(train, train_rows, "--train-rows"))
    held_out = stratified(train, round(len(train) * VALIDATION_SHARE), "the validation tenth")
    kept = np.setdiff1d(np.arange(len(train)), held_out)
    train, validation = train.take(kept), train.take(held_out)
    return Corpus(name, LABELS, TITLE_FIRST, train, validation, test)


def stratified(split: Split, count: int, what: str) -> np.ndarray:
    """Positions of ``count`` rows, drawn by class with a fixed seed."""
    from sklearn.model_selection import train_test_split  # slow to import, and not for every page

    classes = len(np.unique(split.labels))
    if not classes <= count <= len(split) - classes:
        raise PipelineError(
            f"{what} would be {count} of {len(split)} training rows; "
            f"it takes from {classes} to {len(split) - classes}"
        )
    try:
        positions, _ = train_test_split(
            np.arange(len(split)), train_size=count, stratify=split.labels, random_state=SEED
        )
    except ValueError as error:
        raise PipelineError(f"can't draw {what} by class: {error}") from error
    return positions


def _read_csv(path: Path) -> Split:
    if not path.is_file():
        raise PipelineError(f"no {path.name} in {path.parent}; the data folder needs it")
    try:
        frame = pd.read_csv(path, header=None, dtype=str, keep_default_na=False)
    except pd.errors.EmptyDataError:
        raise PipelineError(f"{path} is empty; it needs rows of text,label") from None
    except (pd.errors.ParserError, UnicodeDecodeError) as error:
        raise PipelineError(f"{path} can't be read as UTF-8 CSV: {one_line(error)}") from error
    header = [str(cell).strip().lower() for cell in frame.iloc[0]]
    if {"text", "label"} <= set(header):
        frame.columns = header
        return _checked(path, frame["text"].iloc[1:], frame["label"].iloc[1:], first_label=0)
    if len(header) == 3:
        if not header[0].isdigit():
            frame = frame.iloc[1:]
        return _checked(path, frame[1] + " " + frame[2], frame[0], first_label=1)
    raise PipelineError(
        f"{path} has columns {', '.join(header[:6])}; it needs text,label, "
        "or Zhang's three: class, title, description"
    )


def _checked(path: Path, texts: pd.Series, labels: pd.Series, first_label: int) -> Split:
    if texts.empty:
        raise PipelineError(f"{path} has no rows under its header")
    numbers = pd.to_numeric(labels, errors="coerce") - first_label
    wrong = ~numbers.isin(range(len(LABELS)))
    if wrong.any():
        line = int(np.flatnonzero(wrong)[0])
        last = first_label + len(LABELS) - 1
        raise PipelineError(
            f"{path}: row {line + 1} has label {labels.iloc[line]!r}; "
            f"labels are {first_label}..{last}"
        )
    blank = texts.str.strip() == ""
    if blank.any():
        raise PipelineError(f"{path}: row {int(np.flatnonzero(blank)[0]) + 1} has no text")
    return Split(texts.tolist(), numbers.to_numpy(np.int64), np.arange(len(texts)))


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
    return tuple(
        Split(list(part["text"]), np.asarray(part["label"], np.int64), np.arange(len(part)))
        for part in (sets["train"], sets["test"])
    )


def _fingerprint(corpus: Corpus) -> str:
    """sha256 of class names, ``title_first``, and every text and label, split by split.

    The number of parts goes before every list, and the number of bytes before every part: so no
    two data sets give the same bytes to the hash.
    """
    digest = hashlib.sha256()

    def add(parts: Iterable[str], count: int) -> None:
        digest.update(count.to_bytes(8, "big"))
        for part in parts:
            content = part.encode()
            digest.update(len(content).to_bytes(8, "big"))
            digest.update(content)

    add(corpus.labels, len(corpus.labels))
    digest.update(bytes([corpus.title_first]))
    for split in corpus.splits().values():
        add(split.texts, len(split))
        digest.update(np.asarray(split.labels, dtype=">i8").tobytes())
    return digest.hexdigest()


def _fingerprint_of_schema_1(corpus: Corpus) -> str:
    """What runs of schema 1 know their data by."""
    digest = hashlib.sha256()
    for split in corpus.splits().values():
        digest.update(f"{len(split)}\n".encode())
        for text, label in zip(split.texts, split.labels, strict=True):
            digest.update(f"{label}\t{text}\n".encode())
    return digest.hexdigest()
