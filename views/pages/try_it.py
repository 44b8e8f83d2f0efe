"""The Try it page: the models classify one typed text, or thousands from a paste or a file."""

from collections.abc import Mapping

import numpy as np
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from pipeline.analysis.budget import join
from pipeline.recipes.reported import STAND_INS
from views import job, run_command
from views.charts.answers import stacked_bars
from views.glossary import with_article
from views.parts import answer_bars, asking, examples, headline_input, many_answers, word_importance
from views.parts.choices import choose_several
from views.parts.common import View, plain
from views.parts.names import names, names_with_roles

_STYLE = "<style>[data-testid=stStatusWidget] { display: none; }</style>"
"""Hides Streamlit's own Stop button, which would end the script and leave half a page."""
_MOST_AT_FIRST = len(STAND_INS)
"""How many installed models are asked without a choice."""


def show(view: View) -> None:
    st.html(_STYLE)
    texts, remarks, row = headline_input.ask_for(view)
    for remark in remarks:
        st.write(remark)
    with row:
        roles = ask_for_models(view)
    if not texts or not roles:
        st.info(f"Give {with_article(view.data_set.noun)} and choose a model.")
    elif len(texts) == 1:
        show_one(view, texts[0], roles)
    else:
        many_answers.show(view, texts, roles)
    show_how_to_get(view, roles)


def ask_for_models(view: View) -> list[str]:
    """Ask which models to show; return their roles, the largest first.

    By default: the installed models that are deployable or joined, and the largest deployable one,
    because the small models are judged by it. If that is not installed, its recorded answers are
    shown. Where many are installed, only the notebook's seven and joined ones are asked at first.
    """
    roles, installed = list(view.table["role"]), examples.installed(view)
    to_deploy = list(view.candidates["role"]) or roles
    joined = {role for role in roles if view.run.by_role[role].is_joined}
    can = set(installed) & (joined | set(to_deploy))
    first = can & {*joined, *STAND_INS, *STAND_INS.values()} if len(can) > _MOST_AT_FIRST else can
    largest = to_deploy[0]
    called = names_with_roles(view.run)
    with st.popover("Models", icon=":material/tune:"):
        asked = choose_several(
            "Models to ask",
            {role: called[role] for role in roles},
            "ask",
            [role for role in roles if role in first | {largest}],
            wrap=True,
            help="Those that are not installed show the answers to examples that their run "
            "recorded, if it did.",
        )

    def ask_all() -> None:
        st.session_state["ask"] = [role for role in roles if role in can | {largest}]

    if can - set(asked):
        st.button(f"All {len(can)}", on_click=ask_all, help="Ask every installed model")
    return asked


def show_one(view: View, text: str, roles: list[str]) -> None:
    """Show one text's answers: a sentence, one bar per model, and the words that mattered."""
    installed = examples.installed(view)
    here = [role for role in roles if role in installed]
    job = asking.job_of(view, [text], here)
    can = [role for role in here if not job.parts[role].problem]
    title, place = st.empty(), st.empty()
    given = so_far(view, job, roles)
    if any(given[role] is None for role in can):
        title.header("Asking the models …", anchor=False)
        draw(place, view, roles, given, job)
        for _ in asking.work(view, job, can):
            given = so_far(view, job, roles)
            draw(place, view, roles, given, job)
    done = {role: answer for role, answer in given.items() if answer is not None}
    title.header(plain(answer_bars.verdict(view, roles, done)), anchor=False)
    draw(place, view, roles, given, job)
    asking.show_problems(job, here)
    can = [role for role in can if role in done]
    word_importance.show(view, text, can, done)
    answer_bars.show_times(view, can)
    if done:
        with st.expander("As a table"):
            answer_bars.table(view, roles, done)


def so_far(view: View, job: job.Job, roles: list[str]) -> dict[str, np.ndarray | None]:
    """By role, the answer to the job's one text, shape (k,); None: the model has yet to answer.

    Models that can't answer are left out.
    """
    found: dict[str, np.ndarray | None] = {}
    known = examples.of_run(view)
    for role in roles:
        part = job.parts.get(role)
        if part is None:
            recorded = known.answers(role, job.texts)
            if recorded is not None:
                found[role] = recorded[0]
        elif not part.problem:
            found[role] = part.probabilities[0] if part.done else None
    return found


def draw(
    place: DeltaGenerator,
    view: View,
    roles: list[str],
    given: Mapping[str, np.ndarray | None],
    job: job.Job,
) -> None:
    members = {role: int(part.members[0]) for role, part in job.parts.items() if part.done}
    place.html(stacked_bars(answer_bars.bars(view, roles, given, members), view.run.labels))


def show_how_to_get(view: View, roles: list[str]) -> None:
    """Show the commands that make the missing models, with each model's size and training time."""
    installed, called = examples.installed(view), names(view.run)
    missing = [role for role in view.table["role"] if role not in installed]
    if not missing:
        return
    asked = [called[role] for role in missing if role in roles]
    rest = len(missing) - len(asked)
    if not asked or len(asked) > 3:
        label = f"How to get the {len(missing)} models that are not installed"
    else:
        label = f"How to get {join(asked)}" + (f", and {rest} more" if rest else "")
    with st.expander(plain(label)):
        st.write(
            "They are too large to come with the program, or not made yet. Each command makes one "
            "model, and what it is made from. Training took so long where this run was made:"
        )
        lines = [run_command.make_command(view.run.record, role) for role in missing]
        st.code("\n".join(lines), language=None, wrap_lines=True)
