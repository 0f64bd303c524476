"""Makes torchvision importable beside a CPU build of torch.

torchvision's wheels are linked against CUDA: beside a CPU torch their C extension does not load, and the import dies on
"operator torchvision::nms does not exist". segment-anything imports torchvision, but calls none of its operators.
"""

from __future__ import annotations

import importlib.machinery
import importlib.util
from pathlib import Path
from typing import Any

OPERATORS = ("nms", "qnms")
"""What the import registers something for without asking whether it exists."""
SCHEMA = "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"

_libraries: list[Any] = []  # an operator lives as long as the torch.library.Library that defined it


def import_torchvision() -> None:
    """Import torchvision; where its C extension cannot be loaded, first define the operators that the import misses.

    They get no kernel: torchvision itself refuses to call its operators without the extension. Where the extension
    loads, or after the first call, nothing is defined.

    Raises:
        ImportError: torchvision is not installed.
    """
    import torch

    if not extension_loads():
        missing = [name for name in OPERATORS if not hasattr(torch.ops.torchvision, name)]
        if missing:
            library: Any = torch.library.Library("torchvision", "FRAGMENT")  # type: ignore[no-untyped-call]
            for name in missing:
                library.define(name + SCHEMA)
            _libraries.append(library)
    importlib.import_module("torchvision")


def extension_loads() -> bool:
    """Load torchvision's C extension, which defines all its operators; False where there is none that loads."""
    import torch

    spec = importlib.util.find_spec("torchvision")
    if spec is None or spec.origin is None:
        return False
    for suffix in importlib.machinery.EXTENSION_SUFFIXES:
        extension = Path(spec.origin).with_name(f"_C{suffix}")
        if extension.is_file():
            try:
                torch.ops.load_library(str(extension))  # type: ignore[no-untyped-call]
            except OSError:
                return False
            return True
    return False
