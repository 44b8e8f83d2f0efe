"""The dashboard connects to no other machine, and only this machine can connect to it."""

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

pytestmark = pytest.mark.slow

# Makes Python's sockets refuse other machines, in the process that opens every page.
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
        [*NO_ROUTES, *command] if alone else command,  # without unshare, only the guard
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
def served(tmp_path_factory):
    """A dashboard on an empty cache: its address, and a file with its terminal output."""
    folder = tmp_path_factory.mktemp("exposure")
    with walk.serve(folder / "cache", folder / "log") as address:
        yield address, folder / "log"


@pytest.fixture
def server(served):
    """Address of a dashboard on an empty cache."""
    return served[0]


def ask(address, path, **headers):
    """Status and headers of the answer to GET, or to PUT if there is ``data`` to upload."""
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
            probe.connect(("192.0.2.1", 9))  # sends nothing, but finds this machine's address
        except OSError:
            pytest.skip("this machine has no address but its own loop")
        own = probe.getsockname()[0]
    with pytest.raises(OSError, match="refused"):
        socket.create_connection((own, port), timeout=5)


def open_websocket(port, host, origin):
    """Status of the answer to a page of ``origin`` that opens the dashboard's websocket."""
    upgrade = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "MDEyMzQ1Njc4OWFiY2RlZg==",
    }
    connection = http.client.HTTPConnection("localhost", port, timeout=10)
    connection.request(
        "GET", "/_stcore/stream", headers={**upgrade, "Host": host, "Origin": origin}
    )
    status = connection.getresponse().status
    connection.close()
    return status


def test_other_hosts_and_origins_are_refused_and_it_is_said(served):
    """A foreign page can neither use DNS rebinding nor open the websocket."""
    server, log = served
    port, evil = int(server.rsplit(":", 1)[1]), "http://evil.example"
    assert open_websocket(port, f"localhost:{port}", server) == 101
    assert open_websocket(port, f"localhost:{port}", evil) == 403
    for _ in range(2):
        assert open_websocket(port, "evil.example", evil) == 403
    said = log.read_text()
    assert "Only this machine reaches the dashboard. For others: --server.address 0.0.0.0" in said
    assert said.count("opened as evil.example: start with --server.allowedHosts evil.example") == 1
    assert "or start with --browser.serverAddress evil.example" in said
    assert "No runtime found" not in said


def test_a_page_under_another_name_says_what_to_set(server):
    port = int(server.rsplit(":", 1)[1])
    answers = {}
    for host in ("localhost", "evil.example"):
        connection = http.client.HTTPConnection("localhost", port, timeout=10)
        connection.request("GET", "/frontier", headers={"Host": host, "Accept": "text/html,*/*"})
        answer = connection.getresponse()
        answers[host] = answer.status, answer.headers.get_content_type(), answer.read().decode()
        connection.close()
    assert answers["localhost"][0] == 200
    status, kind, text = answers["evil.example"]
    assert (status, kind) == (403, "text/plain")
    assert "streamlit run dashboard.py --server.allowedHosts evil.example" in text
    assert ask(server, "/_stcore/health", Host="evil.example")[0] == 200  # for load balancers


def test_others_are_answered_where_it_is_set_so(tmp_path, monkeypatch):
    """By an IP address of this machine, and through a proxy with a name."""
    monkeypatch.setenv("STREAMLIT_SERVER_ADDRESS", "0.0.0.0")
    monkeypatch.setenv("STREAMLIT_SERVER_ALLOWED_HOSTS", "192.0.2.1 news.example localhost")
    monkeypatch.setenv("STREAMLIT_BROWSER_SERVER_ADDRESS", "news.example")
    with walk.serve(tmp_path / "cache", tmp_path / "log") as address:
        port = int(address.rsplit(":", 1)[1])
        asked = {
            (f"192.0.2.1:{port}", f"http://192.0.2.1:{port}"): 101,  # directly
            ("news.example", "https://news.example"): 101,  # through a proxy that passes Host on
            (f"localhost:{port}", "https://news.example"): 101,  # through one that does not
            ("evil.example", "http://evil.example"): 403,
        }
        assert {pair: open_websocket(port, *pair) for pair in asked} == asked
    said = (tmp_path / "log").read_text()
    assert "can use the dashboard, as 192.0.2.1, news.example, localhost" in said


def test_an_upload_without_a_token_is_refused(server):
    status, _ = ask(server, "/_stcore/upload_file/a/b", data=b"coach")
    assert status == 403


def test_an_upload_beyond_the_limit_is_refused_before_it_is_read(server):
    port = int(server.rsplit(":", 1)[1])

    async def put(size):
        """Status of the answer to an upload of which only the size is sent."""
        async with Session(port) as session:
            await session.rerun("try")
            urls = await session.file_urls("a.txt")
            connection = http.client.HTTPConnection("localhost", port, timeout=3)
            headers = session.headers | {"Content-Length": str(size)}
            connection.request("PUT", urls.upload_url, headers=headers)
            return connection.getresponse().status

    assert asyncio.run(put(100_000_000)) == 413
    assert asyncio.run(put(MAX_BYTES // 2)) != 413
