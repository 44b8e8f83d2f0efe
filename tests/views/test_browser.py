"""The walk in a real browser: every page at every width in both themes."""

import re

import pytest

from tests import walk
from tests.browsing import address, browser, expect, picture, set_width, visit

__all__ = ["address", "browser", "picture", "visit"]  # fixtures

PAGES = ["compare", "confusion", "errors", "calibration", "try", "about"]


# --- every page ---------------------------------------------------------------------------------


@pytest.mark.parametrize("color_scheme", ["light", "dark"])
@pytest.mark.parametrize("name", PAGES)
def test_every_page_fits_every_width_in_both_themes(visit, address, picture, name, color_scheme):
    for size in ("projector", "phone"):
        page = visit(f"{address}/{name}", size, color_scheme)
        expect(page.get_by_test_id("stMain").get_by_role("heading").first).to_be_visible()
        widths = ["projector", "screen"] if size == "projector" else ["phone"]
        for width in widths:
            set_width(page, width)
            picture(page, f"{name}-{width}-{color_scheme}", whole=width != "screen")
            assert page.evaluate(walk.OUTSIDE) == [], width
        expect(page.get_by_test_id("stException")).to_have_count(0)
        assert page.faults == []


def test_pages_are_reached_from_the_top(visit, address):
    page = visit(address)
    expect(page).to_have_url(f"{address}/compare")
    for name, path in (("Confusion", "confusion"), ("Try it", "try"), ("About", "about")):
        page.get_by_role("link", name=name).click()
        expect(page).to_have_url(re.compile(f"{address}/{path}"))
        expect(page.get_by_test_id("stMain").get_by_role("heading").first).to_be_visible()
        walk.settle(page)
