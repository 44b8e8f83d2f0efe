"""Values that a widget and the address share, even if the address is late."""

from types import SimpleNamespace

import pytest

from views.parts import choice

OPTIONS = ["5", "10", "25", "none"]


@pytest.fixture
def page(monkeypatch):
    """A session, its address, and a clock."""
    found = SimpleNamespace(session_state={}, query_params={}, now=100.0)
    monkeypatch.setattr(choice, "st", found)
    monkeypatch.setattr(choice, "monotonic", lambda: found.now)
    return found


def draw(page, moved=None):
    """Run the script once and return the value. ``moved`` is what the user chose before."""
    if moved is not None:
        page.session_state["mb"] = moved
    choice.read("mb", OPTIONS, "none")
    choice.write("mb", page.session_state["mb"], "none")
    return page.session_state["mb"]


def test_an_address_that_is_late_does_not_undo_what_was_just_chosen(page):
    """Users may press keys faster than the browser gets its new address."""
    assert draw(page) == "none"
    assert draw(page, moved="25") == "25"
    page.query_params.clear()  # the next message was sent before the browser had the new address
    assert draw(page, moved="10") == "10"
    page.query_params["mb"] = "25"
    assert draw(page, moved="5") == "5"
    assert page.query_params["mb"] == "5"


def test_an_address_that_is_late_for_another_widget_changes_nothing(page):
    draw(page)
    draw(page, moved="25")
    page.query_params.clear()
    assert draw(page) == "25"


def test_back_in_the_browser_is_heard(page):
    draw(page)
    draw(page, moved="25")
    page.now += 10
    page.query_params.clear()
    assert draw(page) == "none"


def test_another_link_is_heard_at_once(page):
    draw(page, moved=None)
    draw(page, moved="25")
    page.query_params["mb"] = "5"
    assert draw(page) == "5"


def test_a_widget_that_was_not_drawn_takes_the_address(page):
    page.query_params["mb"] = "10"
    assert choice.value_of("mb", "none") == "10"
    assert draw(page) == "10"
    page.query_params["mb"] = "<b>"
    assert draw(page) == "none"
