"""Check the values in a page's URL, and write values into it."""

from collections.abc import Collection

import streamlit as st


def missing(key: str, there: Collection[str]) -> list[str]:
    """The values of ``key`` in the URL that are not among ``there``, each once.

    Call it before the widget that is bound to ``key`` is drawn: the widget removes unknown values
    from the URL.
    """
    asked = st.query_params.get_all(key)
    return [value for value in dict.fromkeys(asked) if value and value not in there]


def say_missing(noun: str, key: str, there: Collection[str]) -> None:
    """Warn if the URL asks for values that are not among ``there``; list both as plain text."""
    if lost := missing(key, there):
        st.warning(f"This address asks for a {noun} that does not exist:")
        st.text(f"{', '.join(lost)}\nThere are: {', '.join(there)}")


def remember(name: str, value: str | None) -> None:
    """Set a value in the page's URL; None removes it."""
    if st.query_params.get(name) == value:
        return
    if value is None:
        del st.query_params[name]
    else:
        st.query_params[name] = value
