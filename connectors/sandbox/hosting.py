"""Two ways to reach a stand-in: without a socket inside a test, or over real HTTP on the loopback interface."""

from __future__ import annotations

import io
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import requests
from requests.adapters import BaseAdapter
from urllib3.response import HTTPResponse

from connectors.sandbox.core import SandboxCore
from connectors.sandbox.exchange import Request
from connectors.sandbox.faults import ConnectionBroken


class SandboxTransport(BaseAdapter):
    """Carries requests straight into a core: a ``Context.transport`` for tests and simulations."""

    def __init__(self, core: SandboxCore) -> None:
        super().__init__()
        self.core = core

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        body = request.body
        if body is not None and not isinstance(body, (bytes, str)):
            body = body.read()
        sent = Request.of(request.method or "GET", request.url or "", dict(request.headers), body)
        try:
            answer = self.core.handle(sent)
        except ConnectionBroken as error:
            raise requests.exceptions.ReadTimeout(str(error), request=request) from None
        response = requests.Response()
        response.status_code = answer.status
        response.headers = requests.structures.CaseInsensitiveDict(answer.headers)
        response.raw = HTTPResponse(body=io.BytesIO(answer.body), preload_content=False)
        response.url = request.url or ""
        response.request = request
        response.encoding = "utf-8"
        return response

    def close(self) -> None:
        """Nothing is held open."""


class Host:
    """A core behind a real HTTP server on 127.0.0.1, in threads of its own. Close it when done.

    Port 0 takes any free port. A fault that breaks the connection closes the socket without an answer.
    """

    def __init__(self, core: SandboxCore, port: int = 0) -> None:
        self.core = core
        self._server = ThreadingHTTPServer(("127.0.0.1", port), _handler(core))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True, name=f"{core.system} sandbox")
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(timeout=10)

    def __enter__(self) -> Host:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


def _handler(core: SandboxCore) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _serve(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = self.rfile.read(length) if length else b""
            headers: Mapping[str, str] = dict(self.headers.items())
            try:
                answer = core.handle(Request.of(self.command, self.path, headers, body))
            except ConnectionBroken:
                self.close_connection = True
                return
            if "Date" in answer.headers:
                # The core's own clock: a second header with the machine's time would contradict it.
                self.send_response_only(answer.status)
            else:
                self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            size = str(len(answer.body))
            if answer.headers.get("Content-Length", size) != size:
                self.close_connection = True  # a body cut off on its way is shorter than was told
            elif answer.status != 204 and "Content-Length" not in answer.headers:
                self.send_header("Content-Length", size)
            self.end_headers()
            if answer.status != 204 and self.command != "HEAD":
                self.wfile.write(answer.body)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = _serve

        def log_message(self, format: str, *args: Any) -> None:
            """Quiet: the core keeps its own list of requests."""

    return Handler
