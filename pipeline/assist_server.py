"""The assistant over HTTP, on loopback: what Label Studio's "machine learning backend" speaks.

`pipeline.review.backend` tells Label Studio of it. The labelling interface needs `smart="true"` on its BrushLabels and
a second label, `not person`.
"""

from __future__ import annotations

import base64
import hmac
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

from pipeline.assist import NAME, Assistant, AssistError

HOST = "127.0.0.1"
USER = "autoroto"
LONGEST_BODY = 64 * 2**20
"""Bytes of a request that are read at most: strokes on a large picture take a few megabytes."""


@contextmanager
def assist_server(assistant: Assistant, *, port: int = 0, password: str = "") -> Iterator[str]:
    """Serve the assistant until the block is left; gives its address. Port 0 takes a free one.

    With a password every request but `/health` must carry it (Basic, user `autoroto`; Label Studio keeps both with the
    backend it connects to).

    Raises:
        OSError: the port is taken.
    """
    server = ThreadingHTTPServer((HOST, port), _handler(assistant, password))
    server.daemon_threads = True
    thread = Thread(target=server.serve_forever, name="assist", daemon=True)
    thread.start()
    try:
        yield f"http://{HOST}:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _handler(assistant: Assistant, password: str) -> type[BaseHTTPRequestHandler]:
    wanted = "Basic " + base64.b64encode(f"{USER}:{password}".encode()).decode()

    class Handler(BaseHTTPRequestHandler):
        server_version = NAME
        timeout = 60

        def do_GET(self) -> None:
            if self.path.rstrip("/") in ("", "/health"):
                self._send(HTTPStatus.OK, {"status": "UP", "model_class": NAME})
            elif self.path == "/versions":
                self._guarded(lambda body: {"versions": [NAME]})
            else:
                self._send(HTTPStatus.NOT_FOUND, {"detail": f"there is no {self.path}"})

        def do_POST(self) -> None:
            answers = {
                "/setup": lambda body: {"model_version": NAME},
                "/predict": assistant.predict,
                "/webhook": lambda body: {},  # annotations are pulled, not pushed
                "/train": lambda body: {},
            }
            if self.path not in answers:
                self._send(HTTPStatus.NOT_FOUND, {"detail": f"there is no {self.path}"})
            else:
                self._guarded(answers[self.path])

        def _guarded(self, answer: Any) -> None:
            if password and not hmac.compare_digest(self.headers.get("Authorization", "").encode(), wanted.encode()):
                self._send(HTTPStatus.UNAUTHORIZED, {"detail": "wrong or no password"})
                return
            try:
                self._send(HTTPStatus.OK, answer(self._body()))
            except AssistError as error:
                self._send(HTTPStatus.BAD_REQUEST, {"detail": str(error)})

        def _body(self) -> Mapping[str, Any]:
            length = self.headers.get("Content-Length", "0")
            if not length.isdecimal() or int(length) > LONGEST_BODY:
                raise AssistError(f"a request of {length} bytes is not read; {LONGEST_BODY} are the most")
            data = self.rfile.read(int(length))
            try:
                body = json.loads(data) if data else {}
            except ValueError as error:
                raise AssistError(f"the request is not JSON: {error}") from error
            if not isinstance(body, dict):
                raise AssistError(f"the request is a {type(body).__name__}, expected a JSON object")
            return body

        def _send(self, status: HTTPStatus, values: Mapping[str, Any]) -> None:
            data = json.dumps(values).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, format: str, *args: Any) -> None:
            """Nothing: requests hold a project's tokens."""

    return Handler
