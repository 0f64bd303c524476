import pytest

from datasets.licences import UNKNOWN, LicenceError, check_allowed, normalise, union


@pytest.mark.parametrize(
    ("written", "spdx"),
    [
        ("mit", "MIT"),
        (" CC BY 4.0 ", "CC-BY-4.0"),
        ("apache_2.0", "Apache-2.0"),
        ("AGPL-3.0", "AGPL-3.0-only"),
        ("unknown", UNKNOWN),
        ("", UNKNOWN),
        ("LicenseRef-Studio", "LicenseRef-Studio"),
        ("Zlib", "Zlib"),
    ],
)
def test_normalise_finds_the_official_spelling(written: str, spdx: str):
    assert normalise(written) == spdx
    assert normalise(spdx) == spdx


def test_normalise_refuses_expressions_and_prose():
    for text in ("MIT OR Apache-2.0", "ask Bob, please"):
        with pytest.raises(LicenceError, match="one per list entry"):
            normalise(text)


def test_union_is_a_sorted_set():
    assert union(["mit", "CC0-1.0"], ["MIT"], []) == ["CC0-1.0", "MIT"]
    assert union() == []


def test_allow_list_refuses_the_rest_by_name():
    check_allowed(["mit"], allowed=["MIT", "Apache-2.0"], what="a.mp4")
    with pytest.raises(LicenceError, match=r"a\.mp4: licence AGPL-3\.0-only, GPL-3\.0-only is not.*MIT"):
        check_allowed(["MIT", "GPL-3.0", "AGPL-3.0"], allowed=["MIT"], what="a.mp4")


def test_silence_is_no_permission():
    with pytest.raises(LicenceError, match=UNKNOWN):
        check_allowed([], allowed=["MIT"], what="a.mp4")
    check_allowed([], allowed=[UNKNOWN], what="a.mp4")
