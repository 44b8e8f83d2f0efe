"""A visitor without a browser, who uses Streamlit's websocket protocol like its own frontend."""

import asyncio
import re
import urllib.request
import uuid

import pandas as pd
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.Element_pb2 import Element
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState
from websockets.asyncio.client import connect

MARKER = re.compile(rb"marker[0-9a-f]{12}")
DONE = ForwardMsg.ScriptFinishedStatus.FINISHED_SUCCESSFULLY
FAILED = ForwardMsg.ScriptFinishedStatus.FINISHED_WITH_COMPILE_ERROR


class Session:
    """One visitor; use as an asynchronous context manager.

    Each session has a marker in its headlines. If the server sends another session's marker, that
    is a fault.
    """

    def __init__(self, port: int) -> None:
        self.port, self.address = port, f"http://localhost:{port}"
        self.marker = f"marker{uuid.uuid4().hex[:12]}"
        self.faults: list[str] = []
        self.elements: dict[tuple[int, ...], Element] = {}
        self.received = b""
        self.widgets: dict[str, WidgetState] = {}

    async def __aenter__(self) -> "Session":
        answer = await asyncio.to_thread(urllib.request.urlopen, f"{self.address}/_stcore/health")
        cookie = answer.headers["Set-Cookie"].split(";")[0]
        self.token = cookie.split("=", 1)[1]
        self.headers = {"Cookie": cookie, "X-Xsrftoken": self.token.strip('"')}
        self.socket = await connect(
            f"{self.address.replace('http', 'ws')}/_stcore/stream",
            origin=self.address,
            subprotocols=["streamlit", self.headers["X-Xsrftoken"]],
            additional_headers={"Cookie": cookie},
            max_size=None,
        )
        return self

    async def __aexit__(self, *error) -> None:
        await self.socket.close()

    async def rerun(self, page: str, query: str = "", timeout: float = 120) -> None:
        """Run the script of a page with the current widget states; return when it has ended."""
        message = BackMsg()
        state = message.rerun_script
        state.page_name, state.query_string = page, query
        state.context_info.url = f"{self.address}/{page}"
        state.context_info.color_scheme = "light"
        state.widget_states.widgets.extend(self.widgets.values())
        await self.socket.send(message.SerializeToString())
        self.elements, self.received = {}, b""
        await asyncio.wait_for(self._read(), timeout)
        for element in self.elements.values():
            if element.WhichOneof("type") == "exception":
                self.faults.append(f"{page}: {element.exception.message}")
        for found in set(MARKER.findall(self.received)) - {self.marker.encode()}:
            self.faults.append(f"{page}: {found.decode()} is another session's")

    async def _read(self) -> None:
        while True:
            data = await self.socket.recv()
            self.received += data
            message = ForwardMsg.FromString(data)
            kind = message.WhichOneof("type")
            if kind == "new_session":
                self.id = message.new_session.initialize.session_id
            elif kind == "delta" and message.delta.HasField("new_element"):
                path = tuple(message.metadata.delta_path)
                self.elements[path] = message.delta.new_element
            elif kind == "script_finished":
                if message.script_finished == FAILED:
                    self.faults.append("the script could not be compiled")
                if message.script_finished in (DONE, FAILED):
                    return

    def find(self, kind: str, label: str = "") -> Element | None:
        """The page's first element of a kind whose label starts with ``label``, or None."""
        for path in sorted(self.elements):
            element = self.elements[path]
            if element.WhichOneof("type") == kind:
                own = getattr(element, kind)
                if getattr(own, "label", "").startswith(label):
                    return own
        return None

    def texts(self) -> str:
        """The texts of headings, Markdown and the progress bar."""
        said = [
            getattr(element, kind).text if kind == "progress" else getattr(element, kind).body
            for element in self.elements.values()
            if (kind := element.WhichOneof("type")) in ("heading", "markdown", "progress")
        ]
        return "\n".join(said)

    async def look(self, page: str) -> None:
        """Open a page."""
        self.widgets = {}
        await self.rerun(page)
        if not self.find("heading"):
            self.faults.append(f"{page}: it has no heading")

    async def paste(self, headlines: list[str]) -> None:
        """Open Try it, paste headlines and wait until every model has answered them."""
        await self.look("try")
        area = self.find("text_area")
        if area is None:
            self.faults.append(f"try: it has no text area: {self.texts()[:200]!r}")
            return
        self.widgets[area.id] = WidgetState(id=area.id, string_value="\n".join(headlines))
        await self.rerun("try")
        self._check(headlines)

    async def upload(self, headlines: list[str]) -> None:
        """Open Try it, upload a CSV file of headlines and wait until all are answered."""
        self.widgets = {}
        await self.rerun("try", "source=Upload")
        uploader = self.find("file_uploader")
        if uploader is None:
            self.faults.append(f"try: it has no file uploader: {self.texts()[:200]!r}")
            return
        data = pd.DataFrame({"text": headlines}).to_csv().encode()
        info = await self._put(f"{self.marker}.csv", data)
        state = WidgetState(id=uploader.id)
        state.file_uploader_state_value.uploaded_file_info.add(**info)
        self.widgets[uploader.id] = state
        await self.rerun("try", "source=Upload")
        self._check(headlines)

    async def file_urls(self, name: str):
        """Ask the server for the URLs of a file that is going to be uploaded."""
        message = BackMsg()
        message.file_urls_request.request_id = uuid.uuid4().hex
        message.file_urls_request.file_names.append(name)
        message.file_urls_request.session_id = self.id
        await self.socket.send(message.SerializeToString())
        while True:
            answer = ForwardMsg.FromString(await self.socket.recv())
            if answer.WhichOneof("type") == "file_urls_response":
                return answer.file_urls_response.file_urls[0]

    async def _put(self, name: str, data: bytes) -> dict:
        """Upload a file as the frontend does; return its entry of the widget's state."""
        urls = await self.file_urls(name)
        border = uuid.uuid4().hex
        body = (
            f'--{border}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n'
            "Content-Type: text/csv\r\n\r\n"
        ).encode()
        request = urllib.request.Request(
            self.address + urls.upload_url,
            body + data + f"\r\n--{border}--\r\n".encode(),
            self.headers | {"Content-Type": f"multipart/form-data; boundary={border}"},
            method="PUT",
        )
        await asyncio.to_thread(urllib.request.urlopen, request)
        return {"name": name, "size": len(data), "file_id": urls.file_id, "file_urls": urls}

    def _check(self, headlines: list[str]) -> None:
        count = len(headlines)
        said = [f"{count:,} headlines; the models differ on"] if count > 1 else []
        if not all(part in self.texts() for part in [*said, "All answered"]):
            self.faults.append(f"{count} headlines were not all answered: {self.texts()[:200]!r}")
        if self.marker.encode() not in self.received:
            self.faults.append("its own headline did not come back")
