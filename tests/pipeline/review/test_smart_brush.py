from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.review.smart_brush import mend_smart_brush

# as the minified script has it, shortened
BRUSH = (
    'return{commitDrawingRegion(){const{currentArea:t,control:n,obj:i}=e,o=t.toJSON(),s={coordstype:"px",'
    "touches:o.touches,dynamic:%s.dynamic},r=e.annotation.createResult(s)}}"
)
OTHER = "commitDrawingRegion(){return{dynamic:o.dynamic}}"


def installed(root: Path, text: str) -> Path:
    scripts = root / "lib" / "python3.11" / "site-packages" / "web" / "dist" / "apps" / "labelstudio"
    scripts.mkdir(parents=True, exist_ok=True)
    (scripts / "1.js").write_text(OTHER)
    (scripts / "2.js").write_text(text)
    return scripts / "2.js"


def test_the_tool_is_asked_instead_of_the_drawing(tmp_path: Path):
    script = installed(tmp_path, f"é{OTHER}{BRUSH % 'o'};{OTHER}")
    for _ in range(2):
        assert mend_smart_brush(tmp_path / "bin" / "label-studio")
        assert script.read_text() == f"é{OTHER}{BRUSH % 'e'};{OTHER}"
    assert sorted(path.name for path in script.parent.iterdir()) == ["1.js", "2.js"]


@pytest.mark.parametrize("text", ["", BRUSH.replace("touches", "points") % "o"])
def test_another_script_is_left_alone(tmp_path: Path, text: str):
    script = installed(tmp_path, text)
    assert not mend_smart_brush(tmp_path / "bin" / "label-studio") and script.read_text() == text
    assert not mend_smart_brush(tmp_path / "nowhere" / "bin" / "label-studio")
