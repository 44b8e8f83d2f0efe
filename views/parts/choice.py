"""A select box that shows names and keeps plain values in the address, and from page to page.

A widget that Streamlit binds to the address puts there what it shows. Names of models are for
people and may change; their roles stay. So this box keeps the address itself.
"""

from collections.abc import Mapping

import streamlit as st

CARRIED = "carried"
"""In the session's state: by key, what was last chosen on any page that has such a box."""


def choose(
    label: str,
    options: Mapping[str, str],
    key: str,
    default: str | None = None,
    **box: object,
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
    state, written = st.session_state, f"{key} in the address"
    asked = st.query_params.get(key)
    if key not in state or asked != state.get(written):
        carried = state.get(CARRIED, {}).get(key)
        state[key] = next((v for v in (asked, carried) if v in options), default)
    elif state[key] not in options:
        state[key] = default
    if default is None:
        box = {"index": None, **box}
    chosen = st.selectbox(label, list(options), format_func=options.__getitem__, key=key, **box)
    told = None if chosen == default else chosen
    if told != asked:
        if told is None:
            del st.query_params[key]
        else:
            st.query_params[key] = told
    state[written] = told
    state.setdefault(CARRIED, {})[key] = told
    return chosen
