"""A select box that shows names, and keeps its plain value in the URL and from page to page.

If Streamlit binds a widget to the URL, it writes the text that the widget shows. Names of models
are for people and may change; roles do not. So this box writes the URL itself.
"""

from collections.abc import Container, Mapping
from time import monotonic
from typing import Any

import streamlit as st

CARRIED = "carried"
"""Session state's key of a dictionary: by box, the value last chosen on any page with that box."""


_LATE = 3.0
"""Seconds that the browser's URL may lag behind."""


def choose(
    label: str,
    options: Mapping[str, str],
    key: str,
    default: str | None = None,
    **box: Any,
) -> str | None:
    """Show the box and return the chosen value; None is possible only if ``default`` is None.

    The first value comes from the URL, else from a box with the same key on another page, else
    from ``default``.

    Args:
        label: the box's label.
        options: by value, the plain text that the box shows.
        key: the box's key, and its name in the URL.
        default: the value at first; it is left out of the URL.
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
    """Set a widget's value from the URL, before the widget is drawn.

    Args:
        key: the widget's key, and its name in the URL.
        options: the possible values.
        default: the value if the URL has none of the options. A widget that still has its default
            follows a change of the default.
        carried: a value from another page; on a page that was just opened it precedes ``default``.
    """
    state, asked = st.session_state, st.query_params.get(key)
    if key not in state or _is_news(key):
        state[key] = next((value for value in (asked, carried) if value in options), default)
    elif state[key] not in options or state[key] == state.get(f"{key} by default"):
        state[key] = default
    state[f"{key} by default"] = default


def value_of(key: str, default: str) -> str:
    """The value that a widget will have when it is next drawn: from its state, else the URL."""
    state, asked = st.session_state, st.query_params.get(key)
    if key in state and not _is_news(key):
        return state[key]
    return default if asked is None else asked


def write(key: str, value: str | None, default: str | None) -> None:
    """Write a widget's value to the URL, after the widget is drawn; defaults are left out."""
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
    """Whether the URL has a value that this page did not write.

    The browser learns of its new URL with a delay, and until then it sends an old one. Values that
    this page replaced less than ``_LATE`` seconds ago therefore don't count. Moving a slider with
    the arrow keys is fast enough to cause this.
    """
    asked, kept = st.query_params.get(key), st.session_state.get(_kept(key), {})
    if kept.get("page") != st.session_state.get("page"):
        return True  # another page was shown meanwhile; its choice may be carried here
    if asked == kept.get("now"):
        return False
    replaced = kept.get("before", {}).get(asked)
    return replaced is None or monotonic() - replaced > _LATE


def _kept(key: str) -> str:
    return f"{key} in the address"
