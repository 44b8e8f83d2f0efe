"""Read a data set from the Hub, each split as a table."""

from collections.abc import Iterator, Sequence
from typing import Any

from pipeline.data import column_rules, hub, labelled_files
from pipeline.data.labelled_files import Columns, LabelledTexts, Say
from pipeline.data.tables import Row, Table
from pipeline.errors import PipelineError

_NAMES = {
    **{"train": "train", "test": "test", "validation": "validation"},
    **dict.fromkeys(("valid", "val", "dev"), "validation"),
}


def read(name: str, columns: Columns, say: Say) -> dict[str, LabelledTexts]:
    """The splits of a data set by name; the names are those of ``split_files.SPLITS``.

    Args:
        name: ``owner/name`` or ``owner/name:config``.
        columns: what the user says about its columns.
        say: called for each split with a line that says which columns were read.

    Raises:
        PipelineError: the Hub does not have it, or it has no texts with labels.
    """
    owner, _, config = name.partition(":")
    with hub.reachable(name, "--data with a file or a folder"):
        from datasets import load_dataset

        sets = load_dataset(owner, config or None)
    return {
        _NAMES[split]: _read_split(sets[split], f"{name}, split {split}", columns, say)
        for split in sets
        if split in _NAMES
    }


def _read_split(part: Any, name: str, columns: Columns, say: Say) -> LabelledTexts:
    table = _table(part)
    if columns.form.columns:
        texts = column_rules.asked_columns(table, columns.form.columns, name)
    else:
        texts = column_rules.text_columns(table)
    for place in texts:
        if place in table.no_texts:
            raise PipelineError(
                f"column {table.names[place]!r} of {name} holds {table.no_texts[place]}, not "
                f"texts; it has {column_rules.listed(table.names)}, and --text names others"
            )
    return labelled_files.read_table(table, texts, columns, name, say)


def _table(part: Any) -> Table:
    """A split as a table."""
    names = list(part.column_names)

    def rows(positions: Sequence[int]) -> Iterator[Row]:
        kept = part.select_columns(list(dict.fromkeys(names[place] for place in positions)))
        for row in kept:
            cells = [row[names[place]] for place in positions]
            yield [cell if cell is None or isinstance(cell, str) else str(cell) for cell in cells]

    class_names, no_texts = {}, {}
    for place, column in enumerate(names):
        feature = part.features[column]
        if found := getattr(feature, "names", None):
            class_names[place] = tuple(found)
        if getattr(feature, "dtype", None) not in ("string", "large_string"):
            no_texts[place] = str(getattr(feature, "dtype", feature))
    return Table(tuple(names), rows, no_texts=no_texts, rows=len(part), class_names=class_names)
