"""The walk through Compare and Present in a real browser."""

import re

import pytest

from tests import synthetic, walk
from tests.browsing import (
    SHIFTS,
    WIDTHS,
    address,
    browser,
    click_point,
    expect,
    moved,
    new_page,
    picture,
    resize,
    tabs,
    visit,
)
from views.pages.present import SLIDES

__all__ = ["address", "browser", "new_page", "picture", "tabs", "visit"]  # fixtures


def box_of(locator):
    found = locator.bounding_box()
    assert found
    return found


def main_heading(page):
    return page.get_by_test_id("stMain").get_by_role("heading", level=1)


def test_heading_tiles_and_chart_are_above_the_fold(visit, address, picture):
    page = visit(f"{address}/compare")
    chart = page.get_by_test_id("stPlotlyChart")
    expect(chart.locator(".main-svg").first).to_be_visible()
    for color_scheme in ("light", "dark"):
        page.emulate_media(color_scheme=color_scheme)
        walk.settle(page)
        for part in (main_heading(page), page.get_by_text("Time per text"), chart):
            box = box_of(part)
            assert box["y"] >= 0
            assert box["y"] + box["height"] <= WIDTHS["projector"][1]
    picture(page, "compare-first-screen")


@pytest.mark.parametrize("size", ["projector", "phone"])
def test_nothing_moves_and_nothing_comes_from_elsewhere(new_page, address, size):
    page = new_page(size)
    page.add_init_script(SHIFTS)
    hosts = set()
    page.on("request", lambda request: hosts.add(request.url.split("/")[2]))
    page.goto(f"{address}/compare")
    expect(page.get_by_test_id("stPlotlyChart").locator(".main-svg").first).to_be_visible()
    walk.settle(page)
    page.wait_for_timeout(500)
    assert moved(page) < 0.05
    assert hosts == {address.removeprefix("http://")}


def test_heading_and_tiles_do_not_wait_for_the_chart(new_page, address):
    page = new_page()
    page.route(re.compile("PlotlyChart|DataFrame|embed"), lambda route: None)  # never answered
    page.goto(f"{address}/compare")
    expect(main_heading(page)).to_contain_text("MB")
    expect(page.get_by_text("Recommended model", exact=True)).to_be_visible()
    expect(page.get_by_text(re.compile("× smaller"))).to_be_visible()
    expect(page.locator(".main-svg")).to_have_count(0)


def test_a_limit_greys_the_chart_and_its_link_does(visit, address, picture):
    page = visit(f"{address}/compare")
    shade = page.locator(".js-plotly-plot .shapelayer path, .js-plotly-plot .layer-below path")
    expect(page.locator(".main-svg").first).to_be_visible()
    said = main_heading(page).inner_text()
    expect(page.get_by_text("Grey: beyond the limits.")).to_have_count(0)
    slider = page.get_by_role("slider", name="Max size")
    slider.focus()
    for _ in range(4):  # from no limit to 25 MB
        page.keyboard.press("ArrowLeft")
    expect(page).to_have_url(re.compile("mb=25"))
    expect(page.get_by_text("Grey: beyond the limits.")).to_be_visible()
    expect(main_heading(page)).not_to_have_text(said)
    assert shade.count() > 0
    picture(page, "compare-limit")
    receiver = visit(page.url)
    expect(main_heading(receiver)).to_have_text(main_heading(page).inner_text())
    expect(receiver.get_by_text("Grey: beyond the limits.")).to_be_visible()


def test_a_click_opens_details_in_view_and_the_link_does(visit, address, picture):
    page = visit(f"{address}/compare")
    click_point(page, page.get_by_test_id("stPlotlyChart").first, 2)
    expect(page).to_have_url(re.compile(r"model=[\w-]+"))
    role = re.search(r"model=([\w-]+)", page.url)[1]
    assert role in synthetic.FIGURES
    opened = page.get_by_role("combobox", name="Model", exact=True)
    expect(opened).to_have_value(re.compile(re.escape(role), re.IGNORECASE))
    expect(opened).to_be_in_viewport()
    picture(page, "compare-details")
    receiver = visit(page.url)
    expect(receiver.get_by_role("combobox", name="Model", exact=True)).to_have_value(
        opened.input_value()
    )


