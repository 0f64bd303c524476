"""`benchmarks/rle.py` on masks small enough for a test."""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def rle(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The script as a module, its large masks no longer large."""
    monkeypatch.syspath_prepend(BENCHMARKS)
    module = importlib.import_module("rle")
    monkeypatch.setattr(module, "SIZE", (54, 96))
    monkeypatch.setattr(module, "LARGE", ((98, 99),))
    monkeypatch.setattr(module, "SIDE", 12)
    monkeypatch.setattr("sys.argv", ["rle.py", "--masks", "18", "--rounds", "3"])
    return module


def last_line(capsys: pytest.CaptureFixture[str]) -> dict:
    return json.loads(capsys.readouterr().out.splitlines()[-1])


def test_equal_codecs_are_identical_and_timed(rle: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    rle.main()
    result = last_line(capsys)
    assert result["identical"] is True and result["masks"] == 18 + 7 + 1
    assert result["encode_ratio"] > 1 and result["decode_ratio"] > 1


@pytest.mark.parametrize("broken", ["encode_mask", "decode_mask", "decode_rle"])
def test_any_difference_is_told(
    rle: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], broken: str
) -> None:
    real = getattr(rle, broken)

    def wrong(*arguments: object) -> object:
        made = real(*arguments)
        if isinstance(made, bytes):
            return made + b"\0"
        changed = made.copy()
        changed.reshape(-1)[-1] ^= 1
        return changed

    monkeypatch.setattr(rle, broken, wrong)
    rle.main()
    assert last_line(capsys)["identical"] is False


def test_strands_stand_out_of_the_head(rle: ModuleType) -> None:
    bald = rle.hairy(270, 480, np.random.default_rng(0), strands=0)
    hair = rle.hairy(270, 480, np.random.default_rng(0), strands=100)
    edges = [np.count_nonzero(np.diff(mask > 127, axis=1)) for mask in (bald, hair)]
    assert edges[1] > 5 * edges[0] and np.all(hair[bald > 0] > 0)
    assert np.count_nonzero((hair > 0) & (hair < 255)) > 0
