"""The texts of a run's test rows, if they are stored or its data set is available."""

import glob
import html
import os
import re
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import streamlit as st

from pipeline.data import data_sets, loading, split_files
from pipeline.data.declarations import DataSet
from pipeline.data.loading import Asked
from pipeline.errors import PipelineError
from pipeline.results.storage import Run
from pipeline.results.texts import TEXTS
from views.parts.common import Stamp, View, plain, stamp


@st.cache_resource(max_entries=2, show_spinner="Reading the texts …")
def read_texts(
    asked: Asked,
    _data_set: DataSet,
    rows: tuple[tuple[str, int], ...],
    fingerprint: str,
    schema: int,
    stamps: Stamp,
) -> tuple[pd.Series, str]:
    """Return the test texts by row number, and an empty string; or no texts, and the reason.

    Args:
        asked: the source and the form of its files. A folder may hold AG News as the datasets
            library stores it. No source: the project's own headlines.
        _data_set: the run's data set.
        rows: each split of the run and its number of rows.
        fingerprint: fingerprint of the run's data. Other data is refused, because its rows are not
            the run's.
        schema: schema of the run's record.
        stamps: part of the cache key; they change when the files do.
    """
    try:
        with tempfile.TemporaryDirectory() as beside:
            if asked.source and (files := _arrow_files(Path(asked.source))):
                asked = replace(asked, source=str(_as_csv(files, Path(beside))))
            corpus = loading.load(replace(asked, data_set=_data_set, again=dict(rows)))
    except (PipelineError, OSError) as error:
        return pd.Series(dtype=str), f"The {_data_set.nouns} can't be read: {error}."
    if not corpus.is_named(fingerprint, schema):
        reason = "This is not the data set that the run was made on."
        return pd.Series(dtype=str), reason
    return pd.Series(corpus.test.texts, corpus.test.rows), ""


def _arrow_files(folder: Path) -> list[Path]:
    """Paths of the train and the test file of the Hub's AG News; empty if one is missing."""
    files = [folder / f"ag_news-{split}.arrow" for split in ("train", "test")]
    return files if all(file.is_file() for file in files) else []


def _as_csv(files: list[Path], target: Path) -> Path:
    """Write the Hub's files to ``target`` as CSV, which needs no datasets library to read."""
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
    """Folder where the datasets library stored AG News, the newest if several; None without one."""
    home = os.environ.get("XDG_CACHE_HOME", "~/.cache")
    home = os.environ.get("HF_HOME", f"{home}/huggingface")
    root = Path(os.environ.get("HF_DATASETS_CACHE", f"{home}/datasets")).expanduser()
    found = root.glob(f"{data_sets.HUB_NAME.replace('/', '___')}/*/*/*/")
    return max(filter(_arrow_files, found), default=None, key=lambda path: path.stat().st_mtime)


def texts_of(view: View) -> tuple[list[str] | None, str]:
    """Return the run's test texts in the order of its rows, and an empty string; or None and why.

    They come from the run's folder if they are stored there, else from ``--data``. Without that,
    AG News comes from the datasets library's cache. The invented headlines are in the program.
    """
    record, known, asked = view.run.record, view.data_set, view.asked
    if TEXTS in record.files:
        key = (view.run.folder, record.files[TEXTS])
        return _in_order(view, *read_stored(key, view.run, known.nouns))
    if known.learns_examples:
        asked = Asked()
    elif asked.source is None:
        folder = hub_folder() if record.on_agnews else None
        if folder is None:
            return None, "The data set was not found."
        asked = Asked(str(folder))
    try:
        rows = tuple((split, record.data.rows[split]) for split in split_files.SPLITS)
        fingerprint = record.data.fingerprint
    except (KeyError, TypeError, ValueError):
        return None, "The run does not say which rows it was made on."
    source, test = (_absolute(path) for path in (asked.source, asked.test))
    asked = replace(asked, source=source, test=test)
    stamps = _stamps(source) + _stamps(test)
    return _in_order(view, *read_texts(asked, known, rows, fingerprint, record.schema, stamps))


@st.cache_resource(max_entries=2, show_spinner="Reading the texts …")
def read_stored(key: tuple[Path, str], _run: Run, nouns: str) -> tuple[pd.Series, str]:
    """Like ``read_texts``, for texts stored with the run; ``key`` identifies the file."""
    try:
        texts = _run.texts()
    except PipelineError as error:
        return pd.Series(dtype=str), f"The {nouns} can't be read: {error}."
    assert texts is not None  # the record names the file
    return texts.set_index("row")["text"], ""


def _in_order(view: View, found: pd.Series, reason: str) -> tuple[list[str] | None, str]:
    """Put texts by row number into the order of the run's test rows; or None and the reason."""
    if reason or not np.isin(view.rows, found.index).all():
        return None, reason or "The run has other rows than its data set."
    return found.loc[view.rows].tolist(), ""


def _absolute(path: str | None) -> str | None:
    return str(Path(path).expanduser().absolute()) if path else None


def _stamps(path: str | None) -> Stamp:
    """The stamp of a file or of a folder's files; empty without a path."""
    if path is None:
        return ()
    if Path(path).is_dir():
        return stamp(Path(path), "*.*")
    return stamp(Path(path).parent, glob.escape(Path(path).name))


def why_absent(known: DataSet) -> str:
    """A sentence on why the texts are not stored with the run."""
    if known.redistributable is False:
        return "The texts may not be redistributed with this program."
    return "The texts are not stored with the run."


def ask_texts(view: View) -> list[str] | None:
    """The run's test texts in the order of its rows; if None, the page says why."""
    texts, missing = texts_of(view)
    if missing:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.text(f"Rows are shown without their texts. {missing}", width="content")
            if not view.data_set.learns_examples:
                with st.popover("How to see them", type="tertiary"):
                    st.write(
                        f"{why_absent(view.data_set)} Give the dashboard the folder or the file of "
                        "the data set, with the options that the run was made with:"
                    )
                    command = "streamlit run dashboard.py -- --data DIR"
                    st.code(command, language=None, wrap_lines=True)
    elif TEXTS in view.run.record.files:
        st.caption(plain(source_of(view.data_set)))
    return texts


def source_of(known: DataSet) -> str:
    """The attribution of texts that are stored with a run: their licence may require it."""
    by = f" ({known.reference})" if known.reference else ""
    return f"The {known.nouns} are those of {known.title}{by}. {known.terms}"


_BARE = re.compile(r"(?<![&;\w])(#\d{2,5}|quot|amp|lt|gt|nbsp);")
"""Entities that lost their &, as in AG News: "It #39;s"."""
_LOST_SPACE = re.compile(r" (?=&#39;(?:s|t|re|ve|d|ll|m)\b)")


def decoded(text: str) -> str:
    """Replace HTML entities by their characters, for display only.

    "Oil &lt;b&gt; It #39;s" becomes "Oil <b> It's". The result is never rendered as markup.
    """
    return html.unescape(_LOST_SPACE.sub("", _BARE.sub(r"&\1;", text)))
