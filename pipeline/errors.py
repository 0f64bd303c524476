"""Which errors are for people: their message says what is wrong and what to do, so no traceback is shown."""

from __future__ import annotations


def explained(error: BaseException) -> bool:
    """Whether the error's class (or a base of it, defined in this project) carries a message written for people.

    Our own error classes derive from ValueError or RuntimeError and live in this project's packages; bare ones of
    other libraries are bugs of ours and keep their traceback.
    """
    kind = type(error)
    ours = kind.__module__.split(".")[0] in ("pipeline", "training", "qa", "stages", "datasets")
    return ours or kind in (FileNotFoundError, PermissionError)
