"""The texts of test rows, shown where the data set is at hand and is the run's own."""

import os
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import streamlit as st

from pipeline.data import data_sets, loading, split_files
from pipeline.data.declarations import DataSet
from pipeline.data.loading import Asked
from pipeline.errors import PipelineError
from views.answers import of_one
from views.parts.common import Stamp, View, download, number, stamp

MOST_ROWS = 500
SHARE = "The probability that a model gives to its answer, or to the class that is named here."


@st.cache_resource(max_entries=2, show_spinner="Reading the texts …")
def read_texts(
    folder: Path | None,
    _data_set: DataSet,
    rows: tuple[tuple[str, int], ...],
    fingerprint: str,
    schema: int,
    stamps: Stamp,
) -> tuple[pd.Series, str]:
    """Texts of the test rows by row number; or none, and the reason in words.

    Args:
        folder: or file, as ``loading`` reads it, or with the Hub's data set as the datasets library
            keeps it; None: the project's own headlines.
        _data_set: the run's.
        rows: of each split in the run.
        fingerprint: of the run's data; other data is refused, since its rows are not the run's.
        schema: of the run's record.
        stamps: tells one state of the folder from another.
    """
    try:
        with tempfile.TemporaryDirectory() as beside:
            if folder and (files := _arrow_files(folder)):
                folder = _as_csv(files, Path(beside))
            source = str(folder) if folder else None
            corpus = loading.load(Asked(source, _data_set, again=dict(rows)))
    except (PipelineError, OSError) as error:
        return pd.Series(dtype=str), f"The {_data_set.nouns} can't be read: {error}."
    if not corpus.is_named(fingerprint, schema):
        reason = "The data set at hand is not the one that this run was made on."
        return pd.Series(dtype=str), reason
    return pd.Series(corpus.test.texts, corpus.test.rows), ""


def _arrow_files(folder: Path) -> list[Path]:
    """The train and the test file of the Hub's AG News, if the folder holds them."""
    files = [folder / f"ag_news-{split}.arrow" for split in ("train", "test")]
    return files if all(file.is_file() for file in files) else []


def _as_csv(files: list[Path], target: Path) -> Path:
    """The Hub's data set in the form that ``data_sets`` reads without the datasets library."""
    for file in files:
        try:
            with pa.memory_map(str(file)) as source:
                table = pa.ipc.open_stream(source).read_all().select(["text", "label"])
        except (pa.ArrowException, KeyError) as error:
            raise PipelineError(f"{file} does not hold AG News") from error
        split = file.stem.removeprefix("ag_news-")
        table.to_pandas().to_csv(target / f"{split}.csv", index=False)
    return target


def hub_folder() -> Path | None:
    """Where the datasets library has put AG News on this machine, if it has."""
    home = os.environ.get("XDG_CACHE_HOME", "~/.cache")
    home = os.environ.get("HF_HOME", f"{home}/huggingface")
    root = Path(os.environ.get("HF_DATASETS_CACHE", f"{home}/datasets")).expanduser()
    found = root.glob(f"{data_sets.HUB_NAME.replace('/', '___')}/*/*/*/")
    return max(filter(_arrow_files, found), default=None, key=lambda path: path.stat().st_mtime)


def texts_of(view: View, folder: Path | None) -> tuple[list[str] | None, str]:
    """The run's test texts in the order of its rows, or None and the reason in words.

    Args:
        view: of the run.
        folder: what ``--data`` named, if anything.
    """
    record, known = view.run.record, view.data_set
    if known.learns_examples:
        folder = None
    elif folder is None:
        folder = hub_folder() if record.on_agnews else None
        if folder is None:
            return None, "The data set is not at hand."
    try:
        rows = tuple((split, int(record.data["rows"][split])) for split in split_files.SPLITS)
        fingerprint = record.data["fingerprint"]
    except (KeyError, TypeError, ValueError):
        return None, "The run does not say which rows it was made on."
    stamps: Stamp = ()
    if folder:
        folder = folder.expanduser().absolute()
        stamps = stamp(folder, "*.*") if folder.is_dir() else stamp(folder.parent, folder.name)
    found, reason = read_texts(folder, known, rows, fingerprint, record.schema, stamps)
    if reason or not np.isin(view.rows, found.index).all():
        return None, reason or "The run has other rows than its data set."
    return found.loc[view.rows].tolist(), ""


