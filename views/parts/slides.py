"""The five slides of a presentation; each shows one idea in large type."""

import math
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from pipeline.analysis import disagreement, metrics, takeaway
from pipeline.analysis.budget import join, round_sensibly, row_of
from pipeline.analysis.recommendation import Recommendation
from views.charts import confusion, frontier, labels
from views.charts.answers import stacked_bars
from views.charts.axes import Axis
from views.glossary import with_article
from views.job import Job
from views.parts import answer_bars, asking, examples, limits, names, tiles, tradeoff, window
from views.parts.common import PLAIN_CHART, View, chart_key, plain

FONT = 16
"""Size of text in charts, in pixels."""
LOW = 400
"""Least height of a chart in pixels."""
_AROUND = 140
"""Pixels above and below a slide's title and chart."""
_LETTERS = 58
"""How many letters of a title fit on one line."""
_ASKED = 6
"""Most models that answer the audience: the bars of more models do not fit on the screen."""


@dataclass(frozen=True)
class Chart:
    """What the trade-off chart on the slides shows."""

    x: Axis
    y: Axis
    price: float
    found: Recommendation


def title_height(title: str) -> int:
    """Pixels to reserve for a title: its letters grow with the screen once the style is applied."""
    line = 1.2 * (16 + 0.02 * 16 / 9 * max(window.shorter_side(), 720))
    return round(38 + line * math.ceil(len(title) / _LETTERS))


def show_title(title: str) -> None:
    """Show the slide's title, given as plain text."""
    box = st.container()
    if not window.is_narrow():
        box = box.container(height=title_height(title), border=False)
    box.title(plain(title), anchor=False)


def height(title: str, beside: int = 0) -> int:
    """Height in pixels of a chart that fills the screen below a title, less ``beside`` pixels."""
    left = max(window.shorter_side(), 720) - _AROUND - title_height(title) - beside
    return max(LOW - beside, left)


def font() -> int:
    """Pixels of text in charts: they grow with the screen; on a phone, as on other pages."""
    if window.is_narrow():
        return labels.FONT
    return round(FONT * min(max(1.0, window.shorter_side() / 720), 1.4))


def show_gain(view: View, chart: Chart, told: takeaway.Takeaway) -> None:
    """Show what compression gains, from the teacher to the recommended model."""
    alike = tiles.timed_alike(view.run, told.role, told.origin)
    title = takeaway.gain(told, alike)
    show_title(title)
    left, right = st.columns([3, 1], gap="medium")
    with left:
        show_chart(view, chart, "gain", height(title), few=True)
    digits = metrics.supported_decimals(*_interval(view, told.role))
    with right:
        for label, value, before in (
            ("Size", f"{round_sensibly(told.size_mb)} MB", f"{round_sensibly(told.origin_mb)} MB"),
            (
                "Time per text",
                f"{round_sensibly(told.ms)} ms",
                f"{round_sensibly(told.origin_ms)} ms",
            ),
            (
                "Accuracy",
                f"{100 * told.accuracy:.{digits}f} %",
                f"{100 * told.origin_accuracy:.{digits}f} %",
            ),
        ):
            tiles.show_tile(tiles.Tile(label, value, "" if told.is_origin else f"from {before}"))


def show_recommendation(view: View, chart: Chart, told: takeaway.Takeaway, key: str) -> None:
    """Show the recommended model and the size limit; ``key`` is the key of the limit's slider."""
    title = takeaway.headline(told)
    show_title(title)
    left, right = st.columns([3, 1], gap="medium")
    with left:
        with st.container(height=limits.HEIGHT, border=False):
            limits.ask_size(view.candidates["size_mb"], view.data_set, key)
        show_chart(view, chart, "recommendation", height(title, beside=limits.HEIGHT + 16))
    with right:
        model, size, _, accuracy = tiles.tiles(view, told)
        for tile in (model, size, accuracy):
            tiles.show_tile(replace(tile, help=None))


def show_chart(view: View, chart: Chart, key: str, pixels: int, few: bool = False) -> None:
    """Draw the trade-off chart.

    Args:
        view: the run.
        chart: what the chart shows.
        key: the chart's key.
        pixels: the chart's height.
        few: draw only the Pareto-optimal models, the teacher and the recommended model.
    """
    frame, found = tradeoff.frontier_frame([view], chart.x, chart.y, chart.price), chart.found
    if few:
        kept = frame["front"] | frame["role"].isin((takeaway.TEACHER, found.recommended))
        frame = frame[kept].reset_index(drop=True)
    if frame.empty:
        st.header("No model of this run has these figures.", anchor=False)
        return
    shown = tradeoff.Shown([view], chart.x, chart.y, chart.price, False, False)
    with st.container(height=pixels, border=False):
        st.plotly_chart(
            frontier.figure(
                *(frame, None, chart.x, chart.y, tradeoff.marks(shown, found, None)),
                frontier.Look(pixels, font(), window.is_narrow()),
            ),
            key=chart_key(key),
            config=PLAIN_CHART,
            alt=f"{chart.y.title} against {chart.x.title.lower()} of each model.",
        )