def test_a_model_is_opened_by_keyboard_alone(visit, address, picture):
    page = visit(f"{address}/compare")
    opened = page.get_by_role("combobox", name="Model", exact=True)
    opened.focus()
    page.keyboard.type("minilm-b")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("model=minilm-baseline"))
    switch = page.get_by_role("switch", name="Baselines and ablations")
    switch.focus()
    page.keyboard.press("Space")
    expect(page).to_have_url(re.compile("controls=true"))
    expect(page.locator(".annotation-text", has_text="labels only").first).to_be_visible()
    picture(page, "compare-controls", whole=True)


def test_stacked_points_can_each_be_clicked(visit, address):
    page = visit(walk.link(address, "compare", model="nano"))
    chart = page.get_by_test_id("stPlotlyChart").first
    walk.settle(page)
    marks = chart.locator(".scatterlayer .points path")
    seen = set()
    for position in range(marks.count()):
        box = marks.nth(position).bounding_box()
        if box and 8 < box["width"] < 20:
            seen.add((round(box["x"] / 8), round(box["y"] / 8)))
    assert len(seen) >= len(synthetic.FIGURES) - 1  # one is drawn as an arrow


def test_an_older_address_leads_to_compare_as_it_was(visit, address):
    page = visit(walk.link(address, "frontier", mb=20, model="nano"))
    expect(page).to_have_url(re.compile(r"/compare\?.*mb=20"))
    expect(page.get_by_role("combobox", name="Model", exact=True)).to_have_value("Nano")


def test_two_runs_are_compared_and_fit(visit, address, picture):
    page = visit(walk.link(address, "compare", beside="other"), "phone")
    expect(page.get_by_role("heading", name="Role by role")).to_be_visible()
    # On a phone the chart is drawn twice, and for a moment both are there.
    expect(page.locator(".legendtext", has_text="other").first).to_be_visible()
    picture(page, "compare-beside-phone", whole=True)
    assert page.evaluate(walk.OUTSIDE) == []


def test_charts_follow_a_change_of_theme_when_the_script_next_runs(visit, address):
    page = visit(f"{address}/compare")
    walk.settle(page)
    for theme in ("dark", "light"):
        page.emulate_media(color_scheme=theme)
        page.get_by_test_id("stCheckbox").get_by_text("Others' figures").click()
        page.wait_for_function(
            """light => [...document.querySelectorAll(".js-plotly-plot .main-svg text")]
                 .filter(text => text.textContent)
                 .map(text => getComputedStyle(text).fill.match(/[0-9]+/g).map(Number))
                 .every(([r, g, b]) => light ? r + g + b < 200 : r + g + b > 600)""",
            arg=theme == "light",
        )


def test_on_a_phone_points_have_fewer_names(visit, address):
    page = visit(f"{address}/compare")
    names = page.get_by_test_id("stPlotlyChart").locator(".annotation-text")
    walk.settle(page)
    on_a_projector = names.count()
    resize(page, "phone")
    page.wait_for_function(
        """most => {
          const names = document.querySelectorAll(".annotation-text").length;
          return 4 < names && names < most;
        }""",
        arg=on_a_projector,
    )


# --- presenting -----------------------------------------------------------------------------------


def number(page, place):
    return page.get_by_text(f"{place} / {len(SLIDES)}", exact=True)


def test_slides_are_turned_by_every_key(visit, address):
    page = visit(walk.link(address, "present", shown_mb=100))
    keys = [("ArrowRight", "ArrowLeft"), ("PageDown", "PageUp"), ("Space", "Shift+Space")]

    def press(key, reached):
        walk.settle(page)
        page.keyboard.press(key)
        expect(number(page, reached)).to_be_visible()

    for place in range(1, len(SLIDES)):
        for forth, back in keys:
            press(forth, place + 1)
            press(back, place)
        press(forth, place + 1)
    receiver = visit(page.url)
    expect(number(receiver, len(SLIDES))).to_be_visible()


