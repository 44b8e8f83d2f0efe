"""Paste headlines and watch every model answer side by side."""

from pathlib import Path

import pandas as pd
import streamlit as st

from pipeline import answers
from pipeline.cache import Run
from pipeline.errors import PipelineError
from views.common import View, ask, download, number, stamp

EXAMPLES = Path(__file__).parent.parent / "pipeline" / "headlines.csv"


def show(view: View) -> None:
    st.header("Who is right?")
    run = view.run
    at_hand = [role for role in view.table["role"] if run.artifact(role)]
    if at_hand:
        pasted = ask_for_headlines()
        roles = st.multiselect(
            "Models to ask", at_hand, default=at_hand, key="ask", bind="query-params"
        )
        texts, remarks = answers.split_headlines(pasted)
        for remark in remarks:
            st.caption(remark)
        if texts and roles:
            show_answers(run, texts, roles)
        else:
            st.info("Paste a headline and choose a model.")
    else:
        st.info("No model of this run has its files here. The commands below make them.")
    missing = [model for model in run.record.models if model.role not in at_hand]
    if missing:
        st.subheader("Models that are not here")
        st.write("Too large to be shipped, or not made yet. To make one:")
        lines = [answers.make_command(run.record, model.role) for model in missing]
        st.code("\n".join(lines), language="bash", wrap_lines=True)


def ask_for_headlines() -> str:
    """The text area, and the buttons that fill it."""
    examples = pd.read_csv(EXAMPLES)["text"]

    def draw(count: int, seed: int | None = None) -> None:
        st.session_state["headlines"] = "\n".join(examples.sample(count, random_state=seed))

    if "headlines" not in st.session_state:
        draw(4, seed=1)
    pasted = st.text_area(
        "Headlines, one a line", key="headlines", height=140, persist_state="session"
    )
    with st.container(horizontal=True):
        st.button("Classify", type="primary")
        st.button("One example", on_click=draw, args=(1,))
        st.button("Ten examples", on_click=draw, args=(10,))
    return pasted


def show_answers(run: Run, texts: list[str], roles: list[str]) -> None:
    """Every model's answers side by side; the models are asked one after the other."""
    given, took = {}, {}
    for role in roles:
        folder = run.folder / "artifacts" / role
        with st.spinner(f"Asking {role} …"):
            try:
                artifact = run.by_role[role].artifact
                given[role], took[role] = ask(texts, folder, artifact, stamp(folder, "*"))
            except (PipelineError, OSError) as error:
                st.warning(f"{role} can't be asked:")
                st.code(str(error), language=None, wrap_lines=True)
    if not given:
        return
    table = answers.side_by_side(texts, given, run.labels)
    selected = 0
    if len(texts) > 1:
        differ = table["Agreement"].str.startswith("≠").sum()
        st.subheader(f"{len(texts):,} headlines; the models differ on {differ:,}")
        event = st.dataframe(
            table,
            hide_index=True,
            on_select="rerun",
            selection_mode="single-row-required",
            key=f"answers-{hash(tuple(texts))}",
            column_config={"Headline": st.column_config.TextColumn(width=320)},
        )
        selected = (event.selection.rows or [0])[0]
        download("Download the answers as CSV", table, "answers.csv")
    st.subheader("The headline chosen above" if len(texts) > 1 else "Every model's answer")
    st.code(texts[selected][:500], language=None, wrap_lines=True)
    st.text(table["Agreement"][selected])
    one = answers.of_one(selected, given, run.labels)
    one["ms"] = list(took.values())
    percent = st.column_config.ProgressColumn(format="%.0f %%", min_value=0, max_value=100)
    columns = {name: number(name, "%.1f %%") for name in run.labels}
    columns |= {"Confidence": percent, "ms": number(f"ms for {len(texts):,}")}
    st.dataframe(one, hide_index=True, column_config=columns)
