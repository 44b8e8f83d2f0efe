"""The session's job: the models that answer the texts a user entered, one chunk at a time."""

from collections.abc import Callable, Iterator

import numpy as np
import streamlit as st

from pipeline.errors import PipelineError
from views.job import Job
from views.parts import examples
from views.parts.addresses import remember
from views.parts.common import View, load_classifier, stamp


def job_of(view: View, texts: list[str], roles: list[str]) -> Job:
    """Return the session's job if it has the same texts, else a new one.

    Args:
        view: the run.
        texts: the texts to classify.
        roles: installed models; the job gets a part for each.
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
    """Let the models answer in turn, the smallest first, until all have answered.

    A click on Stop or any other widget ends this script when it next writes to the page. The next
    script finds all earlier answers in the job.

    Args:
        view: the run.
        job: the job; it has a part for each of the models.
        roles: the models, the largest first.
        tell: is called with each message on the progress.

    Yields:
        The model that has answered a chunk, or that failed: then its part says why.
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
    """By role, probabilities (m, k) for the m texts that all installed models have answered.

    If all texts are examples, a model that is not installed has the answers that its run recorded.
    Other models that are not installed are left out, and so are models with a problem.
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
    """Show which models can't be asked, and why. A change of their files clears the problem."""
    problems = {role: job.parts[role].problem for role in roles if job.parts[role].problem}
    if problems:
        st.warning(f"{', '.join(problems)} can't be asked:")
        st.code("\n".join(problems.values()), language=None, wrap_lines=True)
