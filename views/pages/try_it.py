"""Paste or upload headlines and watch every model answer side by side."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from pipeline.errors import PipelineError
from pipeline.inference import attribution
from views import answers
from views.answers import Job
from views.parts import headline_input
from views.parts.common import Stamp, View, load_classifier, number, plain, share, stamp

SHOWN = 300  # characters of a headline
ROW, TABLE = 35, 320  # heights in pixels: of a row, of the table of all headlines

ANSWER = "The class that the model finds likeliest, and the probability it gives it"
PROBABILITY = "The probability that the model gives this class; the classes add up to 100 %"
CONFIDENCE = "The probability of the answer. Calibration shows how far to trust it."
MILLISECONDS = "Time to answer one, on average over all headlines, without loading the model"
RIGHT = (
    "All of these are examples, each written with a class in mind. They are headlines alone; rows "
    "of AG News have a title and a description."
)
AGREES = "Of all answers of the other models, the share that are the same"
WORDS = (
    "Each word is left out in turn, and the model is asked again (Li et al. 2016, *representation "
    "erasure*). Words that say the same shield each other, so the figures do not add up."
)


def show(view: View) -> None:
    st.header("Who is right?")
    # The largest first, as everywhere.
    at_hand = [role for role in view.table["role"] if view.run.artifact(role)]
    to_deploy = [role for role in at_hand if role in set(view.candidates["role"])]
    if at_hand:
        left, right = st.columns(2)
        with right:
            roles = st.multiselect(
                "Models to ask",
                at_hand,
                default=to_deploy or at_hand,
                key="ask",
                wrap=True,
                bind="query-params",
                help="Only models whose files are here; the smallest answers first.",
            )
        texts, remarks = headline_input.ask_for(left, right)
        for remark in remarks:
            st.write(remark)
        if texts and roles:
            show_answers(view, job_of(texts), roles)
        else:
            st.info("Give a headline and choose a model.")
    else:
        st.info("No model of this run has its files here. The commands below make them.")
    show_missing(view, at_hand)


def job_of(texts: list[str]) -> Job:
    """The session's job: the one under way if it is of these headlines, else a new one."""
    job = st.session_state.get("job")
    if job is None or job.texts != texts:
        if job:
            headline_input.remember("headline", None)
        job = st.session_state["job"] = Job(texts)
    return job


def show_answers(view: View, job: Job, roles: list[str]) -> None:
    """Every model's answers, as they come, and what carried them.

    While models answer, everything has its place already, and what changes is replaced where it
    is, one element by one other: nothing moves. As all is answered, the page is drawn anew.
    """
    for role in roles:
        folder = view.run.folder / "artifacts" / role
        files = tuple(view.run.by_role[role].artifact.items())
        job.prepare(role, (folder, files, stamp(folder, "*")), len(view.run.labels))
    show_problems(job, roles)
    roles = [role for role in roles if not job.parts[role].problem]
    if not roles:
        return
    many, names, done = len(job.texts) > 1, view.run.labels, job.done(roles)
    working, given = not job.stopped and done < len(job.texts), job.answers(roles)
    st.subheader(title(job, given, names, working))
    bar = show_progress(job, roles, working)
    chosen, overview = chosen_headline(job), None
    if working or not done:
        overview = preview(job, roles, names, st)
    elif many:
        chosen = show_overview(view, job, given, min(chosen, done - 1))
    if many:
        show_actions(job, roles, names)
        st.subheader("The headline chosen above")
        st.code(job.texts[chosen][:SHOWN], language=None, wrap_lines=True)
    one = show_one(view, job, roles, chosen, st)
    show_words(view, job.texts[chosen], roles, ask=not working and done > 0)
    if many:
        show_models(job, given, names)
    if working:
        for role in work(view, job, roles, bar):
            if job.parts[role].done <= answers.CHUNK:  # from then on, the bar must do
                show_one(view, job, roles, chosen, one)
                preview(job, roles, names, overview)
        st.rerun()


def title(job: Job, given: dict[str, np.ndarray], names: list[str], working: bool) -> str:
    """What is to be seen at a glance: whether the models agree."""
    count = len(job.texts)
    done = min(map(len, given.values()))
    if working or not done:
        return f"{count:,} headlines" if count > 1 else "One headline"
    if count == 1:
        return plain(answers.agreement(answers.votes_of(given)[0], names))
    return f"{done:,} headlines; the models differ on {answers.differ(given).sum():,}"


