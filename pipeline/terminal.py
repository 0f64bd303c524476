"""What may be printed: file names and error messages hold what others put into them."""

from __future__ import annotations


def plain(text: str) -> str:
    r"""The text with control characters spelled out, but for line breaks: a name must not steer the terminal.

    >>> plain("take\x1b[2J.mp4")
    'take\\x1b[2J.mp4'
    """
    return "".join(
        char if char.isprintable() or char == "\n" else char.encode("unicode_escape").decode() for char in text
    )
