"""Every model's answers to many texts: a bar of agreement, and a table, disagreements first."""

import numpy as np
import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from pipeline.analysis.budget import round_sensibly
from views import answers, downloads
from views.charts import agreement
from views.charts.answers import Bar, stacked_bars
from views.charts.palette import MANY_CLASSES
from views.glossary import with_article
from views.job import CHUNK, Job
from views.parts import answer_bars, asking, examples, headline_input, word_importance
from views.parts.addresses import remember
from views.parts.common import View, number, plain, share
from views.parts.names import names

SHOWN = 300  # characters of a text in the table
ROW, TABLE = 35, 320  # heights in pixels: of a row, of the table of all texts

ANSWER = "The class that the model finds likeliest, and the probability it gives it"
AGREES = "Of all answers of the other models, the share that are the same"
MILLISECONDS = "Time to answer one, on average over all of them, without loading the model"


def show(view: View, texts: list[str], roles: list[str]) -> None:
    """Ask the models; show their answers, and one text of the table in full."""
    known = view.data_set
    installed = examples.installed(view)
    here = [role for role in roles if role in installed]
    job = asking.job_of(view, texts, here)
    asking.show_problems(job, here)
    here = [role for role in here if not job.parts[role].problem]
    given = asking.answered(view, job, roles)
    working = bool(here) and not job.stopped and job.done(here) < len(texts)
    if not given:
        st.info("None of these models is installed, and none has recorded answers to these texts.")
        return
    st.header(title(job, given, working, known.nouns), anchor=False)
    bar = show_progress(job, here, working)
    if working:
        place = st.empty()
        preview(view, job, given, place)
        for role in asking.work(view, job, here, lambda said: tell(bar, job, here, said)):
            if job.parts[role].done <= CHUNK:  # after that, only the progress bar moves
                preview(view, job, asking.answered(view, job, roles), place)
        st.rerun()
    elif not len(next(iter(given.values()))):
        st.info(f"No {known.noun} was answered by every model before the job was stopped.")
    else:
        show_picture(given)
        chosen = show_table(view, job, given)
        show_actions(view, job, given)
        show_chosen(view, job, roles, given, chosen)
        with st.expander("What each model called them"):
            show_models(view, job, given)


def title(job: Job, given: dict[str, np.ndarray], working: bool, nouns: str) -> str:
    """A heading: whether the models agree, or just the number of texts while they are working."""
    done = min(map(len, given.values()))
    if working or not done:
        return f"{len(job.texts):,} {nouns}"
    if len(given) == 1:
        return f"{done:,} {nouns}, one model"
    return f"The models differ on {answers.differ(given).sum():,} of {done:,} {nouns}"


def show_progress(job: Job, roles: list[str], working: bool) -> DeltaGenerator:
    """Show the job's progress, and a button: Stop, or Go on if the job was stopped.

    Returns:
        The progress bar, for ``tell`` to update.
    """
    if not working and job.done(roles) == (len(job.texts) if roles else 0):
        seconds = sum(job.parts[role].seconds for role in roles)
        return st.caption(f"All answered, in {round_sensibly(seconds)} s" if roles else "Recorded")
    said = f"Stopped. Answered by every model: {job.done(roles):,} of {len(job.texts):,}"
    with st.container(horizontal=True, vertical_alignment="bottom"):
        bar = st.progress(job.share(roles), text="…" if working else said)
        if working:
            st.button("Stop", key="stop", on_click=set_stopped, args=(job, True))
        else:
            st.button("Go on", key="go-on", on_click=set_stopped, args=(job, False))
    return bar


def tell(bar: DeltaGenerator, job: Job, roles: list[str], said: str) -> None:
    bar.progress(job.share(roles), text=plain(said))


def set_stopped(job: Job, stopped: bool) -> None:
    job.stopped = stopped


def preview(view: View, job: Job, given: dict[str, np.ndarray], place: DeltaGenerator) -> None:
    """Show the answers to the first texts while the models are working."""
    texts = [text[:SHOWN] for text in job.texts[:CHUNK]]
    ready = {role: part for role, part in job.parts.items() if part.done and role in given}
    first = {role: part.probabilities[: len(texts)] for role, part in ready.items()}
    table = answers.side_by_side(texts, first, view.run.labels)
    place.dataframe(
        table.rename(columns=names(view.run)),
        hide_index=True,
        height=min(TABLE, height(len(texts))),
        column_config=columns(view, list(first)),
    )


def height(rows: int) -> int:
    """Height of a table in pixels; it is set in advance, so that the page does not move."""
    return ROW * (rows + 1) + 3


def columns(view: View, roles: list[str]) -> dict:
    """Column settings of the table of all texts."""
    called = names(view.run)
    return {
        "Agreement": st.column_config.TextColumn(help="How many models say what"),
        "Headline": st.column_config.TextColumn(view.data_set.noun.capitalize(), width=420),
        **{called[role]: st.column_config.TextColumn(help=ANSWER) for role in roles},
    }


