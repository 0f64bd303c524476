import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from datasets.faults import KILL, LOG, fault_point

PASS_TWICE = "from datasets.faults import fault_point as p; p('a.b'); p('c'); p('a.b'); print('survived')"


def _run(**environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", PASS_TWICE]
    return subprocess.run(command, env=os.environ | environment, capture_output=True, text=True, check=False)


def test_a_point_kills_at_the_wanted_pass_only(tmp_path: Path) -> None:
    log = tmp_path / "points"
    assert _run().stdout == _run(**{KILL: "a.b:3"}).stdout == "survived\n"
    done = _run(**{KILL: "a.b:2", LOG: str(log)})
    assert done.returncode == -signal.SIGKILL and done.stdout == ""
    assert log.read_text().split() == ["a.b", "c", "a.b"]


@pytest.mark.parametrize("wrong", ["a.b", ":1", "a.b:x"])
def test_a_wrong_wish_is_an_error_not_a_run_without_faults(wrong: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(KILL, wrong)
    with pytest.raises(ValueError, match="expected NAME:COUNT"):
        fault_point("a.b")
