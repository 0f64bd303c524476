"""As much of Label Studio's API as reviews use, in memory: quick tests of what is asked of it and made of its answers.

That the real one answers like this is what `tests/review` is for.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from pipeline.review.access import Access

TOKEN = "right"
START = datetime(2026, 11, 22, 12, tzinfo=UTC)
Json = dict[str, Any]


class FakeLabelStudio:
    """Tables of rows by id, and a clock that goes on by a minute with every change."""

    def __init__(self) -> None:
        self.tables: dict[str, dict[int, Json]] = {name: {} for name in
            ("projects", "localfiles", "views", "tasks", "predictions", "annotations", "exports", "ml")}  # fmt: skip
        self.requests: list[str] = []
        self.reaches_backends = True
        self._clock = START
        self._last = 0

    def submit(self, task: int, result: list[Json], *, reviewer: str = "eve@example.com", skip: bool = False) -> int:
        """What a person does in the browser."""
        values = {
            "task": task, "result": result, "completed_by": {"id": 1, "email": reviewer}, "was_cancelled": skip,
            "lead_time": 9.0,
        }  # fmt: skip
        return self._add("annotations", values)["id"]

    def change(self, annotation: int, result: list[Json]) -> None:
        self._touch(self.tables["annotations"][annotation] | {"result": result}, "annotations")

    def answer(self, method: str, path: str, query: dict[str, str], body: Any) -> tuple[int, Any]:
        """Status and JSON for a request."""
        for pattern, (wanted, handler) in self._routes():
            match = re.fullmatch(pattern, path)
            if match and wanted == method:
                try:
                    return handler(*map(int, match.groups()), query=query, body=body)
                except KeyError:
                    return 404, {"detail": "Not found."}
        return 404, {"detail": "Not found."}

    def _routes(self) -> Iterator[tuple[str, tuple[str, Callable[..., tuple[int, Any]]]]]:
        tables = self.tables
        yield "/health", ("GET", lambda query, body: (200, {"status": "UP"}))
        yield "/api/version", ("GET", lambda query, body: (200, {"release": "1.23.2"}))
        yield "/api/current-user/whoami", ("GET", lambda query, body: (200, {"email": "eve@example.com"}))
        yield "/data/local-files/", ("GET", lambda query, body: (200, {}))
        yield "/api/projects", ("GET", self._projects)
        yield "/api/projects", ("POST", lambda query, body: (201, self._add("projects", body)))
        yield "/api/storages/localfiles", ("GET", lambda query, body: (200, self._of("localfiles", query)))
        yield "/api/storages/localfiles", ("POST", lambda query, body: (201, self._add("localfiles", body)))
        yield "/api/ml", ("GET", lambda query, body: (200, self._of("ml", query)))
        yield "/api/ml", ("POST", self._backend)
        yield r"/api/ml/(\d+)", ("PATCH", lambda one, query, body: self._change("ml", one, body | {"state": "CO"}))
        yield r"/api/ml/(\d+)", ("DELETE", lambda one, query, body: self._remove("ml", one))
        yield "/api/dm/views", ("GET", lambda query, body: (200, self._of("views", query)))
        yield "/api/dm/views", ("POST", lambda query, body: (201, self._add("views", body)))
        yield "/api/tasks", ("GET", self._tasks)
        yield r"/api/projects/(\d+)/import", ("POST", self._import)
        yield "/api/predictions", ("GET", lambda query, body: (200, self._of("predictions", query)))
        yield "/api/predictions", ("POST", lambda query, body: (201, self._add("predictions", body)))
        yield r"/api/projects/(\d+)/exports", ("POST", self._export)
        yield r"/api/projects/\d+/exports/(\d+)/download", ("GET", self._download)
        yield r"/api/projects/\d+/exports/(\d+)", ("DELETE", lambda one, query, body: self._remove("exports", one))
        yield r"/api/tasks/(\d+)", ("GET", lambda one, query, body: (200, self._task(tables["tasks"][one])))
        for name, path in (
            ("projects", "projects"),
            ("tasks", "tasks"),
            ("predictions", "predictions"),
            ("views", "dm/views"),
        ):
            yield rf"/api/{path}/(\d+)", ("GET", lambda one, query, body, name=name: (200, tables[name][one]))
            yield rf"/api/{path}/(\d+)", ("PATCH", lambda one, query, body, name=name: self._change(name, one, body))
            yield rf"/api/{path}/(\d+)", ("DELETE", lambda one, query, body, name=name: self._remove(name, one))

    def _touch(self, row: Json, table: str) -> Json:
        self._clock += timedelta(minutes=1)
        row["updated_at"] = self._clock.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        self.tables[table][row["id"]] = row
        if table == "annotations":
            self.tables["tasks"][row["task"]]["updated_at"] = row["updated_at"]
        return row

    def _add(self, table: str, values: Json) -> Json:
        self._last += 1
        return self._touch({**values, "id": self._last}, table)

    def _change(self, table: str, one: int, values: Json) -> tuple[int, Json]:
        return 200, self._touch(self.tables[table][one] | values, table)

    def _remove(self, table: str, one: int) -> tuple[int, None]:
        del self.tables[table][one]
        return 204, None

    def _of(self, table: str, query: dict[str, str]) -> list[Json]:
        (name, value), *_ = query.items()
        return [row for row in self.tables[table].values() if row[name] == int(value)]

    def _projects(self, query: dict[str, str], body: Any) -> tuple[int, Json]:
        found = [row for row in self.tables["projects"].values() if query.get("title", "") in row["title"]]
        return 200, {"results": found, "next": None}

    def _backend(self, query: dict[str, str], body: Any) -> tuple[int, Json]:
        if self.reaches_backends:
            self._add("ml", body | {"state": "CO"})
        return 403, {"detail": "URL resolves to a reserved network address"}  # of its webhook: the backend is kept

    def _task(self, task: Json) -> Json:
        annotations = [row for row in self.tables["annotations"].values() if row["task"] == task["id"]]
        skipped = sum(row["was_cancelled"] for row in annotations)
        return task | {
            "annotations": annotations, "drafts": task.get("drafts", []),
            "total_annotations": len(annotations) - skipped, "cancelled_annotations": skipped,
        }  # fmt: skip

    def _tasks(self, query: dict[str, str], body: Any) -> tuple[int, Json]:
        rows = [self._task(row) for row in self.tables["tasks"].values() if row["project"] == int(query["project"])]
        self.tables["projects"][int(query["project"])]  # its tasks went with it
        for item in json.loads(query["query"])["filters"]["items"] if "query" in query else []:
            assert (item["filter"], item["operator"]) == ("filter:tasks:updated_at", "greater_or_equal")
            rows = [row for row in rows if row["updated_at"] >= item["value"]]
        page, size = int(query["page"]), int(query["page_size"])
        return 200, {"total": len(rows), "tasks": rows[(page - 1) * size : page * size]}

    def _import(self, project: int, query: dict[str, str], body: Any) -> tuple[int, Json]:
        for values in body:
            task = self._add("tasks", {"data": values["data"], "project": project})
            for prediction in values.get("predictions", []):
                self._add("predictions", prediction | {"task": task["id"]})
        return 201, {"task_count": len(body)}

    def _export(self, project: int, query: dict[str, str], body: Any) -> tuple[int, Json]:
        return 201, self._add("exports", {"status": "completed", "view": body["task_filter_options"]["view"]})

    def _download(self, one: int, query: dict[str, str], body: Any) -> tuple[int, list[Json]]:
        (chosen,) = self.tables["views"][self.tables["exports"][one]["view"]]["data"]["filters"]["items"]
        return 200, [self._task(self.tables["tasks"][task]) for task in chosen["value"]]


@contextmanager
def running(fake: FakeLabelStudio, served: str) -> Iterator[Access]:
    """It answers on a port of loopback."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _any(self) -> None:
            parts = urlsplit(self.path)
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length)) if length else None
            fake.requests.append(f"{self.command} {parts.path}")
            query = {name: values[0] for name, values in parse_qs(parts.query).items()}
            status, values = fake.answer(self.command, parts.path, query, body)
            if parts.path.startswith("/api") and self.headers.get("Authorization") != f"Token {TOKEN}":
                status, values = 401, {"detail": "Invalid token."}
            data = b"" if values is None else json.dumps(values).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_PATCH = do_DELETE = _any

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield Access(f"http://127.0.0.1:{server.server_address[1]}", TOKEN, served=served, served_there=served)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