def show_picture(given: dict[str, np.ndarray]) -> None:
    """Show a bar: how many models agree on how many texts."""
    if len(given) > 1:
        st.html(agreement.bar(agreement.levels(answers.votes_of(given)), len(given)))


def show_table(view: View, job: Job, given: dict[str, np.ndarray]) -> int:
    """Show all texts with answers, disagreements first; return the selected text's position."""
    differ = answers.differ(given)
    texts = [text[:SHOWN] for text in job.texts[: len(differ)]]
    table = answers.side_by_side(texts, given, view.run.labels)
    order = np.argsort(~differ, kind="stable")
    asked = headline_of_address(len(differ))
    first = 0 if asked is None else int(np.flatnonzero(order == asked)[0])
    event = st.dataframe(
        table.iloc[order].rename(columns=names(view.run)),
        hide_index=True,
        height=min(TABLE, height(len(table))),
        on_select="rerun",
        selection_mode="single-cell",
        selection_default={"selection": {"cells": [(first, "Headline")]}},
        # More answers or other models change the order, so the key changes, too.
        key=f"answers-{hash((tuple(job.texts), tuple(given), len(order)))}",
        column_config=columns(view, list(given)),
    )
    picked = [row for row, _ in event.selection.cells if row < len(order)] or [first]
    chosen = int(order[picked[0]])
    linked = sum(map(len, job.texts)) + len(job.texts) <= headline_input.MAX_LINK
    is_told = linked and chosen != order[0]
    remember("headline", str(chosen + 1) if is_told else None)
    return chosen


def headline_of_address(count: int) -> int | None:
    """Position, from 0, of the text that the URL names (from 1); None if there is no such text."""
    try:
        position = int(st.query_params.get("headline", "")) - 1
    except ValueError:
        return None
    return position if 0 <= position < count else None


def show_actions(view: View, job: Job, given: dict[str, np.ndarray]) -> None:
    comma = downloads.writes_comma(st.context.locale)
    st.download_button(
        "Download the answers as CSV",
        lambda: downloads.to_csv(to_download(view, job, list(given)), comma),
        "answers.csv",
        "text/csv",
        on_click="ignore",
        icon=":material/download:",
        help="Every answer so far, with the probability of "
        + ("each class" if len(view.run.labels) < MANY_CLASSES else "the likeliest three classes"),
    )


def to_download(view: View, job: Job, roles: list[str]) -> pd.DataFrame:
    """Every answer so far, perhaps more than the page shows."""
    given = asking.answered(view, job, roles)
    return downloads.to_download(job.texts, given, view.run.labels, view.data_set.noun)


def show_chosen(
    view: View, job: Job, roles: list[str], given: dict[str, np.ndarray], chosen: int
) -> None:
    """Show one text of the table in full, every model's bar, and the words that mattered."""
    text = job.texts[chosen]
    st.code(text[: 10 * SHOWN], language=None, wrap_lines=True)
    one = {role: probabilities[chosen] for role, probabilities in given.items()}
    st.subheader(plain(answer_bars.verdict(view, roles, one)), anchor=False)
    st.html(stacked_bars(answer_bars.bars(view, roles, one), view.run.labels))
    can = [role for role in given if role in job.parts]
    word_importance.show(view, text, can, one)
    answer_bars.show_times(view, can)
    with st.expander("As a table"):
        answer_bars.table(view, roles, one)


def show_models(view: View, job: Job, given: dict[str, np.ndarray]) -> None:
    """Show how many texts each model puts in each class: a bar per model, and tables."""
    known, classes, called = view.data_set, view.run.labels, names(view.run)
    votes = answers.votes_of(given)
    bars = [
        Bar(called[role], "", np.bincount(own, minlength=len(classes)) / len(votes))
        for role, own in zip(given, votes.T, strict=True)
    ]
    st.html(stacked_bars(bars[::-1], classes))
    table = answers.by_model(given, classes, examples.known_labels(view, job.texts))
    table["ms"] = [job.milliseconds(r) if r in job.parts else np.nan for r in given]
    table["Model"] = [called[role] for role in given]
    format = share(len(job.texts))
    st.dataframe(
        table,
        hide_index=True,
        height=height(len(given)),
        placeholder="–",
        column_config={
            "Model": st.column_config.TextColumn(pinned=True),
            "Agrees": number("Agrees with the others", format, help=AGREES),
            "Right": number("Right", format, help=plain(examples.of_run(view).what)),
            **{
                str(i): number(name, "%d", help=f"Called {plain(name)}")
                for i, name in enumerate(classes)
                if str(i) in table
            },
            "ms": number(f"ms {with_article(known.noun)}", help=MILLISECONDS),
        },
    )
    if len(classes) >= MANY_CLASSES:
        st.dataframe(
            answers.by_class(given, classes).rename(columns=called),
            hide_index=True,
            height=TABLE,
            column_config={"Class": st.column_config.TextColumn(pinned=True)},
        )
