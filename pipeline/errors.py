"""Which errors are for people: their message says what is wrong and what to do, so no traceback is shown."""

from __future__ import annotations

import dis


class StageError(RuntimeError):
    """A stage could not finish. The message lists what failed and what to do."""


_OURS = ("pipeline", "training", "qa", "stages", "datasets")
_RAISE = dis.opmap["RAISE_VARARGS"]


def explained(error: BaseException) -> bool:
    """Whether our own code raised the error on purpose, with a `raise` statement: then its message is for people.

    What a library raised, or the interpreter while it ran our code, is a bug of ours and keeps its traceback.
    """
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None:
        return type(error).__module__.split(".")[0] in _OURS
    module = str(trace.tb_frame.f_globals.get("__name__", ""))
    on_purpose = trace.tb_frame.f_code.co_code[trace.tb_lasti] == _RAISE
    return module.split(".")[0] in _OURS and on_purpose
