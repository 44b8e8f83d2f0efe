"""What every page needs: the runs as pages show them, loaded models, and small widgets."""

import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import streamlit as st

from pipeline import analysis, answers, charts
from pipeline.cache import PROBABILITIES, CacheError, Run, list_runs, sha256
from pipeline.errors import PipelineError
from pipeline.families import REPORTED
from pipeline.inference import Classifier

SIGNIFICANT = 0.05
PLAIN_CHART = {"displayModeBar": False}

Stamp = tuple[tuple[str, int, int], ...]


@dataclass(frozen=True)
class View:
    """What the pages show of one run."""

    run: Run
    labels: np.ndarray
    """True classes of the test rows, shape (n,)."""
    probabilities: dict[str, np.ndarray]
    """By role, shape (n, 4)."""
    table: pd.DataFrame
    """One row a model, the largest first: what is stored of it and what its predictions say."""
    train_rows: int


def stamp(folder: Path, *patterns: str) -> Stamp:
    """Name, time and size of the files that match: another stamp means that they have changed."""
    found = []
    for path in sorted(path for pattern in patterns for path in folder.glob(pattern)):
        try:
            status = path.stat()
        except OSError:  # replaced at this very moment
            continue
        found.append((str(path.relative_to(folder)), status.st_mtime_ns, status.st_size))
    return tuple(found)


@st.cache_resource(max_entries=2, show_spinner="Reading the cache …")
def read_cache(cache: Path, stamps: Stamp) -> tuple[list[View], list[str]]:
    """Every whole run, those on AG News with the most training rows first, and what is not whole.

    All is read at once, so that a run that is replaced under an open page does not break the page.
    ``stamps`` only tells one state of the folder from another.
    """
    runs, problems = list_runs(cache)
    views = []
    for run in runs:
        try:
            views.append(read_view(run))
        except Exception as error:  # one odd run must not take the whole ones with it
            problems.append(f"{run.folder} is left out: {error}")
    return sorted(views, key=lambda view: (view.run.record.toy, -view.train_rows)), problems


def read_view(run: Run) -> View:
    predictions = {role: run.predictions(role) for role in run.by_role}
    if not predictions or any(frame.empty for frame in predictions.values()):
        raise CacheError("it has no predictions on test rows")
    labels = next(iter(predictions.values()))["label"].to_numpy()
    probabilities = {role: frame[PROBABILITIES].to_numpy() for role, frame in predictions.items()}
    reported = {} if run.record.toy else REPORTED
    table = analysis.models_table(run.table(), labels, probabilities, reported)
    return View(run, labels, probabilities, table, int(run.record.data["rows"]["train"]))


@st.cache_resource(max_entries=12, show_spinner="Loading a model …")
def load_classifier(folder: Path, artifact: dict[str, str], stamps: Stamp) -> Classifier:
    """The model in a folder; loaded anew when its files or its record have changed."""
    for name, digest in artifact.items():
        if sha256(folder / name) != digest:
            raise PipelineError(
                f"{folder / name} is not the file that its run recorded; "
                "make it anew with python -m pipeline run"
            )
    classifier = Classifier(folder)
    # The first run of a graph is slow, and would be taken for the time of the first headline.
    classifier.predict_proba([""])
    return classifier


@st.cache_data(max_entries=64, show_spinner=False)
def ask(
    texts: list[str], folder: Path, artifact: dict[str, str], stamps: Stamp
) -> tuple[np.ndarray, float]:
    """One model's probabilities (n, 4), and the milliseconds it took without loading."""
    classifier = load_classifier(folder, artifact, stamps)
    start = time.perf_counter()
    probabilities = classifier.predict_proba(texts)
    return probabilities, 1000 * (time.perf_counter() - start)


def number(label: str, format: str = "%.1f", **options):
    return st.column_config.NumberColumn(label, format=format, **options)


def download(label: str, table: pd.DataFrame, name: str) -> None:
    data = answers.to_csv(table)
    st.download_button(label, data, name, "text/csv", on_click="ignore", icon=":material/download:")


def ink() -> str:
    """Colour of text in charts."""
    return charts.INK[st.context.theme.type or "light"]
