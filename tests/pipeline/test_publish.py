from __future__ import annotations

from pipeline.publish import clear


def test_clear_keeps_what_is_wanted_and_empties_the_rest(tmp_path):
    for name in ("a/one", "a/two", "b/three", "four"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(name)
    clear(tmp_path, {"a/one"})
    assert sorted(str(p.relative_to(tmp_path)) for p in tmp_path.rglob("*")) == ["a", "a/one"]
