"""The About page: what the figures rest on. Each section opens on a click."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import streamlit as st

from pipeline.data.declarations import DataSet
from pipeline.data_record import DataRecord
from pipeline.recipes.families import FAMILIES
from pipeline.results import conditions
from pipeline.results.records import ModelRecord
from views.charts.palette import MANY_CLASSES
from views.glossary import glossary
from views.parts.card import flatten, key_values, words
from views.parts.common import View, describe, number, plain
from views.parts.table import show_stale


def show(view: View) -> None:
    st.header("What do these figures rest on?", anchor=False)
    show_summary(view)
    sections: dict[str, tuple[str, Callable[[View], None]]] = {
        "recipe": ("The recipe of each model", show_recipe),
        "data": ("The data", show_data),
        "hardware": ("Where it was measured", show_hardware),
        "again": ("How to make it again", show_reproduction),
        "words": ("What the words mean", show_glossary),
    }
    if view.data_set.mistakes:
        sections["notebook"] = ("What the source notebook got wrong", show_mistakes)
    for key, (title, section) in sections.items():
        # A link to a glossary term opens the glossary.
        opened = key == "words" and "term" in st.query_params
        with st.expander(title, opened, key=f"show_{key}", bind="query-params"):
            section(view)


def show_summary(view: View) -> None:
    record, family = view.run.record, FAMILIES.get(view.run.record.family)
    nouns = plain(view.data_set.nouns)
    st.write(
        f"A large model, the *teacher*, learned from labelled {nouns} to tell "
        f"{in_words(view.run.labels)} apart. Smaller models learned to give its answers. Teacher "
        "and students were quantized: their numbers were stored in 8 or 4 bits. Every model then "
        f"answered the same test {nouns}. No model had seen them and nothing was chosen by them; "
        "all figures of this dashboard are counted from those answers."
    )
    stale = sum(state == "stale" for state in view.states.values())
    taught = sum(model.method == "distilled" for model in record.models)
    facts = [
        f"Run {record.run}",
        family.title if family else record.family,
        f"{len(record.models)} models, of which {taught} distilled",
        f"written {record.created}",
    ]
    facts += [f"{stale} stale (made by another recipe than today's)"] if stale else []
    st.text(" · ".join(facts))


def in_words(names: list[str], most: int = 10) -> str:
    """Class names for a sentence: all of them, or only their number if there are over ``most``."""
    if len(names) > most:
        return f"{len(names)} classes"
    return f"{', '.join(map(plain, names[:-1]))} and {plain(names[-1])}"


def show_recipe(view: View) -> None:
    models = view.run.record.models
    lines = []
    for model in models:
        title, description = describe(view.run, model.role)
        lines.append(f"- **{plain(model.role)}**, {plain(title)}: {plain(description)}")
    st.markdown("\n".join(lines))
    st.dataframe(
        pd.DataFrame([recipe(model) | {"state": view.states[model.role]} for model in models]),
        hide_index=True,
        height="content",
        placeholder="",
        column_config={
            "role": st.column_config.TextColumn("Model", pinned=True),
            "method": "Method",
            "parent": st.column_config.TextColumn(
                "Made from", help="Of a student, the model that teaches it."
            ),
            "checkpoint": st.column_config.TextColumn(
                "Starts from", help="The published weights that training starts from."
            ),
            "epochs": number("Epochs", "%d", help="Passes over the training rows."),
            "rate": number(
                "Learning rate", "%.1e", help="How far each step moves; chosen on validation."
            ),
            "temperature": st.column_config.TextColumn(
                "Temperature", help="Softens the teacher's probabilities for its student."
            ),
            "bits": st.column_config.TextColumn(
                "Numbers stored as", help=view.meaning("Quantization")
            ),
            "rows": number("Training rows", "%d", help="Random spans of rows are counted, too."),
            "state": st.column_config.TextColumn("State", help=view.meaning("Fingerprint")),
        },
    )
    st.write(
        "Everything else of a model, down to the seed, stands in its details on the Compare page."
    )
    family = FAMILIES.get(view.run.record.family)
    missing = [m.role for m in family.models if m.role not in view.run.by_role] if family else []
    if missing:
        st.text(f"Of its family, not made yet: {', '.join(missing)}. The command below makes them.")


def recipe(model: ModelRecord) -> dict:
    """A model's row in the table of recipes."""
    settings, training = model.settings, model.training
    rounded = settings.get("architecture") == "ngrams"  # trained with 4-bit weights
    whole = "4 bits, symmetric" if rounded else "32-bit fractions"
    return {
        "role": model.role,
        "method": model.method,
        "parent": model.parent or "",
        "checkpoint": model.checkpoint or "",
        "epochs": settings.get("epochs"),
        "rate": training and training.rate,
        "temperature": words(settings["temperature"])
        if model.method in ("distilled", "qat") and "temperature" in settings
        else "",
        "bits": settings.get("weights", whole),
        "rows": training and training.rows,
    }


