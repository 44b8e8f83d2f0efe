"""What every page uses: the data of a run, loaded models, and small widgets."""

import re
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st
from streamlit.elements.lib.column_types import ColumnConfig

from pipeline.analysis import intervals, metrics, recommendation
from pipeline.data import declarations
from pipeline.data.declarations import DataSet
from pipeline.data.loading import Asked
from pipeline.data.remarks import IMBALANCED, imbalance
from pipeline.errors import PipelineError
from pipeline.files import sha256
from pipeline.inference import encoders, loaded_models
from pipeline.inference.classifier import Classifier, graph_bytes
from pipeline.inference.loaded_models import Loaded
from pipeline.recipes.families import FAMILIES
from pipeline.recipes.role_names import BASELINE, JOINED, replicated_role, student_of_baseline
from pipeline.results.predictions import HEADLINES, probabilities_of
from pipeline.results.storage import CacheError, Run, list_runs
from pipeline.runs import fingerprinting
from views import downloads
from views.glossary import meaning

PLAIN_CHART = {"displayModeBar": False}
PAIRED_TEST = ("Simultaneous bounds", "McNemar's test")
"""Terms that explain how two models are compared."""

Stamp = tuple[tuple[str, int, int], ...]


@dataclass(frozen=True)
class View:
    """What the pages show of one run."""

    run: Run
    """Without its seed replicates."""
    labels: np.ndarray
    """True classes of the test rows, shape (n,)."""
    probabilities: dict[str, np.ndarray]
    """By role, probabilities on the test rows, shape (n, k)."""
    table: pd.DataFrame
    """``metrics.models_table``: one row per model, the largest first; with ``threads``."""
    rows: np.ndarray
    """Row numbers of the test rows in their source file, shape (n,)."""
    validation_labels: np.ndarray
    """True classes of the validation rows, shape (v,); v may be 0."""
    validation: dict[str, np.ndarray]
    """By role, probabilities on the validation rows, shape (v, k)."""
    states: dict[str, str]
    """By role: done, stale (made by another recipe than today's) or unknown."""
    seeds: pd.DataFrame
    """``metrics.across_seeds``: the models that were trained with several seeds."""
    compared: pd.DataFrame
    """``recommendation.compare``: the deployable models, each against the reference."""
    headlines: dict[str, np.ndarray]
    """By role, recorded probabilities on the invented headlines in their order, shape (h, k).
    Models without them are left out."""
    asked: Asked = field(default_factory=Asked)
    """The data that the command line asks for."""

    @property
    def data_set(self) -> DataSet:
        """The declaration of the run's data set."""
        return declarations.of_run(self.run.record.data, self.run.record.toy)

    @property
    def is_imbalanced(self) -> bool:
        """Whether class sizes differ so much that macro-F1 says more than accuracy."""
        return imbalance(self.labels, len(self.run.labels)) >= IMBALANCED

    def meaning(self, *terms: str) -> str:
        """The meaning of glossary terms, in the words of the run's data set; for a hover."""
        return " ".join(meaning(term, self.data_set) for term in terms)

    @property
    def title(self) -> str:
        """The run's name on the pages and in their URLs."""
        return f"{self.run.name} (toy)" if self.run.record.toy else self.run.name

    @property
    def candidates(self) -> pd.DataFrame:
        """The rows of ``table`` whose models may be deployed: those in ``compared``."""
        return self.table[self.table["role"].isin(self.compared["role"])].reset_index(drop=True)

    @property
    def without_controls(self) -> pd.DataFrame:
        """The rows of ``table`` without baselines and ablations: deployable and joined models."""
        kept = [recommendation.is_deployable(role) for role in self.table["role"]]
        return self.table[kept].reset_index(drop=True)

    @property
    def reference(self) -> str:
        """Role of the reference, with which the others are compared: see ``recommendation``."""
        return self.compared.loc[self.compared["reference"], "role"].iloc[0]

    @property
    def comparisons(self) -> int:
        """The number of comparisons for which the run's simultaneous bounds hold, on every page.

        Joined models that take no part in the recommendation are not counted.
        """
        taking_part = set(self.compared["role"])
        counted = ~self.table["method"].eq(JOINED) | self.table["role"].isin(taking_part)
        return recommendation.comparisons(self.table.loc[counted, "role"])

    def with_joined(self) -> "View":
        """Return a copy whose recommendation includes the joined models."""
        return replace(self, compared=recommendation.compare(self.table, self.right(), joined=True))

    def right(self) -> dict[str, np.ndarray]:
        """By role, which test rows the model classifies correctly: boolean, shape (n,)."""
        return {role: p.argmax(axis=1) == self.labels for role, p in self.probabilities.items()}

    def same_rows(self, other: "View") -> bool:
        """Whether both runs have the same test rows: only then can their models be paired."""
        return np.array_equal(self.rows, other.rows) and np.array_equal(self.labels, other.labels)


