"""Says who can reach the dashboard: when it starts, and when somebody is refused.

If a browser uses a host name that Streamlit does not allow, the page stays blank. The reason is
that Streamlit refused the page's websocket, but no message says so.
"""

import logging
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

import streamlit as st
from starlette.datastructures import Headers
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pipeline.console import shown

_THIS_MACHINE = {"localhost", "127.0.0.1", "::1"}
# The server imports the pages before it serves them. Each cached function then logs a warning.
logging.getLogger("streamlit.runtime.caching.cache_data_api").addFilter(
    lambda record: "No runtime found" not in record.getMessage()
)

_MOST_SAID = 50
"""Maximum number of different refusals that are printed: nobody can flood the terminal."""


def who_reaches_it(address: str | None, allowed: Collection[str], port: int) -> str:
    """One line: who can reach the dashboard with these settings, and how to let others in.

    Args:
        address: Streamlit's ``server.address``; None: all addresses of the machine.
        allowed: its ``server.allowedHosts``, the host names that it answers to; empty: any.
        port: its ``server.port``.
    """
    name = "NAME is the host in the address that they open; README: Show it to others"
    if address in _THIS_MACHINE:
        return (
            "Only this machine reaches the dashboard. For others: --server.address 0.0.0.0 "
            f"--server.allowedHosts NAME ({name})"
        )
    if allowed and set(allowed) <= _THIS_MACHINE:
        return (
            f"Others are refused, for the dashboard answers only to {', '.join(allowed)}. Add "
            f"--server.allowedHosts NAME ({name})"
        )
    names = "any name" if not allowed or "*" in allowed else ", ".join(allowed)
    return f"Whoever reaches port {port} of this machine can use the dashboard, as {names}."


def answers_to(host: str, allowed: Collection[str]) -> bool:
    """Whether Streamlit's ``server.allowedHosts`` allow a request's host; its port is ignored."""
    try:
        name = (urlsplit(f"//{host}").hostname or "").rstrip(".")
    except ValueError:
        return False
    patterns = [pattern.strip().lower().rstrip(".") for pattern in allowed]
    return (
        not patterns
        or "*" in patterns
        or name in patterns
        or any(p.startswith("*.") and name.endswith(p[1:]) for p in patterns)
    )


class ExplainRefusals:
    """Middleware that explains refusals, on the page or in the terminal; Streamlit does not."""

    def __init__(self, app: ASGIApp) -> None:
        """Wrap Streamlit's own application."""
        self._app = app
        self._said: set[str] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or let Streamlit answer it."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        host, allowed = headers.get("host", ""), st.get_option("server.allowedHosts")
        refused = not answers_to(host, allowed)
        if scope["type"] == "http":
            if refused and "text/html" in headers.get("accept", ""):
                await PlainTextResponse(_on_the_page(host), 403)(scope, receive, send)
            else:
                await self._app(scope, receive, send)
            return

        accepted = False

        async def watch(message: Message) -> None:
            nonlocal accepted
            accepted |= message["type"] == "websocket.accept"
            if not accepted:
                self._say(host, headers.get("origin", ""), refused)
            await send(message)

        await self._app(scope, receive, watch)

    def _say(self, host: str, origin: str, refused: bool) -> None:
        if refused:
            line = f"refused a page that was opened as {host}: start with {_option(host)}"
        else:
            name = urlsplit(origin).hostname or origin
            line = (
                f"refused a page of {origin} that asked as {host}: let the proxy pass on the Host "
                f"header that it got, or start with --browser.serverAddress {name}"
            )
        if line not in self._said and len(self._said) < _MOST_SAID:
            self._said.add(line)
            print(shown(line, 300), flush=True)


def _option(host: str) -> str:
    return f"--server.allowedHosts {urlsplit(f'//{host}').hostname or 'NAME'}"


def _on_the_page(host: str) -> str:
    return (
        f"This dashboard does not answer to the name {shown(host, 100)}.\n\n"
        "Whoever started it can allow that name:\n\n"
        f"    streamlit run dashboard.py {shown(_option(host), 200)}\n"
    )


@asynccontextmanager
async def announced(_: st.App) -> AsyncIterator[dict[str, Any]]:
    """Print who can reach the dashboard, just before it starts to serve."""
    option = st.get_option
    line = who_reaches_it(
        option("server.address"), option("server.allowedHosts"), option("server.port")
    )
    print(f"  {line}\n", flush=True)
    yield {}


MIDDLEWARE = [Middleware(ExplainRefusals)]
