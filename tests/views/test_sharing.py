"""What the dashboard says about who can reach it."""

import pytest

from views import sharing


@pytest.mark.parametrize(
    ("address", "allowed", "said"),
    [
        ("localhost", ["localhost"], "Only this machine reaches"),
        ("127.0.0.1", [], "Only this machine reaches"),
        ("0.0.0.0", ["localhost", "127.0.0.1"], "Others are refused, for the dashboard answers"),
        (None, ["localhost"], "Others are refused"),
        ("0.0.0.0", ["news.example"], "port 8501 of this machine can use the dashboard, as news."),
        ("0.0.0.0", [], "as any name"),
        ("192.168.1.5", ["*"], "as any name"),
    ],
)
def test_the_start_up_line(address, allowed, said):
    line = sharing.who_reaches_it(address, allowed, 8501)
    assert said in line
    assert ("--server.allowedHosts NAME" in line) == ("can use" not in said and "any" not in said)
    assert "\n" not in line


@pytest.mark.parametrize(
    ("host", "allowed", "answers"),
    [
        ("localhost:8501", ["localhost"], True),
        ("LOCALHOST.", ["localhost"], True),
        ("[::1]:8501", ["::1"], True),
        ("evil.example", ["localhost"], False),
        ("a.news.example", ["*.news.example"], True),
        ("news.example", ["*.news.example"], False),
        ("anything", [], True),
        ("anything", ["*"], True),
        ("", ["localhost"], False),
        ("[", ["localhost"], False),
    ],
)
def test_names_are_told_apart_as_streamlit_does(host, allowed, answers, monkeypatch):
    from streamlit.web.server.starlette import starlette_websocket

    assert sharing.answers_to(host, allowed) == answers
    monkeypatch.setattr(starlette_websocket.config, "get_option", lambda _: allowed)
    assert starlette_websocket.is_host_allowed(host) == answers
