"""The Errors page: one model's wrong rows, changes between two models, suspected label errors."""

import numpy as np
import pandas as pd
import streamlit as st

from pipeline.analysis import disagreement
from pipeline.analysis.significance import Difference, both_ends_in_words
from views.charts import confusion
from views.parts import addresses, card
from views.parts.choice import choose
from views.parts.common import View, number, plain, share
from views.parts.names import names, names_with_roles
from views.parts.rows import answers_of, list_rows
from views.parts.texts import ask_texts

EXAMINED = ("One model", "Newly wrong, newly correct", "Suspected label errors")


def show(view: View) -> None:
    st.header(f"Which {view.data_set.nouns} go wrong?", anchor=False)
    texts = ask_texts(view)
    part = st.radio(
        "Look at",
        EXAMINED,
        horizontal=True,
        key="part",
        bind="query-params",
        label_visibility="collapsed",
    )
    sections = (show_one_model, show_changes, show_suspects)
    sections[EXAMINED.index(part)](view, texts)


# --- one model ----------------------------------------------------------------------------------


def show_one_model(view: View, texts: list[str] | None) -> None:
    roles, classes = list(view.table["role"]), view.run.labels
    called, by_name = names_with_roles(view.run), {name: name for name in classes}
    addresses.say_missing("model of this run", "model", roles)
    first, second, third, fourth = st.columns([2, 2, 2, 1], vertical_alignment="bottom")
    with first:
        options = {role: called[role] for role in roles}
        role = choose("Model", options, "model", roles[0]) or roles[0]
    with second:
        actual = choose("Actual class", by_name, "actual", placeholder="Any class")
    with third:
        predicted = choose("Predicted class", by_name, "predicted", placeholder="Any class")
    with fourth, st.popover("More", icon=":material/tune:"):
        outcome, confidence, least = ask_for_more(roles)
    given = view.probabilities[role]
    answer, sure = given.argmax(axis=1), 100 * given.max(axis=1)
    differ = disagreement.otherwise(view.probabilities, role)
    wanted = (sure >= confidence[0]) & (sure <= confidence[1]) & (differ >= least)
    if outcome != "All":
        wanted &= (answer == view.labels) == (outcome == "Correct")
    if actual is not None:
        wanted &= view.labels == classes.index(actual)
    if predicted is not None:
        wanted &= answer == classes.index(predicted)
    positions = np.flatnonzero(wanted)
    positions = positions[np.argsort(-sure[positions], kind="stable")]
    kind = {"Wrong": "wrong answers", "Correct": "correct answers", "All": "answers"}[outcome]
    st.text(
        f"{len(positions):,} {kind} of {len(view.labels):,} test rows, the most confident first."
    )
    if not len(positions):
        st.info("No row is left. Widen a filter.")
        return
    answers = answers_of(view, role, positions)
    if len(roles) > 1:
        answers.insert(3, "Others differ", differ[positions])
    list_rows(view, texts, positions, answers, f"{role}-rows")


def ask_for_more(roles: list[str]) -> tuple[str, tuple[int, int], int]:
    """Ask for the less common filters.

    Returns:
        The outcome ("Wrong", "Correct" or "All"), the range of the confidence in percent, and the
        least number of other models that differ.
    """
    outcome = st.radio(
        "Answers",
        ["Wrong", "Correct", "All"],
        horizontal=True,
        key="outcome",
        bind="query-params",
    )
    confidence = st.slider(
        "Confidence, %",
        0,
        100,
        (0, 100),
        key="confidence",
        bind="query-params",
        help="The probability that the model gives to the class it predicts.",
    )
    least = 0
    if len(roles) > 1:
        least = st.slider(
            "Models that differ, at least",
            0,
            len(roles) - 1,
            key="differ",
            bind="query-params",
            help=f"How many of the run's {len(roles) - 1} other models name another class than "
            "this one does.",
        )
    return outcome, confidence, least


# --- newly wrong, newly correct -----------------------------------------------------------------


