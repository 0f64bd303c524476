from __future__ import annotations

from pathlib import Path

from pipeline.review.interface import verdict_region
from qa.audit import FILE, read_audit
from qa.curate import REVIEWS
from tests.review.drawn import draw_project


def test_the_audit_is_taken_when_the_last_of_its_sample_is_decided_on(review, fake, project: Path):
    draw_project(project, bursts=20)
    review("push", "--limit", "1", "--audit")
    tasks = list(fake.tables["tasks"].values())
    drawn = [task["id"] for task in tasks if "Drawn at random" in task["data"]["reason"]]
    others = [task["id"] for task in tasks if task["id"] not in drawn]
    assert len(drawn) > 1
    table = project / REVIEWS / FILE
    for tasks_done, left in ((others, 0), (drawn[1:], 1), (drawn[:1], 0)):
        assert not table.exists()
        for task in tasks_done:
            fake.submit(task, [verdict_region("reject")])
        code, said = review("pull")
        assert code == 0 and f"{len(tasks_done)} new decisions" in said
        assert (f"{left} frames of the audit's sample are undecided" in said) == (left > 0)
    audit = read_audit(table)
    assert audit.drawn == audit.decided == len(drawn)


def test_where_the_pipeline_has_not_run_nothing_is_audited(review, fake, project: Path):
    review("push", "--limit", "24")
    for task in list(fake.tables["tasks"]):
        fake.submit(task, [verdict_region("reject")])
    (project / "data" / "score" / "manifest.parquet").unlink()
    code, said = review("pull")
    assert code == 0 and "24 new decisions" in said and not (project / REVIEWS / FILE).exists()
