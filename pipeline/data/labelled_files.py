"""Read texts and labels from files or tables. The labels stay as the file writes them."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from pipeline.data import column_rules, reader, sources, split_files
from pipeline.data.reader import AS_IT_IS, Form
from pipeline.data.tables import Table
from pipeline.errors import PipelineError

Say = Callable[[str], None]


@dataclass(frozen=True)
class Columns:
    """What the user says about the columns; the rest is detected in the files."""

    form: Form = AS_IT_IS
    """Columns of the texts, and whether there is a header."""
    label: str | None = None
    """Column of the labels, by name or by number from 1; None: detected."""


@dataclass(frozen=True)
class LabelledTexts:
    """The rows of a split."""

    name: str
    """The name of their file, for messages."""
    texts: list[str] = field(default_factory=list)
    labels: list[str] = field(default_factory=list)
    """One label per text, as the file writes it."""
    column: str = ""
    """The name of the column of labels."""
    class_names: tuple[str, ...] = ()
    """The names of the classes 0, 1, …, if the labels are numbers and the file names them."""


def read_folder(folder: Path, form: Form, say: Say) -> tuple[LabelledTexts, LabelledTexts]:
    """The training rows and the test rows of a folder.

    Args:
        folder: a folder with files that ``split_files`` finds.
        form: what the user says about its files.
        say: called for each file with a line that says which columns were read.

    Raises:
        PipelineError: a file is missing or can't be read, or a row has no text or no label.
    """
    files = [split_files.find(folder, split) for split in ("train", "test")]
    train, test = (read_files(parts, Columns(form), say) for parts in files)
    return train, test


def read_files(parts: list[Path], columns: Columns, say: Say) -> LabelledTexts:
    """The rows of a split from all of its files, in the order of ``parts``.

    Raises:
        PipelineError: as ``read_folder``.
    """
    whole = LabelledTexts(str(parts[0]))
    for part in parts:
        file = reader.open_texts(sources.from_path(part), columns.form)
        with sources.readable(str(part)):
            found = read_table(file.table, file.columns, columns, str(part), say)
        whole = replace(
            found,
            name=whole.name,
            texts=whole.texts + found.texts,
            labels=whole.labels + found.labels,
        )
    return whole


def read_table(
    table: Table, texts: tuple[int, ...], columns: Columns, name: str, say: Say
) -> LabelledTexts:
    """The rows of a table.

    Args:
        table: the table of a file or a split.
        texts: positions of the columns that make a text.
        columns: what the user says about the columns.
        name: the table's name, for messages.
        say: called with a line that says which columns were read.

    Raises:
        PipelineError: no columns could be texts and labels, there are no rows, or a row has no
            text or no label.
    """
    label = _label_column(table, texts, columns, name)
    class_names = table.class_names.get(label, ())
    found = LabelledTexts(name, column=table.names[label], class_names=class_names)
    lacks: dict[str, list[int]] = {"text": [], "label": []}
    for number, (written, *cells) in enumerate(table.read([label, *texts]), start=1):
        text = reader.text_of(cells, table)
        if text is None or written is None or not written.strip():
            lacks["text" if text is None else "label"].append(number)
        else:
            found.texts.append(text)
            found.labels.append(written)
    for what, rows in lacks.items():
        if len(rows) == 1:
            raise PipelineError(f"{name}: row {rows[0]:,} has no {what}; leave it out")
        if rows:
            raise PipelineError(
                f"{name}: row {rows[0]:,} has no {what}, and {len(rows) - 1:,} more have none; "
                "leave them out"
            )
    if not found.texts:
        raise PipelineError(f"{name} has no rows under its header")
    said = reader.summary(table, texts, len(found.texts), 0)
    say(f"{name}: {said}, labels in {reader.named(table, [label])}")
    return found


def _label_column(table: Table, texts: tuple[int, ...], columns: Columns, name: str) -> int:
    if columns.label is None:
        label = column_rules.label_column(table, texts, name)
    else:
        label, *more = column_rules.asked_columns(table, [columns.label], name)
        if more:
            raise PipelineError(f"--label takes one column, not {columns.label!r}")
    if label in texts:
        raise PipelineError(
            f"column {table.names[label]!r} of {name} can't be text and label at once; name both "
            f"with --text and --label: it has {column_rules.listed(table.names)}"
        )
    if not columns.form.columns and not column_rules.are_texts(table, texts):
        raise PipelineError(
            f"{name} has no column that could be the text among "
            f"{column_rules.listed(table.names)}; name it with --text"
        )
    return label
