"""Where known truth lies by default, and the options of every benchmark that measures on it."""

import argparse
import os
from pathlib import Path

DEFAULT = Path(__file__).resolve().parents[2] / "shared" / "truth"
"""Beside the checkout."""
ROOT = Path(__file__).resolve().parents[1]


def truth_parser(description: str | None, *, needed: bool = True) -> argparse.ArgumentParser:
    """A parser with `--truth`, `--params`, `--cache` and `--jobs`.

    Unless truth is `needed`, a default folder that is not there means none: the keyed clip alone is measured.
    """
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--truth",
        type=Path,
        default=DEFAULT if needed or DEFAULT.is_dir() else None,
        metavar="DIR",
        help="holds images/ and masks/ with equal stems, or sub-folders that do (default: %(default)s)",
    )
    parser.add_argument(
        "--params", type=Path, default=ROOT / "params.yaml", metavar="FILE", help="default: %(default)s"
    )
    parser.add_argument(
        "--cache",
        type=Path,
        default=ROOT / ".autoroto" / "bench" / "labels",
        metavar="DIR",
        help="where boxes, votes and what is made of them are kept between runs (default: %(default)s)",
    )
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes (default: %(default)s)")
    return parser