def stamp(folder: Path, *patterns: str) -> Stamp:
    """Name, time and size of the files that match the patterns; they change when the files do."""
    found = []
    for path in sorted(path for pattern in patterns for path in folder.glob(pattern)):
        try:
            status = path.stat()
        except OSError:  # the file was replaced meanwhile
            continue
        found.append((str(path.relative_to(folder)), status.st_mtime_ns, status.st_size))
    return tuple(found)


@st.cache_resource(max_entries=2, show_spinner="Reading the cache …")
def read_cache(cache: Path, stamps: Stamp) -> tuple[list[View], list[str]]:
    """Read all runs of the cache; return the complete ones, and a message on each other one.

    The runs are in the order of ``RunRecord.precedence``. Everything is read at once, so that an
    open page keeps working when a run is replaced.

    Args:
        cache: folder of the runs.
        stamps: part of the cache key; they change when the folder's files do.
    """
    runs, problems = list_runs(cache)
    views = []
    for run in runs:
        try:
            views.append(read_view(run))
        except Exception as error:  # one broken run must not hide the others
            reason = error if isinstance(error, PipelineError) else repr(error)
            problems.append(f"{run.folder} is left out: {reason}")
    return sorted(views, key=lambda view: view.run.record.precedence), problems


def read_view(run: Run) -> View:
    """What the pages show of a run. Seed replicates only appear as a line on their model's card."""
    seeds = metrics.across_seeds({m.role: m.metrics.accuracy for m in run.record.models})
    kept = [model for model in run.record.models if replicated_role(model.role) is None]
    run = replace(run, record=replace(run.record, models=kept))
    stored = {role: run.all_predictions(role) for role in run.by_role}
    test = {role: frame[frame["split"] == "test"] for role, frame in stored.items()}
    held_out = {role: frame[frame["split"] == "validation"] for role, frame in stored.items()}
    if not test or any(frame.empty for frame in test.values()):
        raise CacheError("it has no predictions on test rows")
    one, other = next(iter(test.values())), next(iter(held_out.values()))
    labels = one["label"].to_numpy()
    probabilities = {role: probabilities_of(frame) for role, frame in test.items()}
    known = declarations.of_run(run.record.data, run.record.toy)
    table = metrics.models_table(run.table(), labels, probabilities, known.reported)
    threads = {m.role: m.measured_on.throughput.threads for m in run.record.models}
    table["threads"] = pd.to_numeric(table["role"].map(threads), errors="coerce")
    right = {role: p.argmax(axis=1) == labels for role, p in probabilities.items()}
    return View(
        run,
        labels,
        probabilities,
        table,
        one["row"].to_numpy(),
        other["label"].to_numpy(),
        {role: probabilities_of(frame) for role, frame in held_out.items()},
        read_states(run),
        seeds,
        recommendation.compare(table, right),
        {role: given for role, frame in stored.items() if len(given := on_headlines(frame))},
    )


def on_headlines(frame: pd.DataFrame) -> np.ndarray:
    """A model's probabilities on the invented headlines in their order, (h, k).

    Empty if there are none or if their row numbers have gaps.
    """
    frame = frame[frame["split"] == HEADLINES].sort_values("row")
    if not np.array_equal(frame["row"], np.arange(len(frame))):
        return np.empty((0, 0))
    return probabilities_of(frame)


