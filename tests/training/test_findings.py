import json
from pathlib import Path

import numpy as np

from datasets.images import Grey, Image
from training.evaluation_set import MeasuredBurst
from training.findings import add_findings


class Blind:
    """Never sees anybody, whatever its prior."""

    def reset(self) -> None: ...

    def prime(self, prior: Grey) -> None: ...

    def __call__(self, image: Image) -> Grey:
        return np.zeros(image.shape[:2], np.uint8)


def test_they_are_added_and_nothing_else_changes(tmp_path: Path) -> None:
    truth = np.full((8, 8), 255, np.uint8)
    burst = MeasuredBurst("test", "b", (0,), (np.zeros((8, 8, 3), np.uint8),), (truth,), {})
    path = tmp_path / "metrics.json"
    scores = {"test": {"student": {"iou": 0.5}}}
    path.write_text(json.dumps(scores))
    add_findings(path, Blind(), {"keyed": [], "test": [burst]})
    values = json.loads(path.read_text())
    assert set(values) == {"test", "prior"} and values["test"] == scores["test"]
    assert values["prior"]["test"]["verdict"] == "ignores" and values["prior"]["test"]["iou"]["ones"] == 0
    path.write_text(json.dumps({"test": {"student": {"iou": 0.5}, "earlier": {"iou": 0.6}}}))
    add_findings(path, Blind(), {})
    assert round(json.loads(path.read_text())["retraining"]["test"]["iou"]["gained"], 6) == -0.1