def test_escape_leaves_and_brings_the_limit_back(visit, address):
    page = visit(walk.link(address, "compare", mb=100))
    said = main_heading(page)
    expect(said).to_contain_text("MB")
    kept = said.inner_text()
    page.get_by_test_id("stMain").get_by_role("link", name="Present").click()
    expect(number(page, 1)).to_be_visible()
    walk.settle(page)
    page.keyboard.press("Escape")
    expect(page).to_have_url(re.compile(r"/compare\?.*mb=100"))
    expect(main_heading(page)).to_have_text(kept)


def test_the_browsers_back_from_presenting_keeps_the_limit(visit, address):
    page = visit(walk.link(address, "compare", mb=100))
    expect(main_heading(page)).to_contain_text("MB")
    kept = main_heading(page).inner_text()
    page.get_by_test_id("stMain").get_by_role("link", name="Present").click()
    expect(number(page, 1)).to_be_visible()
    walk.settle(page)
    page.go_back()
    expect(page).to_have_url(re.compile(r"/compare\?.*mb=100"))
    expect(main_heading(page)).to_have_text(kept)


def test_who_types_a_headline_keeps_the_keys(visit, address, picture):
    page = visit(walk.link(address, "present", step="Try it"))
    line = page.get_by_label("Type a headline, press Enter")
    line.fill("coach wins")
    page.keyboard.press("Space")
    page.keyboard.type("the cup")
    page.keyboard.press("ArrowLeft")
    expect(number(page, 4)).to_be_visible()
    expect(line).to_have_value("coach wins the cup")
    page.keyboard.press("Enter")
    expect(main_heading(page)).to_contain_text("Sports")
    expect(page.locator(".answers .bar").first).to_be_visible()
    picture(page, "present-typed")
    page.keyboard.press("Escape")  # leaves the text input, not the slides
    expect(number(page, 4)).to_be_visible()
    page.keyboard.press("PageDown")
    expect(number(page, 5)).to_be_visible()


@pytest.mark.parametrize("color_scheme", ["light", "dark"])
def test_slides_fit_a_projector_and_fill_a_screen(visit, address, picture, color_scheme):
    page = visit(walk.link(address, "present", shown_mb=25), color_scheme=color_scheme)
    for place, slide in enumerate(SLIDES, start=1):
        expect(number(page, place)).to_be_visible()
        expect(main_heading(page)).to_be_visible()
        for size in WIDTHS:
            resize(page, size)
            name = slide.lower().replace(" ", "-")
            picture(page, f"present-{name}-{size}-{color_scheme}")
            assert page.evaluate(walk.OUTSIDE) == [], (slide, size)
            if size != "phone":
                main = page.get_by_test_id("stMain")
                hidden = main.evaluate("e => e.scrollHeight - e.clientHeight")
                assert hidden <= 1, (slide, size)
        resize(page, "projector")
        page.keyboard.press("PageDown")


def test_a_limit_that_is_lifted_while_presenting_stays_lifted(visit, address):
    page = visit(walk.link(address, "compare", mb=100))
    expect(main_heading(page)).to_contain_text("MB")
    page.get_by_test_id("stMain").get_by_role("link", name="Present").click()
    expect(number(page, 1)).to_be_visible()
    walk.settle(page)
    page.keyboard.press("PageDown")
    slider = page.get_by_role("slider", name="Max size")
    slider.focus()
    page.keyboard.press("End")
    expect(page).to_have_url(re.compile(r"/present(?!.*shown_mb)"))
    walk.settle(page)
    page.get_by_role("button", name="Exit").click()
    expect(page).to_have_url(re.compile(r"/compare(?!.*mb=)"))
    expect(main_heading(page)).to_contain_text("MB")