def show_errors(view: View, role: str) -> None:
    """Show a model's confusion matrix and its most frequent errors."""
    name = names.names(view.run)[role]
    predicted = view.probabilities[role].argmax(axis=1)
    cells = metrics.confusion(view.labels, predicted, view.run.labels)
    worst = disagreement.confusions(cells)
    title = where_it_errs(name, worst, view.data_set.nouns)
    show_title(title)
    left, right = st.columns([3, 2], gap="large")
    figure = confusion.figure(cells, True, nouns=view.data_set.nouns)
    figure.update_traces(textfont_size=font() + 4, selector={"type": "heatmap"})
    pixels = height(title)
    figure.update_layout(height=pixels)
    for update in (figure.update_xaxes, figure.update_yaxes):
        update(tickfont_size=font(), title_font_size=font(), automargin=True)
    with left, st.container(height=pixels, border=False):
        st.plotly_chart(
            figure,
            key=chart_key(f"errors-{role}"),
            config=PLAIN_CHART,
            alt=f"Confusion matrix of {name}: actual classes down, predicted ones across.",
        )
    with right:
        nouns = view.data_set.nouns
        wrong, rows = int((predicted != view.labels).sum()), len(view.labels)
        st.header(f"{wrong:,} of {rows:,} test {nouns} are wrong", anchor=False)
        for row in worst.head(3 if window.shorter_side() > 900 else 2).to_dict("records"):
            pair = plain(f"{row['true']} taken for {row['predicted']}")
            share = f"{100 * row['share']:.1f} % of {plain(row['true'])}"
            tiles.show_tile(tiles.Tile(pair, f"{row['count']:,}", share))


def where_it_errs(name: str, worst: pd.DataFrame, nouns: str = "texts") -> str:
    """A model's most frequent errors in a sentence; ``worst``: see ``disagreement.confusions``."""
    if worst.empty:
        return f"{name} makes no error on the test {nouns}"
    first = worst[worst["count"] == worst["count"].max()]
    pairs = [f"{row['true']} for {row['predicted']}" for row in first.to_dict("records")]
    if len(pairs) > 2:
        pairs = [pairs[0], f"{len(pairs) - 1} other pairs as often"]
    share = first["count"].iloc[0] / worst["count"].sum()
    each = " each" if len(first) > 1 else ""
    return f"{name} most often takes {join(pairs)}: {100 * share:.0f} % of errors{each}"


def show_answers(view: View) -> None:
    """Ask for a text, and show the answers of up to ``_ASKED`` installed models."""
    title = st.empty()
    with title:
        show_title("What will the models say?")
    found = examples.of_run(view)
    with st.container(height=limits.HEIGHT + 4, border=False):
        text = st.text_input(
            f"Type {with_article(view.data_set.noun)}, press Enter",
            next(iter(found.texts), ""),
            help=plain(found.source) or None,
            key="typed",
            bind="query-params",
            max_chars=300,
        ).strip()
    place = st.empty()
    roles = asked(view)
    if not roles or not text:
        with title:
            show_title("What will the models say?" if roles else "No model is installed here")
        return
    job = asking.job_of(view, [text], roles)
    can = [role for role in roles if not job.parts[role].problem]
    for _ in asking.work(view, job, can):
        _draw(place, view, roles, given(job, roles))
    answered = {role: p for role, p in given(job, roles).items() if p is not None}
    with title:
        show_title(answer_bars.verdict(view, roles, answered))
    _draw(place, view, roles, given(job, roles))
    asking.show_problems(job, roles)


def asked(view: View) -> list[str]:
    """The installed deployable models to ask, the largest first; from many, evenly spaced ones."""
    deployable = set(view.candidates["role"])
    here = [role for role in examples.installed(view) if role in deployable]
    if len(here) <= _ASKED:
        return here
    return [here[place] for place in np.linspace(0, len(here) - 1, _ASKED).round().astype(int)]


def given(job: Job, roles: list[str]) -> dict[str, np.ndarray | None]:
    """By role, the answer to the text, shape (k,); None: the model has yet to answer.

    Models with a problem are left out.
    """
    parts = {role: job.parts[role] for role in roles if not job.parts[role].problem}
    return {role: part.probabilities[0] if part.done else None for role, part in parts.items()}


def _draw(
    place: DeltaGenerator,
    view: View,
    roles: list[str],
    answers: dict[str, np.ndarray | None],
) -> None:
    size = 1.1
    if not window.is_narrow():  # as large as there is room for
        size = min(1.9, 9.5 / len(roles)) * max(1.0, window.shorter_side() / 720)
    place.html(stacked_bars(answer_bars.bars(view, roles, answers), view.run.labels, size))


def show_memory(view: View, told: takeaway.Takeaway, address: str) -> None:
    """Show what to remember, and the URL of the Compare page."""
    show_title("What to remember")
    alike = tiles.timed_alike(view.run, told.role, told.origin)
    predicted = view.probabilities[told.role].argmax(axis=1)
    worst = disagreement.confusions(metrics.confusion(view.labels, predicted, view.run.labels))
    name = names.names(view.run)[told.role]
    said = [
        takeaway.headline(told),
        takeaway.gain(told, alike),
        where_it_errs(name, worst, view.data_set.nouns),
    ]
    with st.container(key="memory"):
        for line in dict.fromkeys(said):
            st.header(plain(line), anchor=False, divider="gray")
        st.header("Look closer", anchor=False)
        st.code(address, language=None, wrap_lines=True)


def _interval(view: View, role: str) -> tuple[float, float]:
    row = row_of(view.table, role)
    return float(row["low"]), float(row["high"])