def show_data(view: View) -> None:
    data = view.run.record.data
    key_values(
        {
            "Name": data.name,
            **declared(view.data_set),
            "Training rows": data.rows.get("train"),
            "Validation rows, by which everything is chosen": data.rows.get("validation"),
            "Test rows, read once, to report": f"{len(view.labels):,}: {of_classes(view)}",
            **near_duplicates(data),
            "Seed of the split": data.seed,
            "Fingerprint": in_fours(data.fingerprint),
        }
    )


def of_classes(view: View) -> str:
    """How many test rows each class has. For many classes: only the smallest and largest count."""
    counts = np.bincount(view.labels, minlength=len(view.run.labels))
    if len(counts) >= MANY_CLASSES:
        return f"{counts.min():,} to {counts.max():,} of each of {len(counts)} classes"
    return ", ".join(f"{n:,} {c}" for c, n in zip(view.run.labels, counts, strict=True))


def declared(known: DataSet) -> dict[str, str]:
    """The terms of use and the reference of a data set, as names and values for ``key_values``."""
    may = {True: "May be passed on. ", False: "May not be passed on. ", None: ""}
    lines = {"Its texts": f"{known.nouns.capitalize()}. {may[known.redistributable]}{known.terms}"}
    return lines | ({"Reference": known.reference} if known.reference else {})


def near_duplicates(data: DataRecord) -> dict[str, str]:
    """How many held-out rows repeat a training row, as names and values for ``key_values``.

    Empty if the run did not count them.
    """
    found, lines = data.near_duplicates or {}, {}
    for split in ("validation", "test"):
        count, total = found.get(split), data.rows.get(split)
        if count is not None and total:
            name = f"{split.capitalize()} rows that end in the same {found.get('words')} words"
            lines[f"{name} as a training row"] = f"{count:,} ({count / total:.1%})"
    return lines


def in_fours(digits: str) -> str:
    """Split a long number so that its line can wrap: "0123456789" becomes "0123 4567 89"."""
    return " ".join(digits[i : i + 4] for i in range(0, len(digits), 4))


def show_hardware(view: View) -> None:
    st.write(
        "Times and memory hold for this machine. Answers of int8 models can differ a little, too, "
        "between processors with other instructions."
    )
    models = view.run.record.models
    found = conditions.places(models)
    for place in found:
        st.text(place.title(len(models)))
        key_values(flatten(place.all()))
    if conditions.differ(found):
        st.write(
            "Not all were measured under the same conditions: compare times of different lists "
            "with care."
        )


def show_reproduction(view: View) -> None:
    st.write(
        "What is already made under the same settings is not made again. A killed run goes on "
        "where it stopped."
    )
    st.code(view.run.record.command, language=None, wrap_lines=True)
    st.write("To check what is stored against its checksums, data and models:")
    st.code(f"python -m pipeline verify {view.run.name}", language=None)
    show_stale(view)


def show_glossary(view: View) -> None:
    sought = st.text_input(
        "Search", key="term", bind="query-params", placeholder="any word", width=300
    )
    found = {
        term: text
        for term, text in glossary(view.data_set).items()
        if (sought or "").casefold() in f"{term} {text}".casefold()
    }
    for term, text in found.items():
        st.markdown(f"**{term}**: {text}")
    if not found:
        st.text("No word of that kind is explained here.")


def show_mistakes(view: View) -> None:
    st.write(
        "This project began as a notebook. Its figures are shown beside ours as it reported them; "
        "three things in them are mistaken, and this program measures and does them otherwise."
    )
    st.markdown("\n".join(f"- {mistake}" for mistake in view.data_set.mistakes))
    rows = [(role, 100 * r.accuracy, r.size_mb) for role, r in view.data_set.reported.items()]
    st.dataframe(
        pd.DataFrame(rows, columns=["role", "accuracy", "mb"]),
        hide_index=True,
        height="content",
        column_config={
            "role": "Model",
            "accuracy": number("Reported accuracy", "%.1f %%"),
            "mb": number("Reported MB", "%.4g"),
        },
    )
