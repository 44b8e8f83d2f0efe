"""The Compare page: the takeaway, four tiles, the trade-off chart, and any model's details."""

import streamlit as st

from pipeline.analysis import takeaway
from pipeline.analysis.recommendation import Recommendation, recommend
from views.charts import frontier
from views.pages import present
from views.parts import addresses, beside, card, choice, names, table, tiles, tradeoff, window
from views.parts.common import View
from views.parts.limits import ask_limits


def show(view: View, views: list[View], pages: dict[str, st.Page]) -> None:
    """Show the page.

    Args:
        view: the run.
        views: all runs.
        pages: all pages by URL path; a model's details link to some of them.
    """
    view, found, told = show_takeaway(view)
    left, right = st.columns([2.55, 1], gap="medium")
    place = left.container(height=frontier.HEIGHT, border=False)
    with left:
        shown = tradeoff.ask_shown(view, views)
    with right, st.container(border=True):
        opened = ask_opened(shown.views, told.role)
        card.show(*opened, found, shown.price, links(pages, opened[1]))
    with left:
        tradeoff.show_chart(place, shown, found, opened)
    if len(shown.views) == 2:
        beside.show_comparison(*shown.views)
    table.show_table(view, shown.frame, shown.price)
    if mistakes := view.data_set.mistakes:
        lines = "\n".join(f"- {mistake}" for mistake in mistakes)
        st.info(f"**The source notebook's figures have three mistakes:**\n{lines}")
    window.watch()


def show_takeaway(view: View) -> tuple[View, Recommendation, takeaway.Takeaway]:
    """Show the heading, the limits beside it, and the tiles: the answer for a reader in a hurry.

    Returns:
        The run, with its joined models among the candidates if the user wants that; the
        recommendation; and what the heading and the tiles say.
    """
    left, right = st.columns([2.2, 1], gap="medium", vertical_alignment="bottom")
    with right:
        view = tradeoff.ask_joined(view)
        budget = ask_limits(view.candidates["size_mb"].tolist(), view.data_set)
    found = recommend(view.compared, budget)
    told = takeaway.take_away(found, view.right(), view.comparisons)
    left.title(takeaway.headline(told), anchor=False)
    tiles.show_tiles(view, told)
    return view, found, told


def ask_opened(shown: list[View], picked: str) -> tuple[View, str]:
    """Ask which model's details to open; at first those of ``picked``, the recommended model."""
    offered = {
        tradeoff.name_of(view, role, shown): f"{name} of {view.title}" if place else name
        for place, view in enumerate(shown)
        for role, name in names.names_with_roles(view.run).items()
    }
    addresses.say_missing("model", "model", offered)
    chosen = choice.choose("Model", offered, "model", picked)
    opened = tradeoff.split_name(chosen, shown)
    assert opened  # the box offers only models of these runs
    return opened


def links(pages: dict[str, st.Page], role: str) -> list[card.Link]:
    """The links in a model's details."""
    return [
        ("Try it", pages["try"], ":material/play_arrow:", {"model": role}),
        ("See its errors", pages["errors"], ":material/search:", {"model": role}),
        ("Present", pages["present"], ":material/slideshow:", present.brought()),
    ]
