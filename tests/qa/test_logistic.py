from __future__ import annotations

import math
from pathlib import Path

import pytest
from pydantic import ValidationError

from qa.logistic import Fitted, FittedError, Logistic, Term

TWO = Logistic(
    intercept=0.5,
    terms={"iou": Term(weight=2, centre=0.9, spread=0.05), "jump": Term(weight=-1, centre=0.1, spread=0.1)},
)


def test_a_value_by_hand():
    expected = 1 / (1 + math.exp(-(0.5 + 2 * 1 - 1 * 2)))
    assert TWO.value({"iou": 0.95, "jump": 0.3, "other": 7}) == pytest.approx(expected)


def test_a_missing_signal_stands_at_its_centre():
    assert TWO.value({"jump": 0.2}) == TWO.value({"iou": 0.9, "jump": 0.2})


def test_no_freak_signal_decides_alone():
    assert TWO.value({"iou": -100}) == TWO.value({"iou": 0.75}) > 0


def test_a_spread_must_be_positive():
    with pytest.raises(ValidationError):
        Term(weight=1, centre=0, spread=0)


def test_what_was_written_is_read(tmp_path: Path):
    fitted = Fitted(logistic=TWO, fitted_on="two photos", refit="make refit")
    (tmp_path / "fitted.json").write_bytes(fitted.as_bytes())
    assert Fitted.read(tmp_path / "fitted.json") == fitted


@pytest.mark.parametrize("content", [None, b"", b"\xff", b'{"logistic": {}}'])
def test_another_file_is_named_with_the_cure(tmp_path: Path, content: bytes | None):
    path = tmp_path / "fitted.json"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(FittedError, match=r"(?s)fitted\.json.*params\.yaml"):
        Fitted.read(path)
