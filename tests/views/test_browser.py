"""The walk in a real browser: every page at every width in both themes."""

import re

import pytest

from tests import walk
from tests.browsing import WIDTHS, address, browser, expect, picture, resize, tabs, visit

__all__ = ["address", "browser", "picture", "tabs", "visit"]  # fixtures

PAGES = {
    "Compare": "compare",
    "Confusion": "confusion",
    "Errors": "errors",
    "Calibration": "calibration",
    "Try it": "try",
    "About": "about",
}


@pytest.mark.parametrize("color_scheme", ["light", "dark"])
def test_pages_are_reached_from_the_top_and_fit_every_width(visit, address, picture, color_scheme):
    page = visit(address, color_scheme=color_scheme)
    expect(page).to_have_url(f"{address}/compare")
    for title, path in PAGES.items():
        page.get_by_test_id("stToolbar").get_by_role("link", name=title).click()
        expect(page).to_have_url(re.compile(f"{address}/{path}"))
        expect(page.get_by_test_id("stMain").get_by_role("heading").first).to_be_visible()
        for size in WIDTHS:
            resize(page, size)
            picture(page, f"{path}-{size}-{color_scheme}", whole=size != "screen")
            assert page.evaluate(walk.OUTSIDE) == [], (path, size)
        expect(page.get_by_test_id("stException")).to_have_count(0)
        assert page.faults == [], path
        resize(page, "projector")


@pytest.mark.parametrize("path", PAGES.values())
def test_every_page_opens_on_a_phone(visit, address, path):
    page = visit(f"{address}/{path}", "phone")
    expect(page.get_by_test_id("stMain").get_by_role("heading").first).to_be_visible()
    walk.settle(page)
    assert page.evaluate(walk.OUTSIDE) == []
    expect(page.get_by_test_id("stException")).to_have_count(0)
