"""The dashboard: how small can a news classifier get, and what does each step down cost?

    streamlit run dashboard.py [-- --cache DIR]

Pages and widgets only: figures come from pipeline.analysis, charts from pipeline.charts, answers
from pipeline.inference. What people or files bring is shown as data or as plain text, never as
markdown. Neither torch nor transformers nor datasets is imported here.
"""

import argparse
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import streamlit as st

from pipeline import analysis, answers, charts
from pipeline.cache import CACHE, PROBABILITIES, CacheError, Run, list_runs, sha256
from pipeline.errors import PipelineError
from pipeline.families import REPORTED, SOURCE_MISTAKES
from pipeline.inference import Classifier

SIGNIFICANT = 0.05
EXAMPLES = Path(__file__).parent / "pipeline" / "headlines.csv"
PLAIN_CHART = {"displayModeBar": False}

# --- what the pages show ------------------------------------------------------------------------

Stamp = tuple[tuple[str, int, int], ...]


@dataclass(frozen=True)
class View:
    """What the pages show of one run."""

    run: Run
    labels: np.ndarray
    """True classes of the test rows, shape (n,)."""
    probabilities: dict[str, np.ndarray]
    """By role, shape (n, 4)."""
    table: pd.DataFrame
    """One row a model, the largest first: what is stored of it and what its predictions say."""
    train_rows: int


def stamp(folder: Path, *patterns: str) -> Stamp:
    """Name, time and size of the files that match: another stamp means that they have changed."""
    found = []
    for path in sorted(path for pattern in patterns for path in folder.glob(pattern)):
        try:
            status = path.stat()
        except OSError:  # replaced at this very moment
            continue
        found.append((str(path.relative_to(folder)), status.st_mtime_ns, status.st_size))
    return tuple(found)


@st.cache_resource(max_entries=2, show_spinner="Reading the cache …")
def read_cache(cache: Path, stamps: Stamp) -> tuple[list[View], list[str]]:
    """Every whole run, those on AG News with the most training rows first, and what is not whole.

    All is read at once, so that a run that is replaced under an open page does not break the page.
    ``stamps`` only tells one state of the folder from another.
    """
    runs, problems = list_runs(cache)
    views = []
    for run in runs:
        try:
            views.append(read_view(run))
        except Exception as error:  # one odd run must not take the whole ones with it
            problems.append(f"{run.folder} is left out: {error}")
    return sorted(views, key=lambda view: (view.run.record.toy, -view.train_rows)), problems


def read_view(run: Run) -> View:
    predictions = {role: run.predictions(role) for role in run.by_role}
    if not predictions or any(frame.empty for frame in predictions.values()):
        raise CacheError("it has no predictions on test rows")
    labels = next(iter(predictions.values()))["label"].to_numpy()
    probabilities = {role: frame[PROBABILITIES].to_numpy() for role, frame in predictions.items()}
    reported = {} if run.record.toy else REPORTED
    table = analysis.models_table(run.table(), labels, probabilities, reported)
    return View(run, labels, probabilities, table, int(run.record.data["rows"]["train"]))


@st.cache_resource(max_entries=12, show_spinner="Loading a model …")
def load_classifier(folder: Path, artifact: dict[str, str], stamps: Stamp) -> Classifier:
    """The model in a folder; loaded anew when its files or its record have changed."""
    for name, digest in artifact.items():
        if sha256(folder / name) != digest:
            raise PipelineError(
                f"{folder / name} is not the file that its run recorded; "
                "make it anew with python -m pipeline run"
            )
    classifier = Classifier(folder)
    # The first run of a graph is slow, and would be taken for the time of the first headline.
    classifier.predict_proba([""])
    return classifier


