from __future__ import annotations

from pipeline.review.access import URL
from pipeline.review.interface import verdict_region
from pipeline.review.server import free_port
from pipeline.review.status import expected
from tests.review.drawn import keys, rows_of


def test_counts_and_what_is_left_of_the_expected_error(review, fake, project, monkeypatch):
    assert "Nobody's decision has been pulled yet" in review("status")[1]
    review("push", "--limit", "6")
    one, two, *_ = fake.tables["tasks"].values()
    fake.submit(one["id"], [verdict_region("reject")])
    fake.submit(two["id"], [], skip=True)
    review("pull")
    code, said = review("status")
    assert code == 0 and "1 of 6 tasks have a submitted annotation, 1 were skipped" in said
    assert "1 frames decided on" in said and "eve@example.com" in said and "of 24" in said
    monkeypatch.setenv(URL, f"http://127.0.0.1:{free_port()}")
    code, said = review("status")
    assert code == 0 and "what follows is of data/reviews alone" in said and "1 frames decided on" in said


def test_decided_labels_are_no_longer_expected_to_be_bad(project):
    first, second, *_ = keys(project)
    doubts = {row.frame_key: 1 - row.quality for row in rows_of(project, "score")}
    found = expected(project, {first, second})
    assert found.labels == 24 and abs(found.before - sum(doubts.values())) < 1e-9
    assert abs(found.before - found.after - doubts[first] - doubts[second]) < 1e-9
