"""A select box that shows names and keeps plain values in the address, and from page to page.

A widget that Streamlit binds to the address puts there what it shows. Names of models are for
people and may change; their roles stay. So this box keeps the address itself.
"""

from collections.abc import Container, Mapping
from time import monotonic
from typing import Any

import streamlit as st

CARRIED = "carried"
"""In the session's state: by key, what was last chosen on any page that has such a box."""


_LATE = 3.0
"""Seconds that an address may be late."""


def choose(
    label: str,
    options: Mapping[str, str],
    key: str,
    default: str | None = None,
    **box: Any,
) -> str | None:
    """What is chosen, out of ``options``; None only where ``default`` is.

    What the address says comes first, then what was chosen on the page before.

    Args:
        label: of the box.
        options: by value, what the box shows for it; text, no markup.
        key: of the box, and its name in the address.
        default: what is chosen at first; the address does not name it.
        box: more arguments of ``st.selectbox``.
    """
    carried = st.session_state.setdefault(CARRIED, {})
    read(key, options, default, carried.get(key))
    if default is None:
        box = {"index": None, **box}
    chosen = st.selectbox(label, list(options), format_func=options.__getitem__, key=key, **box)
    write(key, chosen, default)
    carried[key] = None if chosen == default else chosen
    return chosen


def read(
    key: str, options: Container[str | None], default: str | None, carried: str | None = None
) -> None:
    """Give a widget the value that the address has, before the widget is drawn.

    Args:
        key: of the widget, and its name in the address.
        options: the values that it can have.
        default: its value if the address has none of them. Where it changes, so does the value of
            a widget that nobody has touched.
        carried: what comes before ``default`` on a page that was just opened.
    """
    state, asked = st.session_state, st.query_params.get(key)
    if key not in state or _is_news(key):
        state[key] = next((value for value in (asked, carried) if value in options), default)
    elif state[key] not in options or state[key] == state.get(f"{key} by default"):
        state[key] = default
    state[f"{key} by default"] = default


def value_of(key: str, default: str) -> str:
    """What a widget will have as it is next drawn; of one that is not drawn, the address has it."""
    state, asked = st.session_state, st.query_params.get(key)
    if key in state and not _is_news(key):
        return state[key]
    return default if asked is None else asked


def write(key: str, value: str | None, default: str | None) -> None:
    """Put a widget's value into the address, after the widget is drawn; not a default."""
    told = None if value == default else value
    if told is None:
        if key in st.query_params:
            del st.query_params[key]
    elif told != st.query_params.get(key):
        st.query_params[key] = told
    kept = st.session_state.setdefault(_kept(key), {})
    if "now" in kept and kept["now"] != told:
        kept.setdefault("before", {})[kept["now"]] = monotonic()
    kept |= {"now": told, "page": st.session_state.get("page")}


def _is_news(key: str) -> bool:
    """Whether the address has another value than this page gave it.

    A browser hears of its new address a little later, and what it sends until then has an old one:
    that is not news. Who moves a slider by keys is fast enough for that.
    """
    asked, kept = st.query_params.get(key), st.session_state.get(_kept(key), {})
    if kept.get("page") != st.session_state.get("page"):
        return True  # another page has been here: what is chosen there may be carried
    if asked == kept.get("now"):
        return False
    replaced = kept.get("before", {}).get(asked)
    return replaced is None or monotonic() - replaced > _LATE


def _kept(key: str) -> str:
    return f"{key} in the address"
