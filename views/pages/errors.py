"""Which rows go wrong: filtered, between two models, and where the label itself may be wrong."""

from pathlib import Path

import numpy as np
import pandas as pd
import streamlit as st

from pipeline.analysis import disagreement
from pipeline.analysis.significance import Difference, both_ends_in_words
from views.charts import confusion
from views.parts import addresses, card
from views.parts.common import View, number, share
from views.parts.texts import answers_of, list_rows

EXAMINED = ("Filter", "Broke and fixed", "Suspected label errors")


def show(view: View, folder: Path | None = None) -> None:
    """The page; ``folder`` is where ``--data`` says that the headlines are."""
    st.header("Which headlines go wrong?")
    part = st.radio("Look at", EXAMINED, horizontal=True, key="part", bind="query-params")
    sections = (show_filter, show_broke_and_fixed, show_suspects)
    sections[EXAMINED.index(part)](view, folder)


# --- filter -------------------------------------------------------------------------------------


def show_filter(view: View, folder: Path | None) -> None:
    roles, names = list(view.table["role"]), view.run.labels
    first, second, third = st.columns(3)
    addresses.say_missing("model of this run", "model", roles)
    role = first.selectbox("Model", roles, key="model", bind="query-params")
    options = {"placeholder": "Any class", "bind": "query-params"}
    true = second.multiselect("True class", names, key="true", **options)
    predicted = third.multiselect("Predicted class", names, key="predicted", **options)
    first, second, third = st.columns(3)
    outcome = first.radio(
        "Answers",
        ["Wrong", "Right", "All"],
        horizontal=True,
        key="outcome",
        bind="query-params",
    )
    confidence = second.slider(
        "Confidence, %",
        0,
        100,
        (0, 100),
        key="confidence",
        bind="query-params",
        help="The probability that the model gives to the class it answers.",
    )
    least = 0
    if len(roles) > 1:
        least = third.slider(
            "Models that differ, at least",
            0,
            len(roles) - 1,
            key="differ",
            bind="query-params",
            help=f"Disagreement: how many of the run's {len(roles) - 1} other models name another "
            "class than this one does.",
        )
    given = view.probabilities[role]
    called, sure = given.argmax(axis=1), 100 * given.max(axis=1)
    differ = disagreement.otherwise(view.probabilities, role)
    wanted = (sure >= confidence[0]) & (sure <= confidence[1]) & (differ >= least)
    if outcome != "All":
        wanted &= (called == view.labels) == (outcome == "Right")
    if true:
        wanted &= np.isin(view.labels, [names.index(name) for name in true])
    if predicted:
        wanted &= np.isin(called, [names.index(name) for name in predicted])
    positions = np.flatnonzero(wanted)
    positions = positions[np.argsort(-sure[positions], kind="stable")]
    total = len(view.labels)
    st.text(f"{len(positions):,} of {total:,} test rows, the surest answers first.")
    if not len(positions):
        st.info("No row is left. Widen a filter.")
        return
    answers = answers_of(view, role, positions)
    if len(roles) > 1:
        answers.insert(3, "Others differ", differ[positions])
    list_rows(view, folder, positions, answers, f"{role}-rows")


# --- broke and fixed ----------------------------------------------------------------------------


def show_broke_and_fixed(view: View, folder: Path | None) -> None:
    roles, names = list(view.table["role"]), view.run.labels
    left, right = st.columns(2)
    for key in ("a", "b"):
        addresses.say_missing("model of this run", key, roles)
    one = left.selectbox("From model A", roles, key="a", bind="query-params")
    to_deploy = list(view.candidates["role"]) or roles
    smallest = roles.index(to_deploy[-1])
    two = right.selectbox("to model B", roles, index=smallest, key="b", bind="query-params")
    if one == two:
        st.info("Choose two different models.")
        return
    first, second = (view.probabilities[role].argmax(axis=1) for role in (one, two))
    found = disagreement.broke_and_fixed(view.labels, first, second, view.comparisons)
    broke, fixed, total = len(found.broke), len(found.fixed), len(view.labels)
    said = say_broke_and_fixed(one, two, broke, fixed, total, found.difference)
    st.markdown(said, help=card.details(found.difference))
    with st.container(horizontal=True):
        for label, value, counted in (
            ("Broke", broke, "Rows that A has right and B wrong."),
            ("Fixed", fixed, "Rows that A has wrong and B right."),
            ("Both right", found.both_right, "Rows that A and B have right."),
            ("Both wrong", found.both_wrong, "Rows that A and B have wrong."),
        ):
            st.metric(label, f"{value:,}", help=counted, width="content")
    side = st.radio("List", ["Broke", "Fixed"], horizontal=True, key="side", bind="query-params")
    positions = found.broke if side == "Broke" else found.fixed
    if not len(positions):
        st.info(f"{two} {side.lower()} nothing.")
        return
    sure = view.probabilities[two][positions].max(axis=1)
    positions = positions[np.argsort(-sure, kind="stable")]  # what B is surest of comes first
    columns = {"Labelled": [names[label] for label in view.labels[positions]]}
    for letter, role, called in (("A", one, first), ("B", two, second)):
        columns[f"{letter}: {role}"] = [names[c] for c in called[positions]]
        columns[f"{letter}'s confidence"] = 100 * view.probabilities[role][positions].max(axis=1)
    name = f"{one}-to-{two}-{side.lower()}"
    list_rows(view, folder, positions, pd.DataFrame(columns), name)


