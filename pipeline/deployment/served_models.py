"""Which of a run's models a server offers, and which of them it recommends."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from pipeline.analysis.budget import Budget
from pipeline.analysis.recommendation import recommend
from pipeline.errors import PipelineError
from pipeline.inference import encoders, loaded_models
from pipeline.inference.classifier import Classifier, graph_bytes
from pipeline.results.report import compared_models
from pipeline.results.storage import Run


@dataclass(frozen=True)
class ServedModels:
    """The installed models of one run that a server offers. Each is loaded on its first use.

    Safe to use from several threads.
    """

    run: Run
    folders: dict[str, Path]
    """The artifact's folder by role."""
    recommended: str
    """A role of ``folders``."""
    _loaded: loaded_models.Loaded[Classifier] = field(
        default_factory=lambda: loaded_models.Loaded(loaded_models.budget()), repr=False
    )

    def classifier(self, role: str) -> Classifier:
        """Return the loaded model of a role. It uses one thread per call.

        Raises:
            PipelineError: its artifact can't be loaded.
        """
        folder = self.folders[role]
        return self._loaded.get(role, graph_bytes(folder), lambda: Classifier(folder, threads=1))

    def predict_proba(self, role: str, texts: Sequence[str]) -> np.ndarray:
        """Class probabilities of each text by the model of a role: float32 (texts, classes).

        Raises:
            PipelineError: its artifact can't be loaded.
        """
        return self.classifier(role).predict_proba(texts)

    def lengths(self, role: str, texts: Sequence[str]) -> list[int]:
        """The length of each text for the model of a role: in tokens, n-grams or characters.

        Raises:
            PipelineError: its artifact can't be loaded.
        """
        return self.classifier(role).lengths(texts)


def choose(runs: Sequence[Run], roles: Collection[str] | None = None) -> ServedModels:
    """The models to serve, from the first run that has them installed.

    Args:
        runs: the runs to choose from.
        roles: the roles to serve; by default all installed roles of the run.

    Raises:
        PipelineError: no run has these roles installed, or an artifact has other class names than
            its run.
    """
    for run in sorted(runs, key=lambda run: run.record.precedence):
        installed = run.artifacts()
        if installed and set(roles or ()) <= set(installed):
            break
    else:
        what = f"no run has all of {', '.join(roles)}" if roles else "no run has a model"
        raise PipelineError(f"{what} installed; python -m pipeline status lists them")
    folders = {role: installed[role] for role in installed if role in (roles or installed)}
    for role, folder in folders.items():
        encoders.check_labels(folder, role, run.labels)
    return ServedModels(run, folders, _recommended(run, folders))


def _recommended(run: Run, roles: Collection[str]) -> str:
    """The recommended role among these, by the rule of ``recommendation`` without limits."""
    compared = compared_models(run)
    here = compared[compared["role"].isin(roles)]
    if here.empty:  # none is meant to be deployed: return any
        return next(iter(roles))
    return recommend(here, Budget()).recommended or here["role"].iloc[0]
