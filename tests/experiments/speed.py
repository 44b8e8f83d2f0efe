"""How fast the dashboard is in a real browser: its start, every control, its memory.

python -m tests.experiments.speed [TURNS]      prints the README's tables

On a synthetic cache of 20 models, so that the figures do not depend on what was trained. What the
server takes is the time between the two messages on the websocket that ask for a run of the script
and tell of its end, first asked by a client that paints nothing, then by a browser, whose painting
takes turns with the server on the same cores; a repaint has ended when the page is at rest, its
charts and tables drawn.
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
"""What is started: the least that an app of Streamlit's can take, ours, and one to compare with."""


@dataclass(frozen=True)
class Control:
    """How a kind of widget is worked: there and back again, turn by turn."""

    place: str
    """Of what is clicked or typed into, below the widget."""
    keys: tuple[tuple[str, ...], tuple[str, ...]]
    """Pressed there; the last of them has an effect. Nothing to press: a click has it."""


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
    """The websocket of a page: when the script was asked to run, and when it had run."""

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
    """Of the dashboard that this process has started, in MB."""
    children = psutil.Process().children()  # the browser's driver is one as well
    server = next(child for child in children if "streamlit" in child.cmdline())
    return server.memory_info().rss / 1e6


def starts(cache: Path, turns: int) -> str:
    """The table of starts, the apps in turns."""
    taken = {name: [] for name in APPS}
    with browser() as chromium:
        for _ in range(turns + 1):
            for name, source in APPS.items():
                taken[name].append(first_page(chromium, cache, source))
    # The first turn read files from disk.
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
    """Milliseconds that the server took for one use of a control, and until all was repainted.

    None where the use changed nothing, as a key does at the end of a list.
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
    """The table of pages, run again for a client that paints nothing."""
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
            if name != "try":  # which loads a model
                memory = max(memory, server_memory())
            main = page.get_by_test_id("stMain")
            for kind, control in CONTROLS.items():
                for number in range(main.get_by_test_id(kind).count()):
                    widget = main.get_by_test_id(kind).nth(number)
                    if not widget.is_visible():  # what was worked before has taken it away
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
    """Seconds from opening Try it, on a model that is loaded, until it has answered."""
    times = []
    with browser() as chromium:
        page = walk.open_page(chromium)
        for _ in range(turns + 1):
            started = time.perf_counter()
            page.goto(f"{address}/try")
            page.get_by_text("All answered").wait_for()
            times.append(time.perf_counter() - started)
        page.context.close()
    # The first turn loaded the model, and what the browser keeps of Streamlit.
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
