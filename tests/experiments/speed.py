"""How fast the dashboard is in a real browser: its start, every control, its memory.

python -m tests.experiments.speed [TURNS]      prints the README's tables

The cache is synthetic and has 20 models, so that the figures do not depend on what was trained.

The server's time is the time between two messages on the websocket: one asks for a run of the
script, the other reports its end. The first client renders nothing. The second one is a browser,
which shares the cores with the server. A repaint has ended when the page is at rest and its charts
and tables are drawn.
"""

import asyncio
import contextlib
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

import psutil
from playwright.sync_api import Locator, Page, sync_playwright
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from tests import synthetic, walk
from tests.stress.session import Session

PAGES = ("compare", "confusion", "errors", "calibration", "try", "about")
OURS = (walk.ROOT / "dashboard.py").read_text("utf-8")
APPS = {
    "an empty chart and table": """
import pandas as pd
import plotly.graph_objects as go
import streamlit as st

st.header("Every figure")
st.plotly_chart(go.Figure())
st.dataframe(pd.DataFrame())
""",
    "this dashboard": OURS,
    "the same with `import torch, transformers`": "import torch, transformers\n" + OURS,
}
"""The apps that are started: a minimal Streamlit app, ours, and one to compare with."""


@dataclass(frozen=True)
class Control:
    """How to operate a kind of widget: one turn changes it, the next one changes it back."""

    place: str
    """Selector of the element in the widget that is clicked or typed into."""
    keys: tuple[tuple[str, ...], tuple[str, ...]]
    """Keys to press in either turn; the last one takes effect. No keys: the element is clicked."""


CONTROLS = {
    "stSelectbox": Control("input", (("ArrowDown", "Enter"), ("ArrowUp", "Enter"))),
    "stNumberInput": Control("input", (("ArrowUp", "Enter"), ("ArrowDown", "Enter"))),
    "stCheckbox": Control("label", ((), ())),
    "stSlider": Control("[role=slider], input[type=range]", (("ArrowRight",), ("ArrowLeft",))),
    "stRadio": Control("input", (("ArrowRight",), ("ArrowLeft",))),
    "stMultiSelect": Control("input", (("Backspace",), ("ArrowDown", "Enter"))),
}


@dataclass
class Wire:
    """Times on a page's websocket: when the script was asked to run, and when it had ended."""

    asked: list[float] = field(default_factory=list)
    done: list[float] = field(default_factory=list)

    def watch(self, page: Page) -> None:
        def sent(payload: str | bytes) -> None:
            if BackMsg.FromString(payload).WhichOneof("type") == "rerun_script":
                self.asked.append(time.perf_counter())

        def received(payload: str | bytes) -> None:
            if ForwardMsg.FromString(payload).WhichOneof("type") == "script_finished":
                self.done.append(time.perf_counter())

        def opened(socket) -> None:
            socket.on("framesent", sent)
            socket.on("framereceived", received)

        page.on("websocket", opened)


@contextlib.contextmanager
def browser() -> Iterator:
    with sync_playwright() as playwright:
        started = walk.start_browser(playwright)
        yield started
        started.close()


def first_page(browser, cache: Path, source: str) -> tuple[float, float]:
    """Seconds from ``streamlit run`` to a complete first page, and the server's memory in MB."""
    with tempfile.TemporaryDirectory() as folder:
        app = Path(folder, "app.py")
        app.write_text(source, "utf-8")
        started = time.perf_counter()
        with walk.serve(cache, Path(folder, "log"), app) as address:
            page = walk.open_page(browser)
            page.goto(address)
            page.get_by_role("heading", name="Every figure").wait_for()
            walk.settle(page)
            seconds = time.perf_counter() - started
            memory = server_memory()
            page.context.close()
    return seconds, memory


def server_memory() -> float:
    """Memory of the dashboard that this process has started, in MB."""
    children = psutil.Process().children()  # the browser's driver is one as well
    server = next(child for child in children if "streamlit" in child.cmdline())
    return server.memory_info().rss / 1e6


def starts(cache: Path, turns: int) -> str:
    """The table of start times. The apps are started in turns."""
    taken = {name: [] for name in APPS}
    with browser() as chromium:
        for _ in range(turns + 1):
            for name, source in APPS.items():
                taken[name].append(first_page(chromium, cache, source))
    # The first turn read files from disk, so it is left out.
    medians = {
        name: [median(own) for own in zip(*all[1:], strict=True)] for name, all in taken.items()
    }
    most, _ = list(medians.values())[-1]
    lines = ["| app | first page whole, s | share | memory, MB |", "|---|--:|--:|--:|"]
    for name, (seconds, memory) in medians.items():
        lines.append(f"| {name} | {seconds:.1f} | {100 * seconds / most:.0f} % | {memory:.0f} |")
    return "\n".join(lines)


