from io import StringIO

from rich.console import Console

from pipeline.progress import stage_progress
from pipeline.terminal import plain


def test_control_characters_are_spelled_out_and_words_stay() -> None:
    assert plain("Zoë\n 日本 [red] \x1b]0;owned\x07\r\u202e") == "Zoë\n 日本 [red] \\x1b]0;owned\\x07\\r\\u202e"


def test_a_bar_shows_names_as_they_are() -> None:
    """A name with what looks like markup, or with codes for the terminal, is shown and neither obeyed nor refused."""
    output = StringIO()
    console = Console(file=output, force_terminal=True, width=200)
    with stage_progress("ingest", console) as progress:
        progress(1, 2, "x [/red] \x1b[2J.mp4")
    assert "x [/red] \\x1b[2J.mp4" in output.getvalue()
