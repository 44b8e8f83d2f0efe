"""What an address asks for and is not there, and what pages keep in it by themselves."""

from collections.abc import Collection

import streamlit as st


def missing(key: str, there: Collection[str]) -> list[str]:
    """What the address asks for under ``key`` and is not among ``there``, as it stands there.

    To be called before the widget that is bound to ``key``, which takes from the address what it
    does not have.
    """
    asked = st.query_params.get_all(key)
    return [value for value in dict.fromkeys(asked) if value and value not in there]


def say_missing(noun: str, key: str, there: Collection[str]) -> None:
    """Say, as plain text, that what an address asks for is not there, and what is."""
    if lost := missing(key, there):
        st.warning(f"This address asks for what is not there: no {noun} is called so:")
        st.text(f"{', '.join(lost)}\nThere are: {', '.join(there)}")


def remember(name: str, value: str | None) -> None:
    """Keep something in the page's address, or take it out."""
    if st.query_params.get(name) == value:
        return
    if value is None:
        del st.query_params[name]
    else:
        st.query_params[name] = value
