from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.review.access import (
    ACCESS,
    FOLDER,
    SERVED,
    SERVED_THERE,
    TOKEN,
    URL,
    ReviewSetupError,
    find_access,
    own_access,
    read_access,
    write_access,
    write_secrets,
)


@pytest.fixture(autouse=True)
def no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (URL, TOKEN, SERVED, SERVED_THERE):
        monkeypatch.delenv(name, raising=False)


def test_ones_own_is_kept_where_only_its_owner_reads_it(tmp_path: Path):
    access = own_access(tmp_path, "http://127.0.0.1:8080")
    path = write_access(tmp_path, access)
    assert path.stat().st_mode & 0o777 == 0o600
    assert (tmp_path / FOLDER).stat().st_mode & 0o077 == 0
    assert read_access(tmp_path) == find_access(tmp_path) == access
    assert access.own and len(access.token) == 40 and len(access.password) >= 20
    assert access.token not in repr(access) and access.password not in repr(access)


def test_another_start_keeps_the_user_and_a_lost_file_makes_another(tmp_path: Path):
    first = own_access(tmp_path, "http://127.0.0.1:1")
    path = write_access(tmp_path, first)
    second = own_access(tmp_path, "http://127.0.0.1:2")
    assert (second.email, second.token, second.password) == (first.email, first.token, first.password)
    assert second.url.endswith(":2")
    path.unlink()
    third = own_access(tmp_path, "http://127.0.0.1:3")
    assert third.email != first.email and third.token != first.token


def test_a_damaged_file_says_how_to_mend_it(tmp_path: Path):
    path = write_access(tmp_path, own_access(tmp_path, "http://127.0.0.1:1"))
    for damage in ("{", '{"other": 1}', "[]"):
        path.write_text(damage)
        with pytest.raises(ReviewSetupError, match=rf"{ACCESS} is damaged .* remove it"):
            read_access(tmp_path)


def test_one_that_is_there_already_is_named_by_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    with pytest.raises(ReviewSetupError, match="run `autoroto review serve`"):
        find_access(tmp_path)
    monkeypatch.setenv(URL, "https://labels.example.com/")
    with pytest.raises(ReviewSetupError, match=f"{TOKEN} is not set"):
        find_access(tmp_path)
    monkeypatch.setenv(TOKEN, "secret")
    with pytest.raises(ReviewSetupError, match=f"{SERVED} is not set"):
        find_access(tmp_path)
    monkeypatch.setenv(SERVED, "/mnt/share")
    access = find_access(tmp_path)
    assert (access.url, access.token, access.own) == ("https://labels.example.com", "secret", False)
    assert access.served == access.served_there == "/mnt/share"
    monkeypatch.setenv(SERVED_THERE, "/data")
    assert find_access(tmp_path).served_there == "/data"


def test_secrets_are_replaced_whole_and_read_by_their_owner_alone(tmp_path: Path):
    path = write_secrets(tmp_path, "other.json", {"password": "one"})
    path.chmod(0o644)
    assert write_secrets(tmp_path, "other.json", {"password": "two"}) == path
    assert path.stat().st_mode & 0o777 == 0o600 and "two" in path.read_text()
    assert list(path.parent.iterdir()) == [path]
