"""A box of several choices that shows names and keeps plain values in the address."""

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
    """What is chosen, out of ``options``; it may be nothing.

    A widget that Streamlit binds to the address puts there what it shows; names may change, so this
    box keeps the address itself, as ``choice.choose`` does.

    Args:
        label: of the box.
        options: by value, what the box shows for it; text, no markup.
        key: of the box, and its name in the address.
        default: what is chosen at first; the address does not name it.
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