def list_rows(
    view: View, folder: Path | None, positions: np.ndarray, columns: pd.DataFrame, name: str
) -> None:
    """A table of test rows, the first of them if there are many, all to download, one to read.

    Args:
        view: of the run.
        folder: what ``--data`` named, if anything.
        positions: of the rows in the view's arrays; at least one.
        columns: what else is known of them, in the same order; floats are percent.
        name: of the downloaded file, without its ending.
    """
    texts, missing = texts_of(view, folder)
    noun = view.data_set.noun.capitalize()
    table = pd.DataFrame({"Row": view.rows[positions]})
    if texts:
        table[noun] = [texts[position] for position in positions]
    table = pd.concat([table, columns.reset_index(drop=True)], axis=1)
    if len(table) > MOST_ROWS:
        st.write(f"The first {MOST_ROWS} of {len(table):,} are listed; the download holds all.")
    percents = columns.select_dtypes("float").columns
    st.dataframe(
        table.head(MOST_ROWS),
        hide_index=True,
        height=min(38 + 35 * len(table), 388),
        column_config={
            "Row": number("Row", "%d", help="Its number in the file of test rows, from 0."),
            noun: st.column_config.TextColumn(width=420),
            **{column: number(column, "%.1f %%", help=SHARE) for column in percents},
            "Confidence": number("Confidence", "%.1f %%", help="Probability of the class called."),
            "Others differ": number(
                "Others differ", "%d", help="Other models that name another class than this one."
            ),
        },
    )
    download("Download these rows as CSV", table, f"{view.run.name}-{name}.csv")
    if missing:
        st.text(missing)
        if not view.data_set.learns_examples:
            st.write("To see the texts, show the dashboard where the data set is:")
            command = "streamlit run dashboard.py -- --data DIR"
            st.code(command, language=None, wrap_lines=True)
    read_one(view, texts, positions[:MOST_ROWS])


def read_one(view: View, texts: list[str] | None, positions: np.ndarray) -> None:
    """One of the rows that are listed: its whole text, and what every model says of it."""
    by_row = dict(zip(view.rows[positions].tolist(), positions, strict=True))
    row = st.selectbox(
        "Look at one row",
        list(by_row),
        index=None,
        placeholder="A row's number",
        key="row",
        bind="query-params",
        width=240,
        help=f"Its whole {view.data_set.noun}, and every model's answer to it.",
    )
    if row is None:
        return
    position = by_row[row]
    if texts:
        st.code(texts[position], language=None, wrap_lines=True)
    names = view.run.labels
    st.text(f"Labelled {names[view.labels[position]]}")
    in_order = {role: view.probabilities[role] for role in view.table["role"]}
    answers = of_one(position, in_order, names)
    percent = st.column_config.ProgressColumn(format="%.0f %%", min_value=0, max_value=100)
    columns = {str(i): number(name, "%.1f %%") for i, name in enumerate(names)}
    columns["Confidence"] = percent
    st.dataframe(answers, hide_index=True, height="content", column_config=columns)


def answers_of(view: View, role: str, positions: np.ndarray) -> pd.DataFrame:
    """A model's answers to some rows, beside their labels; probabilities in percent."""
    names, given = view.run.labels, view.probabilities[role][positions]
    answers = {
        "Labelled": [names[label] for label in view.labels[positions]],
        "Called": [names[called] for called in given.argmax(axis=1)],
        "Confidence": 100 * given.max(axis=1),
    }
    return pd.DataFrame(answers | {f"p {name}": 100 * given[:, i] for i, name in enumerate(names)})
