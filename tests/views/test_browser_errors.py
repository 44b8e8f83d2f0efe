"""Errors, Confusion and Calibration in a real browser: clicks, links, and what links keep."""

import re

import pandas as pd
import pytest

from tests import walk
from tests.browsing import address, browser, click_point, expect, picture, resize, tabs, visit

__all__ = ["address", "browser", "picture", "tabs", "visit"]  # fixtures


def click_row(page, place):
    """Click a row (counted from 0) of the first table, which is a canvas."""
    table = page.get_by_test_id("stDataFrame").first
    expect(table.locator("canvas").first).to_be_visible()
    walk.settle(page)
    table.click(position={"x": 120, "y": 35 * (place + 1) + 17})


def test_a_click_opens_a_row_in_view_and_its_link_does(visit, address, picture):
    page = visit(walk.link(address, "errors", model="tiny-int8"))
    click_row(page, 2)
    expect(page).to_have_url(re.compile(r"row=\d+"))
    row = re.search(r"row=(\d+)", page.url)[1]
    said = page.get_by_text(f"Row {row}. Actual: ")
    expect(said).to_be_in_viewport()
    expect(page.get_by_role("img", name="Teacher: ").first).to_be_visible()
    picture(page, "errors-row", whole=True)
    receiver = visit(page.url)
    expect(receiver.get_by_text(f"Row {row}. Actual: ")).to_be_visible()
    picture(receiver, "errors-row-received")


def test_errors_are_filtered_and_their_link_shows_the_same(visit, address, picture):
    page = visit(walk.link(address, "errors", model="tiny-int8"))
    counted = page.get_by_text(re.compile(r"\d+ wrong answers of 2,000 test rows"))
    expect(counted).to_be_visible()
    wrong = counted.inner_text()
    page.get_by_role("combobox", name="Actual class").click()
    page.get_by_role("option", name="Business").click()
    expect(counted).not_to_have_text(wrong)
    narrowed = counted.inner_text()
    page.get_by_role("button", name="More").click()
    page.get_by_role("slider", name="Models that differ, at least").focus()
    page.keyboard.press("ArrowRight")
    expect(page).to_have_url(re.compile("differ=1"))
    expect(counted).not_to_have_text(narrowed)
    page.keyboard.press("Escape")
    picture(page, "errors-filtered", whole=True)
    receiver = visit(page.url)
    expect(receiver.get_by_text(counted.inner_text())).to_be_visible()
    with receiver.expect_download() as download:
        receiver.get_by_role("button", name="Download these rows as CSV").click()
    table = pd.read_csv(download.value.path())
    assert counted.inner_text().startswith(f"{len(table)} wrong")
    assert set(table["Actual"]) == {"Business"}
    assert (table["Others differ"] >= 1).all()


@pytest.mark.parametrize(
    ("part", "said"),
    [("Newly wrong, newly correct", "Against Teacher"), ("Suspected label errors", "The rule:")],
)
def test_every_part_of_errors_fits(visit, address, picture, part, said):
    page = visit(f"{address}/errors")
    page.get_by_text(part, exact=True).click()
    expect(page.get_by_test_id("stMain").get_by_text(said)).to_be_visible()
    name = part.split()[0].lower()
    picture(page, f"errors-{name}", whole=True)
    resize(page, "phone")
    picture(page, f"errors-{name}-phone", whole=True)
    assert page.evaluate(walk.OUTSIDE) == []


def test_a_click_on_a_cell_lists_its_headlines_and_its_link_does(visit, address, picture):
    page = visit(walk.link(address, "confusion", models=["teacher", "qat", "tiny-int4"]))
    chart = page.get_by_test_id("stPlotlyChart").nth(2)
    click_point(page, chart, 1)  # the second cell of the first row
    said = re.compile(r"Actual World, predicted Sports by Tiny, 4-bit: \d+ headlines\.")
    expect(page.get_by_text(said)).to_be_visible()
    expect(page).to_have_url(re.compile("actual=World.*predicted=Sports"))
    picture(page, "confusion-cell", whole=True)
    receiver = visit(page.url)
    expect(receiver.get_by_text(said)).to_be_visible()
    picture(receiver, "confusion-cell-received", whole=True)
    page.get_by_role("combobox", name="Compare with").click()
    page.get_by_role("option", name="Teacher", exact=True).click()
    expect(page.get_by_text("correct against Teacher").first).to_be_visible()
    expect(page.get_by_text("Largest changes: ").first).to_be_visible()
    picture(page, "confusion-difference", whole=True)


def test_model_class_and_run_travel_from_page_to_page(visit, address):
    page = visit(walk.link(address, "confusion", models=["teacher", "tiny-int8"], run="other"))
    click_point(page, page.get_by_test_id("stPlotlyChart").nth(1), 1)
    expect(page.get_by_text(re.compile("Actual World, predicted Sports by Tiny"))).to_be_visible()
    page.get_by_role("link", name="Errors").click()
    expect(page).to_have_url(re.compile("/errors"))
    for box, value in (
        ("Model", "Tiny, 8-bit dynamic · tiny-int8"),
        ("Actual class", "World"),
        ("Predicted class", "Sports"),
    ):
        expect(page.get_by_role("combobox", name=box, exact=True)).to_have_value(value)
    expect(page.get_by_text("wrong answers of 800 test rows")).to_be_visible()
    assert "run=other" in page.url
    page.get_by_role("combobox", name="Model", exact=True).click()
    page.get_by_role("option", name="MiniLM").click()
    expect(page).to_have_url(re.compile("model=minilm"))
    page.get_by_role("link", name="Calibration").click()
    expect(page.get_by_role("heading", name="MiniLM")).to_be_visible()


def test_the_temperature_is_switched_on_and_its_link_does(visit, address, picture):
    page = visit(walk.link(address, "calibration", models=["teacher", "minilm", "nano"]))
    expect(page.get_by_text("as it is")).to_have_count(3)
    page.get_by_test_id("stCheckbox").get_by_text("With the temperature").click()
    expect(page.get_by_text(re.compile(r"at T = \d"))).to_have_count(3)
    picture(page, "calibration-scaled", whole=True)
    receiver = visit(page.url)
    expect(receiver.get_by_text(re.compile(r"at T = \d"))).to_have_count(3)


def test_about_is_one_screen_whose_sections_open(visit, address, picture):
    page = visit(f"{address}/about")
    sections = page.get_by_test_id("stMain").get_by_test_id("stExpander")
    picture(page, "about-closed")
    expect(sections.last).to_be_in_viewport(ratio=1)
    page.get_by_text("What the words mean").click()
    expect(page.get_by_text("95 % interval", exact=True)).to_be_visible()
    expect(page).to_have_url(re.compile("show_words=true"))
    picture(page, "about-words", whole=True)
    receiver = visit(page.url)
    expect(receiver.get_by_text("95 % interval", exact=True)).to_be_visible()
