"""A dashboard in a real browser, for tests in a browser, the README's pictures and load tests."""

import contextlib
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
QUIET = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
TIMEOUT = 60_000
"""In milliseconds. It is long, because a machine may be busy."""
PROJECTOR = {"width": 1280, "height": 720}
# Streamlit asks for these below a page's own address first (streamlit#7074).
PROBES = re.compile(r"/\w+/_stcore/(health|host-config)$")

# JavaScript that lists texts that end outside their chart, and whether the page scrolls sideways.
OUTSIDE = """() => {
  const found = [];
  for (const chart of document.querySelectorAll(".js-plotly-plot")) {
    const box = chart.getBoundingClientRect();
    for (const text of chart.querySelectorAll(".main-svg text")) {
      const own = text.getBoundingClientRect();
      if (!own.width || getComputedStyle(text).opacity === "0") continue;
      if (own.left < box.left - 2 || own.right > box.right + 2 ||
          own.top < box.top - 2 || own.bottom > box.bottom + 2)
        found.push(`"${text.textContent}" ends outside its chart`);
    }
  }
  const main = document.querySelector("[data-testid=stMain]");
  if (main.scrollWidth > main.clientWidth) found.push("the page scrolls sideways");
  return found;
}"""


@contextlib.contextmanager
def serve(folder: Path, log: Path, app: Path = ROOT / "dashboard.py") -> Iterator[str]:
    """Serve a dashboard of a cache on a free port; yields its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "streamlit", "run", str(app), "--server.port", str(port)]
    with log.open("w+") as file:
        server = subprocess.Popen(
            [*command, "--", "--cache", str(folder)],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=file,
            stderr=file,
        )
        try:
            for _ in range(300):
                with contextlib.suppress(OSError):
                    urllib.request.urlopen(f"http://localhost:{port}/_stcore/health", timeout=1)
                    break
                if server.poll() is not None:
                    raise RuntimeError(log.read_text())
                time.sleep(0.1)
            yield f"http://localhost:{port}"
        finally:
            server.terminate()
            try:
                server.wait(30)
            except subprocess.TimeoutExpired:
                server.kill()


def start_browser(playwright):
    return playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)


def open_page(browser, viewport: dict = PROJECTOR):
    """A page in a new browser context, in the light theme.

    Its attribute ``faults`` lists the console's errors.
    """
    context = browser.new_context(viewport=viewport, color_scheme="light", reduced_motion="reduce")
    page = context.new_page()
    page.set_default_timeout(TIMEOUT)
    page.faults = []

    def note(message) -> None:
        if message.type == "error" and not PROBES.search(message.location.get("url", "")):
            page.faults.append(message.text)

    page.on("console", note)
    page.on("pageerror", lambda error: page.faults.append(str(error)))
    return page


def leave(page) -> None:
    """Empty a page and all that its site has stored, for another visit."""
    page.evaluate("() => { localStorage.clear(); sessionStorage.clear(); }")
    page.context.clear_cookies()
    page.goto("about:blank")
    page.mouse.move(0, 0)
    page.faults.clear()


def link(address: str, page: str, **query) -> str:
    return f"{address}/{page}?{urllib.parse.urlencode(query, doseq=True)}".rstrip("?")


def settle(page) -> None:
    """Wait until the script has run, and its charts and tables are drawn."""
    from playwright.sync_api import expect

    app = page.get_by_test_id("stApp")
    expect(app).to_have_attribute("data-test-script-state", "notRunning", timeout=TIMEOUT)
    expect(page.get_by_test_id("stSkeleton")).to_have_count(0, timeout=TIMEOUT)
    for kind, part in (("stPlotlyChart", ".main-svg"), ("stDataFrame", "canvas")):
        # Collapsed parts are drawn only when they are opened.
        for element in page.get_by_test_id(kind).filter(visible=True).all():
            expect(element.locator(part).first).to_be_attached(timeout=TIMEOUT)
    page.evaluate("() => document.fonts.ready.then(() => true)")
    page.evaluate("() => new Promise(done => requestAnimationFrame(() => setTimeout(done)))")


def picture(page, path: Path, whole: bool = False, settled: bool = True) -> Path:
    """Save a screenshot and return its path.

    Args:
        page: the page in the browser.
        path: the file to write.
        whole: show all of the page, however far it scrolls.
        settled: wait until the page is at rest. A page with a running job never is.
    """
    if settled:
        settle(page)
    size = page.viewport_size
    if whole:
        height = page.get_by_test_id("stMain").evaluate("e => e.scrollHeight")
        page.set_viewport_size({**size, "height": max(height, size["height"])})
        settle(page)
    page.screenshot(path=path, animations="disabled")
    if whole:
        page.set_viewport_size(size)
    return path
