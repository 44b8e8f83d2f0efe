"""The README's pictures of Compare, Try it and Present: light theme, projector size, ``cache/``.

python -m tests.pictures [FOLDER]      takes them again; by default into .github/
"""

import argparse
import contextlib
import sys
from pathlib import Path

from pipeline.errors import PipelineError
from pipeline.results import storage
from tests import walk

# One of the project's own headlines, because AG News's may not be redistributed.
HEADLINE = "Football club's owner puts majority stake up for sale"
PICTURES: dict[str, tuple[str, dict[str, object], str]] = {
    "compare.png": ("compare", {"mb": 25}, ".js-plotly-plot .main-svg"),
    "try-it.png": ("try", {"text": HEADLINE}, ".answers .bar"),
    "present.png": ("present", {}, ".js-plotly-plot .main-svg"),
}
"""By file: the page, its URL parameters, and a selector that matches once the page is drawn."""


def take(folder: Path) -> list[Path]:
    """Take every picture; return the files.

    Raises:
        PipelineError: there is no browser, or no run to show.
    """
    from playwright.sync_api import sync_playwright

    if not walk.CHROMIUM:
        raise PipelineError("there is no chromium: apt-get install chromium")
    if not any(not run.record.toy for run in storage.list_runs()[0]):
        raise PipelineError(f"{storage.CACHE} holds no run on real data: python -m pipeline run")
    folder.mkdir(parents=True, exist_ok=True)
    taken, log = [], folder / ".log"
    with (
        walk.serve(storage.CACHE, log) as address,
        sync_playwright() as playwright,
        contextlib.closing(walk.start_browser(playwright)) as browser,
    ):
        for name, (page_name, query, there) in PICTURES.items():
            page = walk.open_page(browser)
            page.goto(walk.link(address, page_name, **query))
            page.locator(there).first.wait_for()
            page.wait_for_timeout(1000)  # charts are drawn again in the window's size
            taken.append(walk.picture(page, folder / name))
            page.context.close()
    log.unlink()
    return taken


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.pictures", allow_abbrev=False)
    parser.add_argument("folder", type=Path, nargs="?", default=walk.ROOT / ".github")
    try:
        for path in take(parser.parse_args().folder):
            print(path)
    except PipelineError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
