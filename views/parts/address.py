"""What pages keep in their address by themselves, where no widget's binding does it."""

import streamlit as st


def remember(name: str, value: str | None) -> None:
    """Keep something in the page's address, or take it out."""
    if st.query_params.get(name) == value:
        return
    if value is None:
        del st.query_params[name]
    else:
        st.query_params[name] = value