def show_changes(view: View, texts: list[str] | None) -> None:
    roles, classes, short = list(view.table["role"]), view.run.labels, names(view.run)
    called = {role: names_with_roles(view.run)[role] for role in roles}
    to_deploy = list(view.candidates["role"]) or roles
    for key in ("base", "model"):
        addresses.say_missing("model of this run", key, roles)
    left, right = st.columns(2)
    with left:
        base = choose("Compare with", called, "base", roles[0]) or roles[0]
    with right:
        role = choose("Model", called, "model", to_deploy[-1]) or to_deploy[-1]
    if base == role:
        st.info("Choose two different models.")
        return
    before, after = (view.probabilities[r].argmax(axis=1) for r in (base, role))
    found = disagreement.broke_and_fixed(view.labels, before, after, view.comparisons)
    broke, fixed, total = len(found.broke), len(found.fixed), len(view.labels)
    said = say_changes(
        plain(short[base]), plain(short[role]), broke, fixed, total, found.difference
    )
    st.markdown(said, help=card.details(view, found.difference))
    with st.container(horizontal=True):
        for label, value, counted in (
            ("Newly wrong", broke, "Rows that it has wrong and the other model correct."),
            ("Newly correct", fixed, "Rows that it has correct and the other model wrong."),
            ("Both correct", found.both_right, "Rows that both have correct."),
            ("Both wrong", found.both_wrong, "Rows that both have wrong."),
        ):
            st.metric(label, f"{value:,}", help=counted, width="content")
    sides = ["Newly wrong", "Newly correct"]
    side = st.radio("List", sides, horizontal=True, key="side", bind="query-params")
    positions = found.broke if side == sides[0] else found.fixed
    if not len(positions):
        st.info(f"No row is {side.lower()}.")
        return
    sure = view.probabilities[role][positions].max(axis=1)
    positions = positions[np.argsort(-sure, kind="stable")]  # the most confident first
    columns = {"Actual": [classes[label] for label in view.labels[positions]]}
    for one, answer in ((base, before), (role, after)):
        columns[short[one]] = [classes[c] for c in answer[positions]]
        confidence = 100 * view.probabilities[one][positions].max(axis=1)
        columns[f"Confidence of {short[one]}"] = confidence
    name = f"{base}-to-{role}-{side.lower().replace(' ', '-')}"
    list_rows(view, texts, positions, pd.DataFrame(columns), name)


def say_changes(
    base: str, model: str, broke: int, fixed: int, total: int, difference: Difference
) -> str:
    """The counts of changed rows and the difference in accuracy, as markdown sentences.

    Args:
        base: name of the base model, as markdown.
        model: name of the model, as markdown.
        broke: number of newly wrong rows.
        fixed: number of newly correct rows.
        total: number of test rows.
        difference: accuracy of the model less that of the base model.
    """
    said = f"Against {base}, {model} has {broke:,} of {total:,} rows newly wrong and {fixed:,} "
    said += "newly correct"
    net = fixed - broke
    if net:
        said += f": a net {'gain' if net > 0 else 'loss'} of {abs(net):,}. "
    else:
        said += ": as many. "
    if broke + fixed == 0:
        return said + "The two are correct on the very same rows."
    said += f"{model} is {both_ends_in_words(difference.low, difference.high)} (95 %)"
    return said + ("." if difference.found else "; no difference found.")


# --- suspected label errors ---------------------------------------------------------------------


def show_suspects(view: View, texts: list[str] | None) -> None:
    roles, classes = list(view.table["role"]), view.run.labels
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
        f"the {view.data_set.nouns} before you blame a label."
    )
    if found.empty:
        st.info("No label is suspected. Ask for fewer models or less confidence.")
        return
    positions = found["position"].to_numpy()
    columns = pd.DataFrame(
        {
            "Actual": [classes[label] for label in found["label"]],
            "Models say": [classes[suggested] for suggested in found["suggested"]],
            "Models": found["votes"],
            "Mean confidence": 100 * found["confidence"],
        }
    )
    list_rows(view, texts, positions, columns, "suspected-labels")
    st.subheader("Estimate: accuracy without the suspected rows")
    st.write(
        "An estimate from above, not a result: the models choose the rows themselves, and every "
        "row that is left out is one that most of them have wrong."
    )
    without = disagreement.accuracy_without(view.labels, view.probabilities, positions)
    without = without.set_index("role").loc[roles].reset_index()
    short = names(view.run)
    format = share(total)
    change = 100 * (without["without"] - without["accuracy"])
    st.dataframe(
        without.assign(
            role=[short[role] for role in roles],
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
