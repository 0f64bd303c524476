from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from qa.audit import FILE, Audit, write_audit
from qa.curate import CurateConfig
from qa.report import ReportInputs, render
from qa.report_data import LEFT_OUT, UNGROUPED, FrameInfo
from qa.report_groups import EVERY, NONE, audit_sentence, group_weights, scenario_rows
from qa.weighting import weight_rows


def frame(group: str, *scenarios: str, role: str = "footage") -> FrameInfo:
    return FrameInfo(
        key=("s", 0), clip=0, burst=0, path="a.mp4", group=group, split="", role=role, label_source="", quality=0.5,
        error="", error_box=(), scenarios=scenarios, subject="s", licences=(), signals=(),
    )  # fmt: skip


def test_what_each_scenario_loses_by_hand():
    frames = [
        *[frame("silver") for _ in range(60)],
        *[frame("bronze", "dark") for _ in range(12)],
        *[frame(LEFT_OUT, "dark") for _ in range(8)],
        *[frame("silver", "several_people") for _ in range(18)],
        *[frame(LEFT_OUT, "several_people", "dark") for _ in range(2)],
    ]
    rows = {row.name: row for row in scenario_rows(frames)}
    assert list(rows) == [EVERY, NONE, "several_people", "dark"]
    assert (rows[EVERY].frames, rows[EVERY].dropped, rows[EVERY].share) == (100, 10, 0.1)
    assert (rows[NONE].frames, rows[NONE].dropped, rows[NONE].hit) == (60, 0, False)
    dark, several = rows["dark"], rows["several_people"]
    assert (dark.frames, dark.dropped, dark.hit) == (22, 10, True)
    assert dark.times == pytest.approx((10 / 22) / 0.1)
    assert dict(dark.groups) == {"gold": 0, "silver": 0, "bronze": 12, "reject": 0, LEFT_OUT: 10}
    assert (several.dropped, several.times, several.hit) == (2, pytest.approx(1.0), False)


def test_two_lost_frames_are_no_alarm():
    frames = [*[frame("silver") for _ in range(96)], *[frame(LEFT_OUT, "dark") for _ in range(4)]]
    dark = scenario_rows(frames)[-1]
    assert dark.times == pytest.approx(25) and not dark.hit


def test_the_keyed_clip_is_not_counted_and_before_curate_there_is_nothing_to_say():
    assert scenario_rows([frame("gold", "dark", role="keyed")]) == []
    assert scenario_rows([frame(UNGROUPED, "dark")]) == []
    (every, dark) = scenario_rows([frame("silver", "dark"), frame(LEFT_OUT, "dark", role="keyed")])
    assert (every.frames, dark.frames, dark.dropped, dark.times) == (1, 1, 0, 1.0)


def test_weights_and_how_they_are_known(tmp_path: Path):
    assert group_weights(tmp_path) == []
    pq.write_table(
        pa.Table.from_pylist(weight_rows({"silver": 3}, CurateConfig().groups)), tmp_path / "weights.parquet"
    )
    assert [row["count"] for row in group_weights(tmp_path)] == [0, 3, 0, 0]
    assert "those of params.yaml, nothing is proved" in audit_sentence(tmp_path)
    audit = Audit(
        drawn=60, decided=58, verdict="held", silver_quality=0.75, silver_count=50, silver_bad=0, silver_bound=0.045,
        errors={}, share=0.05, bad=0.05, confidence=0.9,
    )  # fmt: skip
    write_audit(tmp_path / FILE, audit)
    said = audit_sentence(tmp_path)
    assert "60 labels were drawn" in said and "2 of them are undecided and count as bad" in said
    assert "Silver from quality 0.750: 0 of 50" in said and "at most 4.5%" in said
    for verdict, words in (("failed", "no label is silver"), ("too_few", "stays as set by hand")):
        write_audit(tmp_path / FILE, audit.model_copy(update={"verdict": verdict, "silver_quality": None}))
        assert words in audit_sentence(tmp_path)


def test_the_page_shows_both_tables(report_inputs: ReportInputs):
    page = render(report_inputs)
    assert "What cleaning takes from each scenario" in page and "What each group counts" not in page
    curated = report_inputs.manifests["curate"].parent
    pq.write_table(pa.Table.from_pylist(weight_rows({}, CurateConfig().groups)), curated / "weights.parquet")
    page = render(report_inputs)
    (curated / "weights.parquet").unlink()
    assert "What each group counts" in page and "nothing is proved" in page