def say_broke_and_fixed(
    one: str, two: str, broke: int, fixed: int, total: int, difference: Difference
) -> str:
    """The counts and the comparison in a sentence that can be read out."""
    said = f"Going from `{one}` to `{two}` broke {broke:,} of {total:,} rows and fixed {fixed:,}"
    net = fixed - broke
    if net:
        said += f": a net {'gain' if net > 0 else 'loss'} of {abs(net):,}. "
    else:
        said += ": as many. "
    if broke + fixed == 0:
        return said + "The two are right on the very same rows."
    said += f"`{two}` is {both_ends_in_words(difference.low, difference.high)} (95 %)"
    return said + ("." if difference.found else "; no difference found.")


# --- suspected label errors ---------------------------------------------------------------------


def show_suspects(view: View, folder: Path | None) -> None:
    roles, names = list(view.table["role"]), view.run.labels
    models = len(roles)
    if models < 2:
        st.info("It takes two models to suspect a label; this run holds one.")
        return
    left, right = st.columns(2)
    least = left.slider(
        "Models that contradict the label, at least",
        1,
        models,
        models // 2 + 1,
        key="least",
        bind="query-params",
        help=f"How many of the {models} models have to agree on one and the same other class.",
    )
    sure = right.slider(
        "Their mean confidence, at least, %",
        25,
        100,
        90,
        key="sure",
        bind="query-params",
        help="The probability that those models give to that class, on average.",
    )
    found = disagreement.suspected_label_errors(view.labels, view.probabilities, least, sure / 100)
    total = len(view.labels)
    st.write(
        f"The rule: a label is suspected if at least {least} of {models} models answer one and the "
        f"same other class, with {sure} % confidence or more on average. "
        f"**{len(found):,} of {total:,} labels are suspected**"
        + (f" ({len(found) / total:.1%})." if len(found) / total >= 0.001 else ".")
    )
    st.write(
        "A suspicion, not a finding: models that learnt from one teacher share its mistakes. Read "
        "the headlines before you blame a label."
    )
    if found.empty:
        st.info("No label is suspected. Ask for fewer models or less confidence.")
        return
    positions = found["position"].to_numpy()
    columns = pd.DataFrame(
        {
            "Labelled": [names[label] for label in found["label"]],
            "Models say": [names[suggested] for suggested in found["suggested"]],
            "Models": found["votes"],
            "Mean confidence": 100 * found["confidence"],
        }
    )
    list_rows(view, folder, positions, columns, "suspected-labels")
    st.subheader("Estimate: accuracy without the suspected rows")
    st.write(
        "An estimate from above, not a result: the models choose the rows themselves, and every "
        "row that is left out is one that most of them have wrong."
    )
    without = disagreement.accuracy_without(view.labels, view.probabilities, positions)
    without = without.set_index("role").loc[roles].reset_index()
    format = share(total)
    change = 100 * (without["without"] - without["accuracy"])
    st.dataframe(
        without.assign(
            accuracy=100 * without["accuracy"],
            without=100 * without["without"],
            change=[confusion.signed(points, 1) for points in change],
        ),
        hide_index=True,
        height="content",
        column_config={
            "role": "Model",
            "accuracy": number("Accuracy, all rows", format),
            "without": number("Without suspects (estimate)", format),
            "change": "Change, points",
        },
    )
