"""What the tests in a real browser share: the dashboard's address, pages to visit, pictures.

Each step saves a screenshot in pytest's folder for the test, or in DIR with --screenshots DIR.
"""

import pytest

from tests import synthetic, walk

if not walk.CHROMIUM:
    pytest.skip("no chromium: apt-get install chromium", allow_module_level=True)
api = pytest.importorskip("playwright.sync_api")
expect = api.expect
expect.set_options(timeout=walk.TIMEOUT)

WIDTHS = {"projector": (1280, 720), "screen": (1920, 1080), "phone": (390, 844)}
# tiny-int8 knows no word of Business.
SLOW, QUICK = "minilm-int8", ["minilm", "tiny-int8"]


@pytest.fixture(scope="session")
def address(tmp_path_factory):
    """A dashboard on a synthetic cache of two runs; one of the models is slow."""
    folder = tmp_path_factory.mktemp("browser")
    synthetic.write_run(
        folder / "cache",
        roles=[*synthetic.FIGURES, *synthetic.BASELINES, *synthetic.REPEATS],
        at_hand=[*QUICK, SLOW],
        slow=[SLOW],
        rows=2000,
    )
    few = ["teacher", "distil", "minilm", "tiny", "tiny-int8"]
    synthetic.write_run(folder / "cache", "other", roles=few, at_hand=[], rows=800, family="bert")
    with walk.serve(folder / "cache", folder / "log") as address:
        yield address


@pytest.fixture(scope="module")
def browser():
    with api.sync_playwright() as playwright:
        started = walk.start_browser(playwright)
        yield started
        started.close()


@pytest.fixture
def new_page(browser):
    """Opens blank pages, each in its own context, for tests that change a page before they use it.

    At the end, no page may have logged an error.
    """
    pages = []

    def new_page(size="projector"):
        pages.append(walk.open_page(browser, viewport(size)))
        return pages[-1]

    yield new_page
    for page in pages:
        page.context.close()
    assert [fault for page in pages for fault in page.faults] == []


@pytest.fixture(scope="module")
def tabs():
    """The pages that tests have left.

    They show the dashboard in half the time of a new page, because its code is compiled already.
    """
    return []


@pytest.fixture
def visit(browser, tabs):
    """Opens addresses, each in a page of ``tabs`` or a new one.

    At the end, no page may have logged an error.
    """
    pages = []

    def visit(url, size="projector", color_scheme="light"):
        page = tabs.pop() if tabs else walk.open_page(browser)
        pages.append(page)
        page.set_viewport_size(viewport(size))
        page.emulate_media(color_scheme=color_scheme)
        page.goto(url)
        return page

    yield visit
    faults = [fault for page in pages for fault in page.faults]
    for page in pages:
        walk.leave(page)
    tabs += pages
    assert faults == []


@pytest.fixture
def picture(request, tmp_path):
    """Saves a screenshot under a name."""
    folder = request.config.getoption("--screenshots") or tmp_path
    folder.mkdir(parents=True, exist_ok=True)
    return lambda page, name, **how: walk.picture(page, folder / f"{name}.png", **how)


def viewport(size):
    """The width and height of one of ``WIDTHS``, as playwright takes them."""
    return dict(zip(("width", "height"), WIDTHS[size], strict=True))


def click_point(page, chart, position):
    """Click where a mark is drawn: the layer that receives plotly's clicks lies above it."""
    mark = chart.locator(".scatterlayer .points path").nth(position)
    expect(mark).to_be_visible()
    mark.scroll_into_view_if_needed()
    walk.settle(page)
    box = mark.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)


def resize(page, size):
    """Make a page's window as large as one of ``WIDTHS``, and wait until it is drawn so."""
    if page.viewport_size != viewport(size):
        page.set_viewport_size(viewport(size))
        # The page tells the script its size 0.2 s after the last change (``views.parts.window``).
        page.wait_for_timeout(700)
    walk.settle(page)


# JavaScript that records layout shifts and when the page's heading was painted.
SHIFTS = """
window.shifts = [];
window.painted = Infinity;
const look = () => {
  if (!document.querySelector("[data-testid=stMain] :is(h1, h2)")) requestAnimationFrame(look);
  else requestAnimationFrame(() => { window.painted = performance.now(); });
};
requestAnimationFrame(look);
const add = list => window.shifts.push(...list.getEntries().filter(e => !e.hadRecentInput)
  .map(e => ({ value: e.value, start: e.startTime,
    of: e.sources.map(s => s.node?.dataset?.testid ?? s.node?.nodeName).join() })));
new PerformanceObserver(add).observe({ type: "layout-shift", buffered: true });
"""


def moved(page) -> float:
    """The sum of layout shifts after the page's heading was painted (Cumulative Layout Shift).

    Earlier shifts are of Streamlit's empty page, which is narrow until it learns the page's width.
    """
    assert page.evaluate("() => window.painted") < 1e9
    shifts = page.evaluate("() => window.shifts.filter(shift => shift.start > window.painted)")
    return sum(shift["value"] for shift in shifts)
