"""The box of several choices keeps plain values in the address."""

import pytest
from streamlit.testing.v1 import AppTest


def page():
    import streamlit as st

    from views.parts.choices import choose_several

    names = {"a": "First", "b": "Second", "c": "Third", "d": "Fourth"}
    st.text(",".join(choose_several("Some", names, "some", ["a", "b"], most=3)))


def opened(**query):
    app = AppTest.from_function(page)
    app.query_params.update(query)
    app.run()
    assert not app.exception
    return app


@pytest.mark.parametrize(
    ("asked", "chosen"),
    [
        ([], "a,b"),
        (["c"], "c"),
        (["c", "x", "a", "c"], "c,a"),
        (["x", "<b>"], "a,b"),
        (["d", "c", "b", "a"], "d,c,b"),
    ],
)
def test_the_address_is_heeded_as_far_as_it_is_sensible(asked, chosen):
    assert opened(**({"some": asked} if asked else {})).text[0].value == chosen


def test_the_address_names_what_is_not_the_default():
    app = opened()
    assert "some" not in app.query_params
    app.multiselect(key="some").set_value(["c"]).run()
    assert app.query_params["some"] == "c"
    app.multiselect(key="some").set_value(["a", "b"]).run()
    assert "some" not in app.query_params


def test_nothing_can_be_chosen():
    app = opened(some=["c"])
    app.multiselect(key="some").set_value([]).run()
    assert app.text[0].value == ""
    app.run()
    assert app.text[0].value == ""
