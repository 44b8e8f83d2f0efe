"""A folder's training and test rows: texts, and labels as they are written."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pipeline.data import column_rules, reader, sources, split_files
from pipeline.data.reader import Form
from pipeline.errors import PipelineError

Say = Callable[[str], None]


@dataclass(frozen=True)
class LabelledTexts:
    """The rows of a split."""

    name: str
    """Of their file, for messages."""
    texts: list[str]
    labels: list[str]
    """As many, as they are written."""


def read_folder(folder: Path, form: Form, say: Say) -> tuple[LabelledTexts, LabelledTexts]:
    """The training rows and the test rows of a folder.

    Args:
        folder: as ``split_files`` reads it.
        form: what is known of its files.
        say: called with a line on each file: which columns were read.

    Raises:
        PipelineError: a file is missing or can't be read, or a row has no text or no label.
    """
    files = [split_files.find(folder, split) for split in ("train", "test")]
    train, test = (_read_parts(parts, form, say) for parts in files)
    return train, test


def _read_parts(parts: list[Path], form: Form, say: Say) -> LabelledTexts:
    """The rows of all parts of a split, one after the other."""
    whole = LabelledTexts(str(parts[0]), [], [])
    for part in parts:
        file = reader.open_texts(sources.from_path(part), form)
        table, columns, before = file.table, file.columns, len(whole.texts)
        label = column_rules.label_column(table, columns, str(part))
        with sources.readable(str(part)):
            for number, (written, *cells) in enumerate(table.read([label, *columns]), start=1):
                text = reader.text_of(cells, table)
                if text is None or written is None or not written.strip():
                    lacks = "text" if text is None else "label"
                    raise PipelineError(f"{part}: row {number:,} has no {lacks}; leave it out")
                whole.texts.append(text)
                whole.labels.append(written)
        rows = len(whole.texts) - before
        if not rows:
            raise PipelineError(f"{part} has no rows under its header")
        said = reader.summary(table, columns, rows, 0)
        say(f"{part}: {said}, labels in {reader.named(table, [label])}")
    return whole
