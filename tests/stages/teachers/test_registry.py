"""The teachers of `params.yaml`: defaults, errors that name the key, code that is keyed apart."""

import pytest
from pydantic import ValidationError

from stages.teachers.registry import VoteConfig
from stages.vote import Vote


def test_defaults_are_on() -> None:
    teachers = VoteConfig().teachers
    assert set(teachers) == {"selfie", "selfie_landscape", "pose", "u2netp", "u2netp_crop", "keyer", "annotation"}
    assert all(teacher.enabled for teacher in teachers.values())


def test_an_unknown_key_is_named() -> None:
    with pytest.raises(ValidationError, match=r"teachers\.mine\.onnx\.activations"):
        VoteConfig.model_validate(
            {"teachers": {"mine": {"runtime": "onnx", "file": "m.onnx", "size": 64, "activations": "none"}}}
        )


def test_an_unknown_runtime_names_the_known_ones() -> None:
    with pytest.raises(ValidationError, match=r"litert.*onnx.*sam.*keyer.*annotation"):
        VoteConfig.model_validate({"teachers": {"mine": {"runtime": "caffe"}}})


def test_only_hands_out_one_teacher_with_the_common_parameters() -> None:
    named = VoteConfig(min_box_score=0.4).only("pose")
    assert named.name == "pose" and named.min_box_score == 0.4 and named.teacher.files
    with pytest.raises(KeyError):
        VoteConfig().only("nobody")


def test_every_field_of_the_declaration_enters_the_serialised_config() -> None:
    """Keys hash the dumped config: a field that only the runtime knows must be in it."""
    dumped = VoteConfig().only("u2netp").model_dump(mode="json")
    assert dumped["teacher"]["divide_by"] == "max" and dumped["teacher"]["gate"] == "boxes"


def test_a_teachers_modules_are_its_own_runtime() -> None:
    assert Vote(VoteConfig().only("pose")).modules() == ("stages.vote", "stages.teachers.litert")
    assert Vote(VoteConfig().only("keyer")).modules() == ("stages.vote", "stages.teachers.keyer")
