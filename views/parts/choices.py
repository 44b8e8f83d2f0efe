"""A multiselect box that shows names and keeps plain values in the URL."""

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st


def choose_several(
    label: str,
    options: Mapping[str, str],
    key: str,
    default: Sequence[str],
    most: int | None = None,
    **box: Any,
) -> list[str]:
    """Show the box and return the chosen values, perhaps none.

    Like ``choice.choose``, this box writes the URL itself: Streamlit would write the names that the
    box shows, and names may change.

    Args:
        label: the box's label.
        options: by value, the plain text that the box shows.
        key: the box's key, and its name in the URL.
        default: the values at first; they are left out of the URL.
        most: how many can be chosen; None: all.
        box: more arguments of ``st.multiselect``.
    """
    state, written = st.session_state, f"{key} in the address"
    asked = st.query_params.get_all(key)
    known = [value for value in dict.fromkeys(asked) if value in options][:most]
    if key not in state or asked != state.get(written):
        state[key] = known or list(default)
    else:
        state[key] = [value for value in state[key] if value in options]
    chosen = st.multiselect(
        label,
        list(options),
        format_func=options.__getitem__,
        max_selections=most,
        key=key,
        **box,
    )
    told = [] if chosen == list(default) else chosen
    if told != asked:
        if told:
            st.query_params[key] = told
        elif key in st.query_params:
            del st.query_params[key]
    state[written] = told
    return chosen
