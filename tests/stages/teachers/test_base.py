"""A declaration without a way to open it is none."""

from pathlib import Path

import pytest

from stages.teachers.base import Teacher, TeacherConfig


def test_a_declaration_must_say_how_to_open_the_teacher() -> None:
    with pytest.raises(TypeError, match="open"):
        TeacherConfig()  # type: ignore[abstract]


def test_teachers_are_on_and_open_no_files_unless_they_say_so() -> None:
    class Bare(TeacherConfig):
        def open(self, root: Path) -> Teacher:
            raise NotImplementedError

    assert Bare().enabled and Bare().files == () and Bare.libraries == ()