@st.cache_data(max_entries=64, show_spinner=False)
def ask(
    texts: list[str], folder: Path, artifact: dict[str, str], stamps: Stamp
) -> tuple[np.ndarray, float]:
    """One model's probabilities (n, 4), and the milliseconds it took without loading."""
    classifier = load_classifier(folder, artifact, stamps)
    start = time.perf_counter()
    probabilities = classifier.predict_proba(texts)
    return probabilities, 1000 * (time.perf_counter() - start)


# --- pages --------------------------------------------------------------------------------------


def frontier_page(view: View) -> None:
    st.header("What does each step down in size cost?")
    toy, overlay = view.run.record.toy, False
    if not toy:
        overlay = st.toggle(
            "Show what the source notebook reported", True, key="reported", bind="query-params"
        )
    reported = charts.reported_frame(REPORTED if overlay else {})
    st.plotly_chart(
        charts.frontier(view.table, reported, ink()),
        key="frontier",
        config=PLAIN_CHART,
        alt="Accuracy on test against size of each model; the table below holds the same figures.",
    )
    st.write(
        f"Bars are 95 % intervals (Wilson) over {len(view.labels):,} test headlines. The dotted "
        "line is the Pareto front: no other model is both as small and as accurate as one on it. "
        + ties(view.table)
    )
    if not toy:
        lines = "\n".join(f"- {mistake}" for mistake in SOURCE_MISTAKES)
        st.info(f"**The source notebook's figures carry three mistakes:**\n{lines}")
    columns = {
        "role": st.column_config.TextColumn("Model", pinned=True),
        "accuracy": number("Accuracy", "%.1f %%"),
        "interval": "95 % interval",
        "size_mb": number("Size, MB"),
        "front": "On the front",
        "p50_ms": number("p50, ms", help="Median time of one headline"),
        "headlines_per_second": number("Headlines/s", "%.0f", help="In batches of 32"),
        "peak_memory_mb": number("Peak memory, MB", "%.0f"),
        "agreement": number("Agrees with teacher", "%.1f %%"),
        "p_teacher": number(
            "Differs from teacher: p",
            "%.3f",
            help="McNemar's exact paired test. Below 0.05, the difference in accuracy is unlikely "
            "to be chance; not corrected for the number of models.",
        ),
        "title": "What it is",
        "reported_accuracy": number("Reported accuracy", "%.1f %%"),
        "reported_size_mb": number("Reported MB", "%.4g"),
        "reported_note": "What is wrong with the report",
    }
    if toy:
        columns = {name: c for name, c in columns.items() if not name.startswith("reported")}
    shown = view.table.assign(
        interval=[f"{row.low:.1%} – {row.high:.1%}" for row in view.table.itertuples()],
        front=view.table["front"].map({True: "yes", False: ""}),
        **{c: 100 * view.table[c] for c in ("accuracy", "agreement", "reported_accuracy")},
    )
    shown = shown.reindex(columns=list(columns))
    st.dataframe(shown, hide_index=True, column_config=columns, height="content")
    download("Download the table as CSV", view.table, f"{view.run.name}.csv")


def ties(table: pd.DataFrame) -> str:
    """Which models can't be told from the teacher, in a sentence."""
    tested = table[table["p_teacher"].notna()]
    if tested.empty:
        return ""
    tied = ", ".join(f"`{role}`" for role in tested["role"][tested["p_teacher"] >= SIGNIFICANT])
    return (
        "Neighbours whose bars overlap are often ties. Not told apart from the teacher by a paired "
        f"test (McNemar, p ≥ {SIGNIFICANT}): {tied or 'none'}."
    )