def describe(run: Run, role: str) -> tuple[str, str]:
    """Title and description of a model from today's recipe; without one, from the run's record.

    So a description that was wrong when the run was written does not stay wrong.
    """
    student, family = student_of_baseline(role), FAMILIES.get(run.record.family)
    today = f"{student}{BASELINE}" if student else role
    model = (family.by_role().get(today) if family else None) or run.by_role[role]
    return model.title, model.description


def read_states(run: Run) -> dict[str, str]:
    """By role, whether today's recipe would make the same model: see ``View.states``."""
    family = FAMILIES.get(run.record.family)
    if family is None:  # the run is from another version of this program
        return dict.fromkeys(run.by_role, "unknown")
    return {role: fingerprinting.state(family, run, role) for role in run.by_role}


def figures(view: View, figure: str) -> pd.DataFrame:
    """A figure of a run's models with its intervals, as ``intervals`` computes it; cached."""
    if figure == "headlines":
        return intervals.on_headlines(
            {
                model.role: (model.headlines.accuracy, model.headlines.rows)
                for model in view.run.record.models
                if model.headlines
            }
        )
    return _figures(figure, tuple(view.run.record.files.items()), view)


@st.cache_data(max_entries=32, show_spinner="Working out intervals …")
def _figures(figure: str, files: tuple[tuple[str, str], ...], _view: View) -> pd.DataFrame:
    """``intervals.intervals``, cached by ``files``: the checksums of the predictions."""
    return intervals.intervals(figure, _view.labels, _view.probabilities)


@st.cache_resource(show_spinner=False)
def _models() -> Loaded[Classifier]:
    """The loaded models, which all sessions share."""
    return Loaded(loaded_models.budget())


def load_classifier(view: View, role: str) -> Classifier:
    """Load a model of a run, or return the loaded one if its files and record are unchanged."""
    folder, artifact = view.run.artifact_folder(role), view.run.by_role[role].artifact
    # Bytes of weights and working memory: measured on each shipped model and rounded up.
    size = round(1.6 * graph_bytes(folder)) + 60_000_000
    key = (folder, tuple(artifact.items()), stamp(folder, "*"), tuple(view.run.labels))
    return _models().get(key, size, lambda: _load(folder, artifact, role, view.run.labels))


def _load(folder: Path, artifact: dict[str, str], role: str, labels: list[str]) -> Classifier:
    for path in folder.iterdir():
        if path.name not in artifact:
            raise PipelineError(f"{path} is no file of its run; delete it")
    for name, digest in artifact.items():
        if sha256(folder / name) != digest:
            raise PipelineError(
                f"{folder / name} is not the file that its run recorded; "
                "make it again with python -m pipeline run"
            )
    encoders.check_labels(folder, role, labels)
    classifier = Classifier(folder)
    # The first run of a graph is slow; without this it would count as the time of the first text.
    classifier.predict_proba([""])
    return classifier


def chart_key(name: str) -> str:
    """A chart's key, which depends on the theme.

    A chart keeps the text colour of its first drawing, so another theme needs another chart. The
    script learns of a change of theme when it next runs (streamlit#11920).
    """
    return f"{name}-{st.context.theme.type}"


def share(rows: int) -> str:
    """A format for percentages of ``rows`` rows: few rows do not support a decimal."""
    return "%.1f %%" if rows >= 1_000 else "%.0f %%"


def number(label: str, format: str = "%.1f", **options: Any) -> ColumnConfig:
    """A column of numbers; ``options`` are more arguments of ``NumberColumn``."""
    return st.column_config.NumberColumn(label, format=format, **options)


def download(label: str, table: pd.DataFrame, name: str) -> None:
    data = downloads.to_csv(table, downloads.writes_comma(st.context.locale))
    st.download_button(label, data, name, "text/csv", on_click="ignore", icon=":material/download:")


def plain(text: str) -> str:
    """Escape text for markdown, on one line, so that text from a file is never markup."""
    return re.sub(r"([!-/:-@\[-`{-~])", r"\\\1", " ".join(text.split()))
