"""One pass over the three pages of a real server in a real browser."""

import contextlib
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from tests import synthetic

ROOT = Path(__file__).resolve().parent.parent
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
QUIET = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]

pytestmark = pytest.mark.skipif(not CHROMIUM, reason="no chromium: apt-get install chromium")


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    """A dashboard on a synthetic cache, on a free port."""
    folder = tmp_path_factory.mktemp("browser") / "cache"
    synthetic.write_run(folder, roles=list(synthetic.FIGURES), at_hand=["minilm-int8", "tiny-int8"])
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "streamlit", "run", "dashboard.py", "--server.port", str(port)]
    with (folder.parent / "log").open("w+") as log:
        server = subprocess.Popen(
            [*command, "--", "--cache", str(folder)], cwd=ROOT, stdout=log, stderr=log
        )
        try:
            for _ in range(150):
                with contextlib.suppress(OSError):
                    urllib.request.urlopen(f"http://localhost:{port}/_stcore/health", timeout=1)
                    break
                assert server.poll() is None, Path(log.name).read_text()
                time.sleep(0.2)
            yield f"http://localhost:{port}"
        finally:
            server.terminate()
            server.wait(10)


@pytest.fixture(scope="module")
def browser():
    api = pytest.importorskip("playwright.sync_api")
    with api.sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield started
        started.close()


@pytest.fixture
def page(browser):
    context = browser.new_context(viewport={"width": 1280, "height": 720})
    page = context.new_page()
    page.set_default_timeout(20_000)
    page.faults = []
    page.on("pageerror", lambda error: page.faults.append(str(error)))
    page.on("console", lambda m: page.faults.append(m.text) if m.type == "error" else None)
    yield page
    context.close()


def settle(page):
    """Wait until the script has run and the charts are drawn."""
    page.wait_for_selector("[data-testid=stApp][data-test-script-state=notRunning]")
    page.wait_for_timeout(500)


def test_a_visitor_walks_the_pages(page, address, tmp_path):
    page.goto(address)
    page.wait_for_selector(".js-plotly-plot")
    settle(page)
    assert page.url == f"{address}/frontier"
    names = page.locator(".js-plotly-plot .annotation-text").all_text_contents()
    assert set(synthetic.FIGURES) <= set(names)
    assert page.get_by_text("os.path.getsize of a folder").is_visible()
    page.screenshot(path=tmp_path / "frontier.png")
    with page.expect_download() as download:
        page.get_by_role("button", name="Download the table as CSV").click()
    assert download.value.path().read_text("utf-8").count("\n") == 1 + len(synthetic.FIGURES)

    page.get_by_role("link", name="Confusion").click()
    page.wait_for_selector(".heatmaplayer")
    settle(page)
    assert page.url == f"{address}/confusion"
    assert page.locator("h3").all_inner_texts() == ["teacher", "tiny-int4"]
    assert page.locator(".heatmaplayer").count() == 2
    page.screenshot(path=tmp_path / "confusion.png")

    page.get_by_role("link", name="Try it").click()
    box = page.get_by_label("Headlines, one a line")
    box.fill("bank merger\ncoach wins the cup")
    page.get_by_role("button", name="Classify").click()
    page.get_by_text("2 headlines; the models differ on 1").wait_for()
    settle(page)
    assert page.get_by_text("≠ 1 World, 1 Business", exact=True).last.is_visible()
    page.screenshot(path=tmp_path / "try.png")
    assert page.faults == []


def test_markup_in_a_headline_stays_text(page, address, tmp_path):
    page.goto(address)
    settle(page)
    page.get_by_role("link", name="Try it").click()
    text = (
        "<img src=x onerror=\"document.title='pwned'\"> **bold** [link](https://example.com) $x^2$"
    )
    page.get_by_label("Headlines, one a line").fill(text)
    page.get_by_role("button", name="Classify").click()
    page.locator("code", has_text="onerror").wait_for()
    settle(page)
    main = page.locator("[data-testid=stMain]")
    assert main.locator("code", has_text="onerror").inner_text().strip() == text
    assert main.locator("img, a[href*=example], .katex").count() == 0
    assert main.locator("strong", has_text="bold").count() == 0
    assert "pwned" not in page.title()
    page.screenshot(path=tmp_path / "markup.png")
    assert page.faults == []


def test_a_link_shows_what_its_sender_saw(page, address):
    page.goto(f"{address}/confusion?models=minilm&models=qat&models=tiny&cells=Shares")
    page.wait_for_selector(".heatmaplayer")
    settle(page)
    assert page.locator("h3").all_inner_texts() == ["minilm", "qat", "tiny"]
    assert "%" in page.locator(".heatmaplayer text").first.text_content()


def test_nothing_is_wider_than_a_phone(browser, address, tmp_path):
    context = browser.new_context(viewport={"width": 390, "height": 844}, color_scheme="dark")
    page = context.new_page()
    for name in ("frontier", "confusion", "try"):
        page.goto(f"{address}/{name}")
        page.wait_for_selector("h2")
        settle(page)
        main = page.locator("[data-testid=stMain]")
        assert main.evaluate("e => e.scrollWidth <= e.clientWidth"), f"{name} scrolls sideways"
        page.screenshot(path=tmp_path / f"{name}.png")
    context.close()
