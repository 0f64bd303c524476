"""Where the truth folder lies by default."""

from pathlib import Path

DEFAULT = Path(__file__).resolve().parents[2] / "shared" / "truth"
"""Beside the checkout."""