def confusion_page(view: View) -> None:
    st.header("Which classes are mistaken for which?")
    roles, names = list(view.table["role"]), view.run.labels
    chosen = st.multiselect(
        "One to three models",
        roles,
        default=list(dict.fromkeys([roles[0], roles[-1]])),
        max_selections=3,
        key="models",
        bind="query-params",
    )
    cells = st.segmented_control(
        "Cells show",
        ["Counts", "Shares"],
        default="Counts",
        required=True,
        key="cells",
        bind="query-params",
    )
    if not chosen:
        st.info("Choose at least one model.")
        return
    for role, column in zip(chosen, st.columns(len(chosen)), strict=True):
        probabilities = view.probabilities[role]
        metrics = analysis.classification_metrics(view.labels, probabilities)
        matrix = analysis.confusion(view.labels, probabilities.argmax(axis=1), names)
        by_class = {k: 100 * np.array(metrics[k]) for k in ("precision", "recall", "f1")}
        with column:
            st.subheader(role)
            st.text(f"{metrics['accuracy']:.1%} of {len(view.labels):,} right")
            st.plotly_chart(
                charts.confusion(matrix, cells == "Shares", ink()),
                key=f"confusion-{role}",
                width=440,
                config=PLAIN_CHART,
                alt=f"Confusion matrix of {role}: true classes down, predicted ones across.",
            )
            st.dataframe(
                pd.DataFrame({"class": names, **by_class}),
                hide_index=True,
                width=440,
                column_config={
                    "class": "Class",
                    "precision": number("Precision", "%.1f %%"),
                    "recall": number("Recall", "%.1f %%"),
                    "f1": number("F1", "%.1f %%"),
                },
            )
    st.caption(
        "Shade: share of the true class. Precision: of the headlines called so, the share that "
        "are. Recall: of the headlines that are so, the share called so. F1: their harmonic mean."
    )


def try_page(view: View) -> None:
    st.header("Who is right?")
    run = view.run
    at_hand = [role for role in view.table["role"] if run.artifact(role)]
    if at_hand:
        pasted = ask_for_headlines()
        roles = st.multiselect(
            "Models to ask", at_hand, default=at_hand, key="ask", bind="query-params"
        )
        texts, remarks = answers.split_headlines(pasted)
        for remark in remarks:
            st.caption(remark)
        if texts and roles:
            show_answers(run, texts, roles)
        else:
            st.info("Paste a headline and choose a model.")
    else:
        st.info("No model of this run has its files here. The commands below make them.")
    missing = [model for model in run.record.models if model.role not in at_hand]
    if missing:
        st.subheader("Models that are not here")
        st.write("Too large to be shipped, or not made yet. To make one:")
        lines = [answers.make_command(run.record, model.role) for model in missing]
        st.code("\n".join(lines), language="bash", wrap_lines=True)


def ask_for_headlines() -> str:
    """The text area, and the buttons that fill it."""
    examples = pd.read_csv(EXAMPLES)["text"]

    def draw(count: int, seed: int | None = None) -> None:
        st.session_state["headlines"] = "\n".join(examples.sample(count, random_state=seed))

    if "headlines" not in st.session_state:
        draw(4, seed=1)
    pasted = st.text_area(
        "Headlines, one a line", key="headlines", height=140, persist_state="session"
    )
    with st.container(horizontal=True):
        st.button("Classify", type="primary")
        st.button("One example", on_click=draw, args=(1,))
        st.button("Ten examples", on_click=draw, args=(10,))
    return pasted


