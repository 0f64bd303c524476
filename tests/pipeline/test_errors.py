from __future__ import annotations

import numpy as np
import pytest

from datasets.images import decode_rgb
from datasets.shards import ShardError, read_rows
from pipeline.errors import explained
from pipeline.params import load_params


def caught(call):
    with pytest.raises(Exception) as error:
        call()
    return error.value


def test_errors_raised_on_purpose_speak_for_themselves(tmp_path):
    assert explained(caught(lambda: load_params(tmp_path / "params.yaml")))
    assert explained(caught(lambda: decode_rgb(b"no image")))
    assert explained(ShardError("a.parquet: …"))


def test_also_when_another_error_caused_them(tmp_path):
    from datasets.schema import BoxRow

    assert explained(caught(lambda: list(read_rows(tmp_path, BoxRow))))


def test_bugs_keep_their_traceback():
    from stages.guided_filter import upsample_alpha

    assert not explained(caught(lambda: np.zeros(3) + np.zeros(2)))
    assert not explained(caught(lambda: upsample_alpha(None, np.zeros((2, 2, 3), np.uint8))))
