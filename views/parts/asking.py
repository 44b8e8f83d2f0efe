"""The session's job on Try it: which models can be asked, and letting them answer in turn."""

from collections.abc import Callable, Iterator

import numpy as np
import streamlit as st

from pipeline.errors import PipelineError
from views.job import Job
from views.parts import examples
from views.parts.addresses import remember
from views.parts.common import View, load_classifier, stamp


def job_of(view: View, texts: list[str], roles: list[str]) -> Job:
    """The session's job: the one under way if it is of these texts, else a new one.

    Args:
        view: of the run.
        texts: to classify.
        roles: models that are installed.
    """
    job = st.session_state.get("job")
    if job is None or job.texts != texts:
        if job:
            remember("headline", None)
        job = st.session_state["job"] = Job(texts)
    for role in roles:
        folder = view.run.artifact_folder(role)
        files = tuple(view.run.by_role[role].artifact.items())
        job.prepare(role, (folder, files, stamp(folder, "*")), len(view.run.labels))
    return job


def work(
    view: View, job: Job, roles: list[str], tell: Callable[[str], None] = lambda said: None
) -> Iterator[str]:
    """Let the models answer in turn, the smallest first, until all is done.

    A click on Stop, or on anything else, ends this script at its next word to the page; the script
    that follows finds in the job all that was answered.

    Args:
        view: of the run.
        job: has a part for each of the models.
        roles: the models, the largest first.
        tell: takes each word on how far the work is.

    Yields:
        the model that has answered a chunk, or that can't: then its part says why.
    """
    queue, loaded = roles[::-1], {}
    while queue and not job.stopped and (role := job.next(queue)):
        try:
            if role not in loaded:
                tell(f"Loading {role} …")
                loaded[role] = load_classifier(view, role)
            done = job.parts[role].done
            tell(f"Asking {role}: {done:,} of {len(job.texts):,} answered")
            job.step(role, loaded[role])
        except (PipelineError, OSError) as error:
            job.parts[role].problem = str(error)
            queue.remove(role)
        yield role


def answered(view: View, job: Job, roles: list[str]) -> dict[str, np.ndarray]:
    """By role, probabilities (m, k) of the m texts that all installed models have answered.

    A model that is not installed has the answers that its run recorded, if all texts are examples;
    else it is left out, as is one that can't be asked.
    """
    here = [role for role in roles if role in job.parts and not job.parts[role].problem]
    done = job.done(here) if here else len(job.texts)
    found = job.answers(here)
    known = examples.of_run(view)
    for role in set(roles) - set(job.parts):
        given = known.answers(role, job.texts)
        if given is not None:
            found[role] = given[:done]
    return {role: found[role] for role in roles if role in found}


def show_problems(job: Job, roles: list[str]) -> None:
    """The models that can't be asked, and why; they are tried again when their files change."""
    problems = {role: job.parts[role].problem for role in roles if job.parts[role].problem}
    if problems:
        st.warning(f"{', '.join(problems)} can't be asked:")
        st.code("\n".join(problems.values()), language=None, wrap_lines=True)
