"""The walk through the pages of results: Frontier, Confusion, Errors, Calibration, presenting."""

import re

import pytest

from tests import synthetic, walk
from tests.browsing import WIDTHS, address, browser, expect, picture, set_width, visit

__all__ = ["address", "browser", "picture", "visit"]  # fixtures


def click_point(page, chart, position):
    """Click a mark of a chart where it is drawn: what plotly listens to lies above it."""
    mark = chart.locator(".scatterlayer .points path").nth(position)
    expect(mark).to_be_visible()
    mark.scroll_into_view_if_needed()
    walk.settle(page)
    box = mark.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)


# --- frontier, confusion --------------------------------------------------------------------------


def test_a_click_on_a_point_opens_the_models_card_and_its_link_does(visit, address, picture):
    page = visit(f"{address}/compare")
    chart = page.get_by_test_id("stPlotlyChart").first
    click_point(page, chart, 0)
    expect(page).to_have_url(re.compile(r"model=[\w-]+"))
    role = re.search(r"model=([\w-]+)", page.url)[1]
    assert role in synthetic.FIGURES
    card = page.get_by_role("combobox", name="A model's card")
    expect(card).to_have_value(role)
    picture(page, "frontier-card", whole=True)
    receiver = visit(page.url)
    expect(receiver.get_by_role("combobox", name="A model's card")).to_have_value(role)
    picture(receiver, "frontier-card-received", whole=True)


def test_a_model_is_chosen_by_keyboard_alone(visit, address, picture):
    page = visit(f"{address}/compare")
    card = page.get_by_role("combobox", name="A model's card")
    card.focus()
    page.keyboard.type("minilm-b")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("model=minilm-baseline"))
    expect(page.get_by_text("What the teacher added: minilm")).to_be_visible()
    switch = page.get_by_role("switch", name="Baselines and ablations")
    switch.focus()
    page.keyboard.press("Space")
    expect(page).to_have_url(re.compile("controls=true"))
    expect(page.locator(".annotation-text", has_text="minilm-baseline")).to_be_visible()
    picture(page, "frontier-controls", whole=True)


@pytest.mark.parametrize("size", ["projector", "phone"])
def test_two_runs_stand_side_by_side(visit, address, picture, size):
    page = visit(walk.link(address, "compare", beside="other"), size)
    expect(page.get_by_role("heading", name="Role by role")).to_be_visible()
    expect(page.locator(".legendtext", has_text="other")).to_be_visible()
    picture(page, f"frontier-beside-{size}", whole=True)
    assert page.evaluate(walk.OUTSIDE) == []


def test_charts_follow_a_change_of_theme_when_the_script_next_runs(visit, address, picture):
    page = visit(f"{address}/compare")
    walk.settle(page)
    for theme in ("dark", "light"):
        page.emulate_media(color_scheme=theme)
        page.get_by_test_id("stCheckbox").get_by_text("Source notebook").click()
        page.wait_for_function(
            """light => [...document.querySelectorAll(".js-plotly-plot .main-svg text")]
                 .filter(text => text.textContent)
                 .map(text => getComputedStyle(text).fill.match(/[0-9]+/g).map(Number))
                 .every(([r, g, b]) => light ? r + g + b < 200 : r + g + b > 600)""",
            arg=theme == "light",
        )
        picture(page, f"frontier-turned-{theme}")


def test_a_budget_is_in_the_address_and_names_a_model(visit, address, picture):
    page = visit(walk.link(address, "compare", mb=20))
    expect(page.get_by_test_id("stMain").get_by_text("deploy minilm-int4")).to_be_visible()
    picture(page, "frontier-budget")


# --- presenting --------------------------------------------------------------


@pytest.mark.parametrize("color_scheme", ["light", "dark"])
def test_presenting_goes_by_arrow_keys(visit, address, picture, color_scheme):
    page = visit(walk.link(address, "compare", mb=100), color_scheme=color_scheme)
    page.get_by_role("link", name="Present this").click()
    steps = ["Trade-off", "Deploy", "Confusion", "Try it"]
    for place, step in enumerate(steps, start=1):
        expect(page.get_by_text(f"{place} of {len(steps)}: {step}")).to_be_visible()
        expect(page.get_by_test_id("stMain").get_by_role("heading").first).to_be_visible()
        if step == "Deploy":  # the budget came along
            expect(page.get_by_text("With at most 100 MB, deploy")).to_be_visible()
        if step == "Try it":
            expect(page.get_by_text("All answered")).to_be_visible()
        name = step.split()[0].lower()
        picture(page, f"present-{name}-{color_scheme}")
        set_width(page, "phone")
        picture(page, f"present-{name}-{color_scheme}-phone")
        assert page.evaluate(walk.OUTSIDE) == []
        set_width(page, "projector")
        page.wait_for_timeout(500)  # for the page to see how large its window is now
        walk.settle(page)
        page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowLeft")
    expect(page.get_by_text("3 of 4: Confusion")).to_be_visible()
    receiver = visit(page.url)
    expect(receiver.get_by_text("3 of 4: Confusion")).to_be_visible()
    page.get_by_role("link", name="Leave").click()
    expect(page.get_by_role("link", name="Confusion")).to_be_in_viewport()
    expect(page.get_by_test_id("stMain").get_by_text("With at most 100 MB, deploy")).to_be_visible()


def test_the_browsers_back_from_presenting_keeps_the_budget(visit, address):
    page = visit(walk.link(address, "compare", mb=100))
    said = page.get_by_test_id("stMain").get_by_text("With at most 100 MB, deploy")
    expect(said).to_be_visible()
    page.get_by_role("link", name="Present this").click()
    expect(page.get_by_text("1 of 4: Trade-off")).to_be_visible()
    walk.settle(page)
    page.go_back()
    expect(page).to_have_url(re.compile(r"/frontier\?.*mb=100"))
    expect(said).to_be_visible()


def test_a_limit_that_is_lifted_while_presenting_stays_lifted(visit, address):
    page = visit(walk.link(address, "compare", mb=100))
    expect(page.get_by_text("With at most 100 MB, deploy")).to_be_visible()
    page.get_by_role("link", name="Present this").click()
    page.get_by_text("What is presented").click()
    limit = page.get_by_role("spinbutton", name="At most, MB")
    expect(limit).to_have_value("100")
    limit.fill("")
    limit.press("Enter")
    expect(page).to_have_url(re.compile(r"/present(?!.*shown_mb)"))
    leave = page.get_by_role("link", name="Leave")
    # The address changes at once, the link when the page has run again.
    expect(leave).not_to_have_attribute("href", re.compile("mb=100"))
    leave.click()
    expect(page.get_by_text("With no limit set, deploy")).to_be_visible()


def test_presented_charts_fill_the_screen(visit, address, picture):
    page = visit(walk.link(address, "present", step="Trade-off"))
    chart = page.get_by_test_id("stPlotlyChart").locator(".main-svg").first
    for size, (_, height) in WIDTHS.items():
        set_width(page, size)
        if size != "phone":
            expect(chart).to_have_attribute("height", str(height - 250))
            picture(page, f"present-trade-off-{size}")
            assert page.evaluate(walk.OUTSIDE) == []


def test_on_a_phone_points_have_fewer_names(visit, address):
    page = visit(f"{address}/compare")
    names = page.get_by_test_id("stPlotlyChart").locator(".annotation-text")
    walk.settle(page)
    on_a_projector = names.count()
    set_width(page, "phone")
    page.wait_for_function(
        """most => {
          const names = document.querySelectorAll(".annotation-text").length;
          return 5 < names && names < most;
        }""",
        arg=on_a_projector,
    )
