from __future__ import annotations

from pathlib import Path

from pipeline.review.access import TOKEN, URL, own_access, write_access
from qa.curate import REVIEWS


def test_all_is_well(review):
    code, said = review("doctor")
    assert code == 0 and "24 labels are scored" in said and "there is no project" in said
    review("push", "--limit", "2")
    code, said = review("doctor")
    assert code == 0 and "has 2 tasks" in said and "all 2 frames lie in" in said and "!!" not in said


def test_what_is_missing_is_named_with_the_cure(review, fake, access, project, monkeypatch):
    review("push", "--limit", "2")
    for frame in Path(access.served).rglob("*-frame-*"):
        frame.unlink()
    fake.tables["localfiles"].clear()
    (project / REVIEWS).mkdir(parents=True, exist_ok=True)
    (project / REVIEWS / "x.parquet").write_bytes(b"x")
    code, said = review("doctor")
    assert code == 1
    for words in ("2 of 2 frames are missing", "it may not serve", "not a readable decisions file"):
        assert words in said
    monkeypatch.setenv(TOKEN, "wrong")
    assert "refuses the token" in review("doctor")[1]


def test_ones_own_that_is_not_installed_and_whose_password_others_can_read(review, project, monkeypatch):
    monkeypatch.delenv(URL)
    assert "run `make review`" in review("doctor")[1]
    path = write_access(project, own_access(project, "http://127.0.0.1:9"))
    path.chmod(0o644)
    code, said = review("doctor")
    assert code == 1 and f"chmod 600 {path}" in said and "no Label Studio answers" in said


def test_nothing_is_scored(review, project):
    (project / "data" / "score" / "manifest.parquet").unlink()
    code, said = review("doctor")
    assert code == 1 and "run `dvc repro score` first" in said