def show_answers(run: Run, texts: list[str], roles: list[str]) -> None:
    """Every model's answers side by side; the models are asked one after the other."""
    given, took = {}, {}
    for role in roles:
        folder = run.folder / "artifacts" / role
        with st.spinner(f"Asking {role} …"):
            try:
                artifact = run.by_role[role].artifact
                given[role], took[role] = ask(texts, folder, artifact, stamp(folder, "*"))
            except (PipelineError, OSError) as error:
                st.warning(f"{role} can't be asked:")
                st.code(str(error), language=None, wrap_lines=True)
    if not given:
        return
    table = answers.side_by_side(texts, given, run.labels)
    selected = 0
    if len(texts) > 1:
        differ = table["Agreement"].str.startswith("≠").sum()
        st.subheader(f"{len(texts):,} headlines; the models differ on {differ:,}")
        event = st.dataframe(
            table,
            hide_index=True,
            on_select="rerun",
            selection_mode="single-row-required",
            key=f"answers-{hash(tuple(texts))}",
            column_config={"Headline": st.column_config.TextColumn(width=320)},
        )
        selected = (event.selection.rows or [0])[0]
        download("Download the answers as CSV", table, "answers.csv")
    st.subheader("The headline chosen above" if len(texts) > 1 else "Every model's answer")
    st.code(texts[selected][:500], language=None, wrap_lines=True)
    st.text(table["Agreement"][selected])
    one = answers.of_one(selected, given, run.labels)
    one["ms"] = list(took.values())
    percent = st.column_config.ProgressColumn(format="%.0f %%", min_value=0, max_value=100)
    columns = {name: number(name, "%.1f %%") for name in run.labels}
    columns |= {"Confidence": percent, "ms": number(f"ms for {len(texts):,}")}
    st.dataframe(one, hide_index=True, column_config=columns)


# --- small helpers ------------------------------------------------------------------------------


def number(label: str, format: str = "%.1f", **options):
    return st.column_config.NumberColumn(label, format=format, **options)


def download(label: str, table: pd.DataFrame, name: str) -> None:
    data = answers.to_csv(table)
    st.download_button(label, data, name, "text/csv", on_click="ignore", icon=":material/download:")


def ink() -> str:
    """Colour of text in charts."""
    return charts.INK[st.context.theme.type or "light"]


# --- the app ------------------------------------------------------------------------------------


def read_arguments() -> argparse.Namespace:
    """What stands after -- on Streamlit's command line."""
    parser = argparse.ArgumentParser(prog="streamlit run dashboard.py --", allow_abbrev=False)
    parser.add_argument("--cache", type=Path, default=CACHE, help="folder of the runs")
    try:
        return parser.parse_args()
    except SystemExit:
        st.error("An option after `--` can't be read; the only one is `--cache DIR`.")
        st.stop()


def empty_page(cache: Path) -> None:
    st.header("There is no run to show yet")
    st.text(f"Looked in {cache}")
    st.write("Two minutes make a toy run, with nothing at hand:")
    st.code("python -m pipeline run --family toy", language="bash")
    st.write("A real one needs the data set and the checkpoints from the Hugging Face Hub:")
    st.code("python -m pipeline run --family bert", language="bash")
    st.button("Look again")


def choose_view(views: list[View]) -> View:
    by_name = {f"{v.run.name} (toy)" if v.run.record.toy else v.run.name: v for v in views}
    with st.sidebar:
        view = by_name[st.selectbox("Run", list(by_name), key="run", bind="query-params")]
        st.text(f"Trained on {view.train_rows:,} rows\nTested on {len(view.labels):,} rows")
    if view.run.record.toy:
        st.warning(
            "Toy run: small random models on a few hundred invented headlines. Its figures say "
            "nothing about AG News."
        )
    return view


st.set_page_config(page_title="Small news classifiers", layout="wide")
cache = read_arguments().cache.expanduser().absolute()
views, problems = read_cache(cache, stamp(cache, "*/run.json", "*/predictions/*"))
if problems:
    st.warning("Not every run in the cache is whole:")
    st.code("\n".join(problems), language=None, wrap_lines=True)
pages = [
    st.Page(lambda: frontier_page(view), title="Frontier", url_path="frontier"),
    st.Page(lambda: confusion_page(view), title="Confusion", url_path="confusion"),
    st.Page(lambda: try_page(view), title="Try it", url_path="try"),
]
# A default page has no address of its own, so the default is but a way to the first one.
home = st.Page(lambda: None, title="Home", default=True, visibility="hidden")
page = st.navigation([home, *pages])
if page == home:
    st.switch_page(pages[0], query_params=st.query_params.to_dict())
if views:
    view = choose_view(views)
    page.run()
else:
    empty_page(cache)
