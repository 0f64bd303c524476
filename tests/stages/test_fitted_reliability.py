"""Whom to trust, as it was fitted: its file, and what `fuse` makes of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from stages.fitted_reliability import FITTED, FittedError, FittedReliability, read_reliability, reliability_bytes
from stages.fuse import Fuse, FuseConfig
from stages.reliability import BY_DESIGN, SLOPES, Expertise
from stages.teacher_signals import SIGNALS


def fitted(**expertise: Expertise) -> FittedReliability:
    slopes = {"sureness": 2.5}
    return FittedReliability(expertise=expertise, slopes=slopes, fitted_on="toys", frames=3, sources=2, command="none")


def test_a_table_comes_back_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "mine.json"
    path.write_bytes(reliability_bytes(fitted(pose=Expertise(distant=0.25))))
    assert read_reliability(path) == fitted(pose=Expertise(distant=0.25))
    assert reliability_bytes(read_reliability(path)) == path.read_bytes()


def test_a_file_that_is_missing_or_another_names_itself_and_the_cure(tmp_path: Path) -> None:
    with pytest.raises(FittedError, match=r"gone\.json: no such file; `autoroto calibrate"):
        read_reliability(tmp_path / "gone.json")
    (tmp_path / "other.json").write_text("{}")
    with pytest.raises(FittedError, match=r"other\.json: no fitted reliability .*`autoroto calibrate"):
        read_reliability(tmp_path / "other.json")


def test_by_hand_counts_more_than_fitted_and_fitted_more_than_by_design(tmp_path: Path) -> None:
    path = tmp_path / "mine.json"
    path.write_bytes(reliability_bytes(fitted(selfie=Expertise(portrait=0.1), pose=Expertise(portrait=0.2))))
    by_hand = {"pose": Expertise(portrait=0.3)}
    expertise, slopes = Fuse(FuseConfig(fitted=str(path), expertise=by_hand, slopes={"edge_fit": 1.0})).reliability
    assert expertise["selfie"].portrait == 0.1 and expertise["pose"].portrait == 0.3
    assert expertise["annotation"] == BY_DESIGN["annotation"]
    assert slopes == {"sureness": 2.5, "edge_fit": 1.0}
    assert Fuse(FuseConfig(fitted="")).reliability == (BY_DESIGN, SLOPES)


def test_the_file_is_a_weight_of_the_stage_and_must_be_there_before_the_first_frame(tmp_path: Path) -> None:
    assert Fuse(FuseConfig(fitted="")).weights() == ()
    assert Fuse(FuseConfig()).weights() == (str(FITTED / "reliability.json"),)
    with pytest.raises(FittedError, match="autoroto calibrate"):
        Fuse(FuseConfig(fitted=str(tmp_path / "gone.json"))).setup()


def test_the_shipped_table_names_its_teachers_data_and_command() -> None:
    shipped = read_reliability(FITTED / "reliability.json")
    assert {"selfie", "selfie_landscape", "selfie_crop", "pose", "u2netp", "u2netp_crop"} <= set(shipped.expertise)
    assert shipped.frames > 100 and shipped.sources > 10 and shipped.fitted_on
    assert shipped.command.startswith("autoroto calibrate")
    assert set(shipped.slopes) == set(SIGNALS)
