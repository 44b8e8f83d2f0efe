"""The box that asks which models to compare, on the pages that show up to three."""

import streamlit as st

from views.parts import addresses
from views.parts.choice import CARRIED
from views.parts.choices import choose_several
from views.parts.common import View
from views.parts.names import names_with_roles


def ask_models(view: View) -> list[str]:
    """Ask for one to three models of a run; return their roles.

    By default: the largest deployable model and the one that was chosen on another page, or else
    the smallest deployable one.
    """
    roles, called = list(view.table["role"]), names_with_roles(view.run)
    addresses.say_missing("model of this run", "models", roles)
    to_deploy = list(view.candidates["role"]) or roles
    carried = st.session_state.get(CARRIED, {}).get("model")
    other = carried if carried in roles else to_deploy[-1]
    chosen = choose_several(
        "One to three models",
        {role: called[role] for role in roles},
        "models",
        list(dict.fromkeys([to_deploy[0], other])),
        most=3,
    )
    if not chosen:
        st.info("Choose at least one model.")
    return chosen
