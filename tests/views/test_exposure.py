"""The dashboard reaches out to nobody, and nobody reaches it but this machine."""

import asyncio
import http.client
import os
import shutil
import socket
import subprocess
import sys
import urllib.error
import urllib.request

import pytest
import streamlit as st

from pipeline.data.uploads import MAX_BYTES
from tests import walk
from tests.stress.session import Session

# Python's own sockets, in the process that is asked to look at every page.
GUARD = """
import socket, sys
real = socket.socket.connect
def connect(self, address):
    if self.family != socket.AF_UNIX and address[0] not in ("127.0.0.1", "::1", "localhost"):
        print("REACHED OUT TO", address, flush=True)
        raise OSError("this test has no network")
    return real(self, address)
socket.socket.connect = connect
"""
PAGES = """
from streamlit.testing.v1 import AppTest
from streamlit.util import calc_hash
sys.argv = ["dashboard.py", "--cache", sys.argv[1]]
for page in ("compare", "confusion", "errors", "calibration", "try", "about", "present"):
    app = AppTest.from_file("dashboard.py", default_timeout=120)
    app._page_hash = calc_hash(page)
    app.run()
    assert not app.exception, app.exception
print("every page was shown")
"""
NO_ROUTES = ["unshare", "--net", "--map-root-user"]


def test_pages_are_shown_without_a_network(cache_folder):
    alone = (
        shutil.which("unshare")
        and not subprocess.run([*NO_ROUTES, "true"], capture_output=True, check=False).returncode
    )
    command = [sys.executable, "-c", GUARD + PAGES, str(cache_folder)]
    done = subprocess.run(
        [*NO_ROUTES, *command] if alone else command,  # elsewhere, the guard alone
        cwd=walk.ROOT,
        env={k: v for k, v in os.environ.items() if not k.lower().endswith("_proxy")},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip().splitlines() == ["every page was shown"]


def test_what_streamlit_is_set_to():
    options = {
        "server.address": "localhost",
        "server.enableXsrfProtection": True,
        "server.enableCORS": True,
        "browser.gatherUsageStats": False,
        "client.showErrorDetails": "none",
    }
    assert {name: st.config.get_option(name) for name in options} == options
    assert st.config.get_option("server.maxUploadSize") <= 10
    assert st.config.get_option("server.maxMessageSize") <= 50


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """Address of a dashboard on an empty cache."""
    folder = tmp_path_factory.mktemp("exposure")
    with walk.serve(folder / "cache", folder / "log") as address:
        yield address


def ask(address, path, **headers):
    """Status and headers of an answer; with ``data`` among the headers, a file is put."""
    data = headers.pop("data", None)
    request = urllib.request.Request(address + path, data, headers, method="PUT" if data else "GET")
    try:
        answer = urllib.request.urlopen(request, timeout=30)
    except urllib.error.HTTPError as error:
        answer = error
    return answer.status, answer.headers


def test_only_this_machine_is_answered(server):
    port = int(server.rsplit(":", 1)[1])
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # sends nothing; tells this machine's own address
        except OSError:
            pytest.skip("this machine has no address but its own loop")
        own = probe.getsockname()[0]
    with pytest.raises(OSError, match="refused"):
        socket.create_connection((own, port), timeout=5)


def test_other_hosts_and_origins_are_refused(server):
    """A page elsewhere can neither rebind a name to this machine nor open its websocket."""
    port = int(server.rsplit(":", 1)[1])
    upgrade = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "MDEyMzQ1Njc4OWFiY2RlZg==",
    }
    statuses = {}
    for origin in (server, "http://evil.example"):
        connection = http.client.HTTPConnection("localhost", port, timeout=10)
        connection.request("GET", "/_stcore/stream", headers={**upgrade, "Origin": origin})
        statuses[origin] = connection.getresponse().status
        connection.close()
    assert statuses == {server: 101, "http://evil.example": 403}


def test_an_upload_without_a_token_is_refused(server):
    status, _ = ask(server, "/_stcore/upload_file/a/b", data=b"coach")
    assert status == 403


def test_an_upload_beyond_the_limit_is_refused_before_it_is_read(server):
    port = int(server.rsplit(":", 1)[1])

    async def put(size):
        """Status of an answer to a file that is announced and not sent."""
        async with Session(port) as session:
            await session.rerun("try")
            urls = await session.file_urls("a.txt")
            connection = http.client.HTTPConnection("localhost", port, timeout=3)
            headers = session.headers | {"Content-Length": str(size)}
            connection.request("PUT", urls.upload_url, headers=headers)
            return connection.getresponse().status

    assert asyncio.run(put(100_000_000)) == 413
    assert asyncio.run(put(MAX_BYTES // 2)) != 413
