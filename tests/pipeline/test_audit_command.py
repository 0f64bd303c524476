"""From a project with scored labels and decisions to the table that `curate` reads."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from datasets.images import encode_jpeg, encode_png
from datasets.manifest import write_manifest
from datasets.receipt import Receipt, StoredFile
from datasets.reviews import Decision, append_decisions
from datasets.schema import FrameRow, LabelRow, QualityRow
from datasets.shards import write_rows
from pipeline.audit_command import run_audit
from qa.audit import FILE, draw, read_audit
from qa.curate import REVIEWS, CurateConfig

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
ALPHA = encode_png(np.pad(np.full((8, 8), 255, np.uint8), 8))
IMAGE = encode_jpeg(np.zeros((24, 24, 3), np.uint8))
BURSTS = 140


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """140 bursts of eight frames, all of one quality."""
    rows: dict[str, list] = {"ingest": [], "fuse": [], "score": []}
    for index in range(8 * BURSTS):
        key = {"source": "s", "clip": 0, "burst": index // 8, "time_us": index}
        rows["ingest"].append(
            FrameRow(
                **key, path="s.mp4", name="0", width=24, height=24, source_width=24, source_height=24, image=IMAGE,
                blur=1.0, duplicate=64.0, subject="s", licences=["MIT"], origin="", split="", role="footage", mask=b"",
                truth=b"",
            )
        )  # fmt: skip
        rows["fuse"].append(
            LabelRow(
                **key, width=24, height=24, alpha=ALPHA, trust=ALPHA, foreground=IMAGE, strategy="mean", keyed=False,
                unknown=0.0, teachers=[],
            )
        )  # fmt: skip
        rows["score"].append(
            QualityRow(
                **key, signals={"label_iou": 0.9}, quality=0.7, error="", error_box=[], scenarios=[], annotation=""
            )
        )
    types = {"ingest": FrameRow, "fuse": LabelRow, "score": QualityRow}
    for stage, row_type in types.items():
        out = tmp_path / "data" / stage
        out.mkdir(parents=True)
        write_rows(out / f"{stage}-000.parquet", rows[stage], row_type)
        file = StoredFile(f"{stage}-000.parquet", "0" * 64, 1, len(rows[stage]))
        lineage = "" if stage == "ingest" else "ingest-000.parquet"
        write_manifest(out / "manifest.parquet", [Receipt(stage, "", stage, "s.mp4", lineage, (file,), 1, 1)])
    (tmp_path / "params.yaml").write_text("")
    return tmp_path


def told(project: Path) -> str:
    said = io.StringIO()
    run_audit(project, Console(file=said, width=200))
    return said.getvalue()


def drawn() -> list[tuple[str, int]]:
    frames = [("s", 0, index // 8, index) for index in range(8 * BURSTS)]
    return sorted(draw(frames, CurateConfig().audit))


def decide(project: Path, keys: list[tuple[str, int]], verdict: str = "accept") -> None:
    append_decisions(
        project / REVIEWS,
        [Decision(source=s, time_us=t, verdict=verdict, reviewer="eve", decided_at=NOON) for s, t in keys],
    )


def test_before_anybody_decided_it_says_what_to_look_at(project: Path) -> None:
    said = told(project)
    assert f"{len(drawn())} labels are drawn, {len(drawn())} of them undecided" in said
    assert "review them" in said and not (project / REVIEWS / FILE).exists()


def test_decisions_on_all_of_them_make_the_table(project: Path) -> None:
    decide(project, drawn())
    said = told(project)
    audit = read_audit(project / REVIEWS / FILE)
    assert audit is not None and (audit.drawn, audit.decided) == (len(drawn()), len(drawn()))
    assert audit.verdict == "held" and audit.silver_quality == 0.7  # more than the 45 that prove it
    assert len(drawn()) > 45 and "Silver from quality 0.700" in said


def test_one_left_out_counts_as_bad(project: Path) -> None:
    decide(project, drawn()[1:])
    told(project)
    audit = read_audit(project / REVIEWS / FILE)
    assert audit is not None and audit.decided == audit.drawn - 1
    assert audit.verdict == ("held" if audit.drawn >= 77 else "failed")