def show_progress(job: Job, roles: list[str], working: bool) -> DeltaGenerator:
    """The bar, which is returned, and the button that stops the job or goes on with it."""
    many, complete = len(job.texts) > 1, job.next(roles) is None
    if complete:
        said = f"All answered, in {sum(job.parts[role].seconds for role in roles):.2g} s"
    else:
        said = f"Stopped. Answered by every model: {job.done(roles):,} of {len(job.texts):,}"
    with st.container(horizontal=True, vertical_alignment="bottom"):
        bar = st.progress(job.share(roles), text="…" if working else said)
        if working and many:
            st.button("Stop", key="stop", on_click=set_stopped, args=(job, True))
        elif not complete and not working:
            st.button("Go on", key="go-on", on_click=set_stopped, args=(job, False))
        elif many:
            st.button("Stop", key="stopped", disabled=True)
    return bar


def set_stopped(job: Job, stopped: bool) -> None:
    job.stopped = stopped


def show_problems(job: Job, roles: list[str]) -> None:
    """The models that can't be asked, and why; they are tried again when their files change."""
    problems = {role: job.parts[role].problem for role in roles if job.parts[role].problem}
    if problems:
        st.warning(f"{', '.join(problems)} can't be asked:")
        st.code("\n".join(problems.values()), language=None, wrap_lines=True)


def work(view: View, job: Job, roles: list[str], bar: DeltaGenerator) -> Iterator[str]:
    """Let the models answer in turn, the smallest first, until all is done.

    A click on Stop, or on anything else, ends this script at its next word to the progress bar;
    the script that follows finds in the job all that was answered.

    Yields:
        the model that has answered a chunk.
    """
    queue, loaded = roles[::-1], {}
    while queue and not job.stopped and (role := job.next(queue)):
        try:
            if role not in loaded:
                bar.progress(job.share(queue), text=f"Loading `{role}` …")
                loaded[role] = load_classifier(view, role)
            done = job.parts[role].done
            said = f"Asking `{role}`: {done:,} of {len(job.texts):,} answered"
            bar.progress(job.share(queue), text=said)
            job.step(role, loaded[role])
        except (PipelineError, OSError) as error:
            job.parts[role].problem = str(error)
            queue.remove(role)
        else:
            yield role


def preview(
    job: Job, roles: list[str], names: list[str], place: DeltaGenerator
) -> DeltaGenerator | None:
    """The first answers of models that have given them, where the table of all will be."""
    if len(job.texts) == 1:
        return None
    texts = [text[:SHOWN] for text in job.texts[: answers.CHUNK]]
    given = job.answers([role for role in roles if job.parts[role].done])
    given = {role: probabilities[: len(texts)] for role, probabilities in given.items()}
    table = answers.side_by_side(texts, given, names)
    return place.dataframe(
        table,
        hide_index=True,
        height=min(TABLE, height(len(job.texts))),
        column_config=columns(roles),
    )


def show_actions(job: Job, roles: list[str], names: list[str]) -> None:
    comma = answers.writes_comma(st.context.locale)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.toggle("Only where they differ", key="only", bind="query-params")
        st.download_button(
            "Download the answers as CSV",
            lambda: answers.to_csv(answers.to_download(job, roles, names), comma),
            "answers.csv",
            "text/csv",
            on_click="ignore",
            icon=":material/download:",
            help="Every answer so far, with the probability of each class",
        )


def height(rows: int) -> int:
    """Of a table, in pixels: known before it is drawn, so that nothing has to give way to it."""
    return ROW * (rows + 1) + 3


def columns(roles: Iterable[str]) -> dict:
    """Of the table of all headlines."""
    return {
        "Agreement": st.column_config.TextColumn(help="How many models say what"),
        "Headline": st.column_config.TextColumn(width=270),
        **{role: st.column_config.TextColumn(help=ANSWER) for role in roles},
    }


def chosen_headline(job: Job) -> int:
    """Position of the headline that the address names, counted from one there; else the first."""
    try:
        position = int(st.query_params.get("headline", "1")) - 1
    except ValueError:
        return 0
    return position if 0 <= position < len(job.texts) else 0


def show_overview(view: View, job: Job, given: dict[str, np.ndarray], chosen: int) -> int:
    """All headlines and answers; which headline is chosen there."""
    differ = answers.differ(given)
    texts = [text[:SHOWN] for text in job.texts[: len(differ)]]
    table = answers.side_by_side(texts, given, view.run.labels)
    only = st.session_state.get("only") and differ.any()
    rows = np.flatnonzero(differ) if only else np.arange(len(differ))
    first = int(np.flatnonzero(rows == chosen)[0]) if chosen in rows else 0
    event = st.dataframe(
        table.iloc[rows],
        hide_index=True,
        height=min(TABLE, height(len(job.texts))),
        on_select="rerun",
        selection_mode="single-row-required",
        selection_default={"selection": {"rows": [first]}},
        key=f"answers-{hash(tuple(job.texts))}-{only}",
        column_config=columns(given),
    )
    picked = [row for row in event.selection.rows if row < len(rows)] or [first]
    chosen = int(rows[picked[0]])
    linked = chosen and sum(map(len, job.texts)) + len(job.texts) <= headline_input.MAX_LINK
    headline_input.remember("headline", str(chosen + 1) if linked else None)
    return chosen


