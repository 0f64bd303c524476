"""What evaluation finds out beyond scores: how the student takes its prior, and what retraining changed."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from training.evaluation_set import MeasuredBurst
from training.prior_lock import Primed, described, prior_lock
from training.retraining import gains


def add_findings(metrics: Path, student: Primed, bursts: Mapping[str, Sequence[MeasuredBurst]]) -> None:
    """Add to the JSON file `metrics`: `prior`, set to `prior_lock.described`, and `retraining`, see `gains`.

    Args:
        bursts: set to the bursts on which priors are tried; sets without any are left out.
    """
    values = json.loads(metrics.read_text())
    values["prior"] = {name: described(prior_lock(student, found)) for name, found in bursts.items() if found}
    retraining = gains(values)
    if retraining:
        values["retraining"] = retraining
    metrics.write_text(json.dumps(values, indent=2, sort_keys=True) + "\n")
