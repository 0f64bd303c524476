from __future__ import annotations

import pytest

from datasets.receipt import Receipt, StoredFile


def receipt(**values):
    defaults = {
        "stage": "fuse", "folder": "", "key": "k", "label": "film.mp4", "lineage": "l",
        "files": (StoredFile("k-000.parquet", "ab", 3, 2),), "inputs": 5, "done": 2, "dropped": {"blurred": 2},
        "failed": {"ValueError": 1}, "details": ("film.mp4: no",), "licences": ("MIT",),
    }  # fmt: skip
    return Receipt(**(defaults | values))


def test_json_round_trip():
    assert Receipt.from_json(receipt().to_json()) == receipt()


def test_every_input_is_accounted_for_exactly_once():
    with pytest.raises(ValueError, match="5 inputs but done 3"):
        receipt(done=3)


@pytest.mark.parametrize("text", ["{}", "[", '{"files": []}'])
def test_text_that_is_no_receipt_is_refused(text):
    with pytest.raises(ValueError):
        Receipt.from_json(text)
