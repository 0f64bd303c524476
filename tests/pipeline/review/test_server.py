"""Starting and ending a server, with a stand-in for Label Studio that answers on its port."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pipeline.review.access import FOLDER, ReviewSetupError, own_access, read_access
from pipeline.review.backend import KEPT, find_backend
from pipeline.review.server import HOST, INSTALLED, answers, environment, free_port, label_studio

STAND_IN = f"""#!{sys.executable}
import http.server, json, os, sys
port = int(sys.argv[sys.argv.index("--port") + 1])
host = sys.argv[sys.argv.index("--internal-host") + 1]
with open("started.json", "w") as file:
    json.dump({{"argv": sys.argv[1:], "environ": dict(os.environ), "pid": os.getpid()}}, file)
print("stand-in is up")
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers(); self.wfile.write(b'{{"status": "UP"}}')
    def log_message(self, *a): pass
http.server.HTTPServer((host, port), Handler).serve_forever()
"""


def program(folder: Path, text: str = STAND_IN) -> Path:
    path = folder / "label-studio"
    path.write_text(text)
    path.chmod(0o755)
    return path


def alive(pid: int) -> bool:
    status = Path(f"/proc/{pid}/status")
    return status.exists() and "\nState:\tZ" not in status.read_text()


def test_it_listens_on_loopback_with_its_secrets_in_the_environment_alone(tmp_path: Path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", "/somewhere")
    monkeypatch.setenv("LABEL_STUDIO_HOST", "http://elsewhere")
    with label_studio(tmp_path, port=0, program=program(tmp_path)) as (access, process):
        assert answers(access.url)
        started = json.loads((tmp_path / FOLDER / "started.json").read_text())
        assert started["argv"][started["argv"].index("--internal-host") + 1] == HOST
        assert not any(access.password in word or access.token in word for word in started["argv"])
        variables = started["environ"]
        assert variables["LABEL_STUDIO_PASSWORD"] == access.password
        assert variables["DJANGO_DB"] == "sqlite"
        assert "PYTHONPATH" not in variables and "LABEL_STUDIO_HOST" not in variables
        with (
            pytest.raises(ReviewSetupError, match="runs already at"),
            label_studio(tmp_path, port=0, program=program(tmp_path)),
        ):
            pass
    assert process.poll() is not None and not answers(access.url)
    assert read_access(tmp_path) == access
    for path in (tmp_path / FOLDER).glob("*"):
        if path.name != "started.json":
            assert path.stat().st_mode & 0o077 == 0, path


def test_it_ends_with_its_parent_however_that_ends(tmp_path: Path):
    code = (
        "import sys, time; from pathlib import Path; from pipeline.review.server import label_studio\n"
        f"with label_studio(Path({str(tmp_path)!r}), port=0, program=Path({str(program(tmp_path))!r})):\n"
        "    print('up', flush=True); time.sleep(60)"
    )
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None and parent.stdout.readline() == "up\n"
    pid = json.loads((tmp_path / FOLDER / "started.json").read_text())["pid"]
    assert alive(pid)
    os.kill(parent.pid, signal.SIGKILL)
    parent.wait()
    parent.stdout.close()
    deadline = time.monotonic() + 10
    while alive(pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not alive(pid)


def test_what_does_not_start_says_why(tmp_path: Path):
    with pytest.raises(ReviewSetupError, match="run `make review` first"), label_studio(tmp_path):
        pass
    broken = program(tmp_path, "#!/bin/sh\necho the database is locked\nexit 3\n")
    with (
        pytest.raises(ReviewSetupError, match=r"ended by itself \(3\).*\n.*the database is locked"),
        label_studio(tmp_path, port=0, program=broken),
    ):
        pass


def test_a_taken_port_is_named(tmp_path: Path):
    with socket.socket() as other:
        other.bind((HOST, 0))
        other.listen()
        port = other.getsockname()[1]
        with (
            pytest.raises(ReviewSetupError, match=f"port {port} is taken .* --port"),
            label_studio(tmp_path, port=port, program=program(tmp_path)),
        ):
            pass


def test_postgresql_by_its_address(tmp_path: Path):
    access = own_access(tmp_path, "http://127.0.0.1:1")
    found = environment(access, tmp_path, "postgresql://ann:s%40crt@db.example.com:5433/labels")
    assert {name: found[name] for name in found if name.startswith(("POSTGRE", "DJANGO_DB"))} == {
        "DJANGO_DB": "default", "POSTGRE_USER": "ann", "POSTGRE_PASSWORD": "s@crt", "POSTGRE_HOST": "db.example.com",
        "POSTGRE_PORT": "5433", "POSTGRE_NAME": "labels",
    }  # fmt: skip
    for wrong in ("mysql://x/y", "postgresql:///labels", "postgresql://host"):
        with pytest.raises(ReviewSetupError, match="must be postgresql://"):
            environment(access, tmp_path, wrong)


def test_backends_on_this_machine_are_called_only_with_an_assistant(tmp_path: Path, monkeypatch):
    access = own_access(tmp_path, "http://127.0.0.1:1")
    assert "ML_BLOCK_LOCAL_IP" not in environment(access, tmp_path)
    assert environment(access, tmp_path, assisted=True)["ML_BLOCK_LOCAL_IP"] == "false"
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.setenv("NO_PROXY", "example.com")
    found = environment(access, tmp_path)
    assert found["NO_PROXY"] == found["no_proxy"] == f"example.com,{HOST},localhost"


def test_nobody_answers_on_a_free_port():
    assert not answers(f"http://{HOST}:{free_port()}")


def serving(project: Path, *options: str) -> subprocess.Popen[str]:
    """`autoroto review serve` with a stand-in whose API has no projects."""
    (project / INSTALLED).parent.mkdir(parents=True)
    program = STAND_IN.replace('"UP"', '"UP", "results": [], "next": null')
    (project / INSTALLED).write_text(program)
    (project / INSTALLED).chmod(0o755)
    # a run in a shell's background is started with SIGINT ignored, which children inherit
    code = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
    code += "from pipeline.cli import app; app()"
    command = [sys.executable, "-c", code, "review", "serve", "--port", "0", *options]
    return subprocess.Popen(command, cwd=project, stderr=subprocess.PIPE, text=True)


def test_serve_says_how_to_sign_in_and_ends_when_asked_to(project: Path):
    process = serving(project)
    assert process.stderr is not None
    said = [process.stderr.readline() for _ in range(3)]
    access = read_access(project)
    assert access.url in said[0] and access.email in said[1] and "access.json" in said[1]
    assert access.password not in "".join(said) and access.token not in "".join(said)
    assert find_backend(project) is None and not (project / FOLDER / KEPT).exists()
    pid = json.loads((project / FOLDER / "started.json").read_text())["pid"]
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 143
    process.stderr.close()
    assert not alive(pid)


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGINT])
def test_the_assistant_runs_beside_it_and_ends_with_it(project: Path, end: signal.Signals):
    process = serving(project, "--assist")
    assert process.stderr is not None
    said = [process.stderr.readline() for _ in range(4)]
    backend = find_backend(project)
    assert backend is not None
    assert "graph cut" in said[2] and backend.url in said[2] and backend.password not in "".join(said)
    assert (project / FOLDER / KEPT).stat().st_mode & 0o777 == 0o600
    started = json.loads((project / FOLDER / "started.json").read_text())
    assert started["environ"]["ML_BLOCK_LOCAL_IP"] == "false"
    assert backend.password not in json.dumps(started)  # told through the API, to the projects alone
    process.send_signal(end)
    assert process.wait(30) != 0
    process.stderr.close()
    assert not alive(started["pid"]) and not answers(backend.url)
    assert find_backend(project) is None and not (project / FOLDER / KEPT).exists()