def show_one(
    view: View, job: Job, roles: list[str], position: int, place: DeltaGenerator
) -> DeltaGenerator:
    """Every model's answer to one headline; models that are still to answer have "…"."""
    names = view.run.labels
    given = {role: job.parts[role].probabilities[: job.parts[role].done] for role in roles}
    table = answers.of_one(position, given, names)
    table["ms"] = [job.milliseconds(role) or np.nan for role in roles]
    sizes = view.table.set_index("role")["size_mb"]
    table["MB"] = [sizes[role] for role in roles]
    return place.dataframe(
        table,
        hide_index=True,
        height=height(len(roles)),
        placeholder="…",
        column_config={
            "Model": st.column_config.TextColumn(pinned=True),
            "Confidence": st.column_config.ProgressColumn(
                help=CONFIDENCE, format="%.0f %%", min_value=0, max_value=100
            ),
            **{str(i): number(name, "%.1f %%", help=PROBABILITY) for i, name in enumerate(names)},
            "ms": number("ms a headline", help=MILLISECONDS),
            "MB": number("MB", help="Size of the model's files, in millions of bytes"),
        },
    )


@st.cache_data(max_entries=256, show_spinner=False)
def explain(text: str, _view: View, role: str, folder: Path, stamps: Stamp) -> np.ndarray:
    """What ``attribution`` says of one headline and model; ``folder`` and ``stamps`` name it."""
    return attribution.leave_one_word_out(load_classifier(_view, role), text)[1]


def show_words(view: View, text: str, roles: list[str], ask: bool) -> None:
    """What each word did for each model's answer; unless models are asked, the room for it."""
    words, weights = attribution.words_of(text), {}
    config = {str(i): number(word[:30], "%+.0f") for i, word in enumerate(words)}
    config["Model"] = st.column_config.TextColumn(pinned=True)

    def draw(table) -> DeltaGenerator:
        points = attribution.points(roles, words, weights)
        shaded = points.style.map(attribution.shade, subset=[str(i) for i in range(len(words))])
        return table.dataframe(
            shaded,
            hide_index=True,
            height=height(len(roles)),
            placeholder="…",
            column_config=config,
        )

    st.subheader("Which words carried the decision?", help=WORDS)
    st.write(
        "Points of probability that the answer loses when the word is left out: blue, above zero, "
        "spoke for it; orange, below zero, against it."
        + (f" The first {len(words)} words." if len(text.split()) > len(words) else "")
    )
    table = draw(st)
    for role in roles[::-1] if ask else []:
        folder = view.run.folder / "artifacts" / role
        try:
            weights[role] = explain(text, view, role, folder, stamp(folder, "*"))
        except (PipelineError, OSError):  # gone since it answered; its row stays empty
            continue
        draw(table)


def show_models(job: Job, given: dict[str, np.ndarray], names: list[str]) -> None:
    """What each model called the headlines, all in all."""
    table = answers.by_model(given, names, headline_input.known_labels(job.texts, names))
    table["ms"] = [job.milliseconds(role) or np.nan for role in given]
    format = share(len(job.texts))
    st.subheader("What each model called them")
    st.dataframe(
        table,
        hide_index=True,
        height=height(len(given)),
        placeholder="…",
        column_config={
            "Model": st.column_config.TextColumn(pinned=True),
            "Agrees": number("Agrees with the others", format, help=AGREES),
            "Right": number("Right", format, help=RIGHT),
            **{
                str(i): number(name, "%d", help=f"Headlines called {plain(name)}")
                for i, name in enumerate(names)
            },
            "ms": number("ms a headline", help=MILLISECONDS),
        },
    )


def show_missing(view: View, at_hand: list[str]) -> None:
    """The commands that make the models that are not here."""
    missing = [model.role for model in view.run.record.models if model.role not in at_hand]
    if missing:
        with st.expander(f"Models of this run that are not here: {len(missing)}"):
            st.write("Too large to be shipped, or not made yet. To make one:")
            lines = [answers.make_command(view.run.record, role) for role in missing]
            st.code("\n".join(lines), language=None, wrap_lines=True)
