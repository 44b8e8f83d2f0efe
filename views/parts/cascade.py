"""A cascade's details: the share of texts per member, and accuracy at other thresholds."""

import streamlit as st

from pipeline.analysis import cascades
from pipeline.cascade_rules import Rule
from pipeline.results.figures import CascadeRecord
from views.charts import cascade
from views.parts.common import PLAIN_CHART, View, chart_key, plain
from views.parts.names import names

_SPLITS = {"test": "whole rows", "headlines": "headlines alone"}
"""Splits → what their texts are called. Few runs have the invented headlines."""


def show(view: View, role: str) -> None:
    """Show the details that only cascades have; for other models, show nothing."""
    found = view.run.by_role[role].cascade
    if not found:
        return
    called = names(view.run)
    with st.expander("Who answers"):
        for split, texts in _SPLITS.items():
            if split in found.answered:
                shares = zip(found.members, found.answered[split], strict=True)
                said = ", ".join(f"{called[member]} {share:.0%}" for member, share in shares)
                st.text(f"Of {texts}: {said}.")
        st.caption(plain(_rules(found, called)))
        _show_curve(view, role, found)


def _rules(found: CascadeRecord, called: dict[str, str]) -> str:
    """The members' thresholds and temperatures in a sentence."""
    said = [
        f"{called[member]} answers where it is at least {threshold:.0%} sure"
        + (f", at a temperature of {temperature:.2f}" if temperature != 1 else "")
        for member, threshold, temperature in zip(
            found.members, found.thresholds, found.temperatures, strict=False
        )
    ]
    return "; ".join(said) + f"; else {called[found.members[-1]]} does. Chosen on validation."


def _show_curve(view: View, role: str, found: CascadeRecord) -> None:
    """Draw accuracy over mean time, from the members' stored answers and measured times."""
    first, *rest = found.members
    costs = view.run.by_role
    times = [costs[m].cost.mean_ms or costs[m].cost.p50_ms for m in found.members]
    rules = [Rule(*rule) for rule in zip(found.thresholds, found.temperatures, strict=True)]
    members = [view.probabilities[member] for member in rest]
    after = cascades.answers(members, rules[1:])
    asked = cascades.answered_by(members, rules[1:])
    # A text that is passed on costs the time of every member up to the one that answers it.
    passed_on = sum(time * (asked >= place).mean() for place, time in enumerate(times[1:]))
    curve = cascades.curve(
        view.labels,
        view.probabilities[first],
        after,
        rules[0].temperature,
        (times[0], float(passed_on)),
    )
    st.plotly_chart(
        cascade.figure(curve, rules[0].threshold),
        key=chart_key(f"cascade-{role}"),
        config=PLAIN_CHART,
    )
