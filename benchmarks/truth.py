"""Truth folders, see `pipeline.truth`, and where they lie by default."""

from pathlib import Path

from pipeline.truth import Burst, TruthError, TruthFolder, read_bursts, truth_sets

__all__ = ["DEFAULT", "Burst", "TruthError", "TruthFolder", "read_bursts", "truth_sets"]

DEFAULT = Path(__file__).resolve().parents[2] / "shared" / "truth"
"""Beside the checkout."""
