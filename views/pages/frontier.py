"""Quality against cost: the chart, the model to deploy, any model's card, two runs compared."""

import streamlit as st

from views.pages import present
from views.parts import beside, card, limits, table, tradeoff, window
from views.parts.common import View


def show(view: View, views: list[View], present_page) -> None:
    """The page; ``views`` are all runs, ``present_page`` is the one that presents."""
    st.header("What does each step down in size cost?")
    left, right = st.columns([2, 1], gap="medium")
    with right:
        budget = limits.show_budget(view)
        st.page_link(
            present_page,
            label="Present this",
            icon=":material/slideshow:",
            query_params=present.told(budget),
        )
    with left:
        shown, frame, price = tradeoff.show_chart(view, views)
    show_card(shown, price)
    if len(shown) == 2:
        beside.show_comparison(*shown)
    table.show_table(view, frame, price)
    if mistakes := view.data_set.mistakes:
        lines = "\n".join(f"- {mistake}" for mistake in mistakes)
        st.info(f"**The source notebook's figures carry three mistakes:**\n{lines}")
    window.watch()


def show_card(shown: list[View], price: float) -> None:
    """The box to choose a model of these runs in, and its card."""
    name = st.selectbox(
        "A model's card",
        [tradeoff.name_of(view, role, shown) for view in shown for role in view.table["role"]],
        index=None,
        placeholder="Click a point in the chart, or choose a model here",
        key="model",
        bind="query-params",
    )
    if chosen := tradeoff.split_name(name, shown):
        card.show(*chosen, price)
