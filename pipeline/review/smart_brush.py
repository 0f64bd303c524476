"""Label Studio's smart brush, mended: in 1.23 it draws, and asks nobody.

Whether a region is to ask a backend is taken over from the drawing that it is made of, where that is never set,
instead of from the tool (`commitDrawingRegion` in the editor's `tools/Brush.jsx`; boxes and points have it right). One
name in the script that the browser loads is put right, in the copy that `make review` installed.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

SCRIPTS = "lib/python*/site-packages/web/dist/apps/labelstudio/*.js"
"""Relative to the environment that Label Studio is installed in."""
_COMMIT = re.compile(
    r"(commitDrawingRegion\(\)\{const\{currentArea:\w+,control:\w+,obj:\w+\}=)(?P<tool>\w+)"
    r"(,\w+=\w+\.toJSON\(\),\w+=\{coordstype:\"px\",touches:\w+\.touches,dynamic:)(?P<asked>\w+)(?=\.dynamic\})"
)


def mend_smart_brush(program: Path) -> bool:
    """Whether the smart brush of this installation asks the assistant; it is mended where it can be.

    Args:
        program: Label Studio's, in the `bin` of its environment.
    """
    for path in sorted(program.parent.parent.glob(SCRIPTS)):
        text = path.read_text(encoding="utf-8")
        found = _COMMIT.search(text)
        if found is None:
            continue
        if found["asked"] == found["tool"]:
            return True
        mended = text[: found.start("asked")] + found["tool"] + text[found.end("asked") :]
        unfinished = path.with_name(f".{path.name}.{os.getpid()}")
        try:
            unfinished.write_text(mended, encoding="utf-8")
            unfinished.rename(path)
        except OSError:
            return False
        return True
    return False