def work(
    page: Page, wire: Wire, place: Locator, keys: tuple[str, ...]
) -> tuple[float, float] | None:
    """Use a control once. Return milliseconds of the server, and until all was repainted.

    Returns None if nothing changed, for example because a list had ended.
    """
    wire.asked.clear()
    wire.done.clear()
    if keys:
        place.focus()
        for key in keys[:-1]:
            place.press(key)
    started = time.perf_counter()
    place.press(keys[-1]) if keys else place.click()
    while not wire.asked:
        if time.perf_counter() > started + 2:
            return None
        page.wait_for_timeout(5)
    while not wire.done:
        page.wait_for_timeout(5)
    walk.settle(page)
    repainted = time.perf_counter()
    return (wire.done[-1] - wire.asked[0]) * 1e3, (repainted - started) * 1e3


async def alone(port: int, turns: int) -> str:
    """The table of pages, which are run for a client that renders nothing."""
    lines = ["| page | server alone, ms |", "|---|--:|"]
    async with Session(port) as session:
        for name in PAGES:
            times = []
            for _ in range(turns + 1):
                started = time.perf_counter()
                await session.rerun(name)
                times.append(time.perf_counter() - started)
            lines.append(f"| {name} | {median(times[1:]) * 1e3:.0f} |")  # the first fills caches
    return "\n".join(lines)


def controls(address: str, turns: int) -> str:
    """The table of controls, and the server's memory before a model is loaded."""
    lines = ["| page | control | server, ms | repainted, ms |", "|---|---|--:|--:|"]
    memory = 0.0
    with browser() as chromium:
        page = walk.open_page(chromium)
        wire = Wire()
        wire.watch(page)
        for name in PAGES:
            page.goto(f"{address}/{name}")
            walk.settle(page)
            if name != "try":  # that page loads a model
                memory = max(memory, server_memory())
            main = page.get_by_test_id("stMain")
            for kind, control in CONTROLS.items():
                for number in range(main.get_by_test_id(kind).count()):
                    widget = main.get_by_test_id(kind).nth(number)
                    if not widget.is_visible():  # an earlier control has removed it
                        break
                    label = widget.get_by_test_id("stWidgetLabel").first.inner_text()
                    times = []
                    for turn in range(2 * turns):
                        place = widget.locator(control.place).first
                        if not place.is_enabled():
                            break
                        times.append(work(page, wire, place, control.keys[turn % 2]))
                    if times := list(filter(None, times)):
                        on_server, repainted = (median(own) for own in zip(*times, strict=True))
                        lines.append(f"| {name} | {label} | {on_server:.0f} | {repainted:.0f} |")
        page.context.close()
    lines += ["", f"Memory of the server before a model is loaded: {memory:.0f} MB."]
    return "\n".join(lines)


def first_answer(address: str, turns: int) -> str:
    """A sentence with the seconds from opening Try it until a loaded model has answered."""
    times = []
    with browser() as chromium:
        page = walk.open_page(chromium)
        for _ in range(turns + 1):
            started = time.perf_counter()
            page.goto(f"{address}/try")
            page.get_by_text("All answered").wait_for()
            times.append(time.perf_counter() - started)
        page.context.close()
    # The first turn loaded the model and filled the browser's cache, so it is left out.
    return f"Try it has answered {median(times[1:]):.1f} s after it is opened."


def main(turns: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        cache = Path(folder, "cache")
        everything = [*synthetic.FIGURES, *synthetic.BASELINES]
        synthetic.write_run(cache, roles=everything, at_hand=["tiny-int8"], rows=7600)
        few = ["teacher", "distil", "minilm", "tiny"]
        synthetic.write_run(cache, "other", roles=few, at_hand=[], rows=7600, family="bert")
        print(starts(cache, turns), end="\n\n")
        with walk.serve(cache, Path(folder, "log")) as address:
            tables = controls(address, turns)
            print(asyncio.run(alone(int(address.rsplit(":", 1)[1]), turns)), tables, sep="\n\n")
            print(first_answer(address, turns), end="\n\n")


if __name__ == "__main__":
    main(int(sys.argv[1]) if sys.argv[1:] else 5)
