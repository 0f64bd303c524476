"""The assistant over HTTP: every address that Label Studio calls, a password, and what is no request."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from pipeline.assist import Assistant
from pipeline.assist_server import LONGEST_BODY, assist_server


def call(url: str, body: bytes | None = None, headers: Mapping[str, str] | None = None) -> tuple[int, dict[str, Any]]:
    try:
        with urlopen(Request(url, body, dict(headers or {})), timeout=20) as answer:
            return answer.status, json.load(answer)
    except HTTPError as error:
        return error.code, json.load(error)


def test_every_address_of_the_protocol_answers(tmp_path: Path) -> None:
    with assist_server(Assistant(tmp_path)) as url:
        assert url.startswith("http://127.0.0.1:")
        assert call(f"{url}/health") == (200, {"status": "UP", "model_class": "autoroto-assist"})
        assert call(f"{url}/") == call(f"{url}/health")
        setup = json.dumps({"project": "1.0", "schema": "<View/>", "hostname": "http://x", "access_token": "t"})
        assert call(f"{url}/setup", setup.encode()) == (200, {"model_version": "autoroto-assist"})
        assert call(f"{url}/versions") == (200, {"versions": ["autoroto-assist"]})
        assert call(f"{url}/webhook", b"{}") == call(f"{url}/train", b"{}") == (200, {})
        status, answer = call(f"{url}/predict", json.dumps({"tasks": [{"id": 1}, {"id": 2}], "params": {}}).encode())
        assert status == 200 and len(answer["results"]) == 2


def test_what_is_no_request_is_said_to_be_none(tmp_path: Path) -> None:
    with assist_server(Assistant(tmp_path)) as url:
        for body, reason in ((b"{", "not JSON"), (b"[]", "a list"), (b"{}", "list of tasks")):
            status, answer = call(f"{url}/predict", body)
            assert status == 400 and reason in answer["detail"]
        status, answer = call(f"{url}/predict", b"{}", {"Content-Length": str(LONGEST_BODY + 1)})
        assert status == 400 and "the most" in answer["detail"]
        assert call(f"{url}/nowhere")[0] == call(f"{url}/nowhere", b"{}")[0] == 404


def test_a_password_is_asked_for_everywhere_but_on_health(tmp_path: Path) -> None:
    def basic(secret: str) -> dict[str, str]:
        return {"Authorization": "Basic " + base64.b64encode(f"autoroto:{secret}".encode()).decode()}

    with assist_server(Assistant(tmp_path), password="open sesame") as url:
        assert call(f"{url}/health")[0] == 200
        assert call(f"{url}/setup", b"{}")[0] == call(f"{url}/setup", b"{}", basic("wrong"))[0] == 401
        assert call(f"{url}/setup", b"{}", basic("open sesame"))[0] == 200


def test_the_port_is_free_again_afterwards(tmp_path: Path) -> None:
    with assist_server(Assistant(tmp_path)) as url:
        port = int(url.rpartition(":")[2])
        with pytest.raises(OSError), assist_server(Assistant(tmp_path), port=port):
            pass
    with assist_server(Assistant(tmp_path), port=port) as again:
        assert again == url
