from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from pipeline.params import Params, ParamsError, load_params

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture
def write(tmp_path):
    def write(text):
        (tmp_path / "params.yaml").write_text(text)
        return tmp_path / "params.yaml"

    return write


def test_every_knob_of_the_house_stands_in_params_yaml():
    """What can be turned can be seen: no section lacks a key that its config has."""

    def missing(model, values, path=""):
        for name in type(model).model_fields:
            where = f"{path}{name}"
            if name not in values:
                yield where
            elif hasattr(type(getattr(model, name)), "model_fields"):
                yield from missing(getattr(model, name), values[name], f"{where}.")

    values = yaml.safe_load((REPOSITORY / "params.yaml").read_text())
    assert list(missing(load_params(REPOSITORY / "params.yaml"), values)) == []


def test_an_unknown_key_is_an_error_that_names_it(write):
    with pytest.raises(ParamsError, match=r"params\.yaml has 1 wrong entries:\n  ingest\.brust_frames: Extra inputs"):
        load_params(write("ingest: {brust_frames: 8}"))


def test_a_value_out_of_range_is_an_error_that_names_it(write):
    with pytest.raises(ParamsError, match=r"pipeline\.max_fail_fraction: .*less than or equal to 1"):
        load_params(write("pipeline: {max_fail_fraction: 3}"))


def test_what_is_no_yaml_is_refused(write):
    with pytest.raises(ParamsError, match="is not YAML"):
        load_params(write("a: [b"))


def test_no_file_says_where_to_go(tmp_path):
    with pytest.raises(FileNotFoundError, match="run autoroto in the project's folder"):
        load_params(tmp_path / "params.yaml")


def test_an_empty_file_means_the_defaults(write):
    assert load_params(write("")) == Params()


def test_the_runner_can_be_chosen_by_hand(write):
    assert Params().with_runner("local").pipeline.runner == "local"
    with pytest.raises(ParamsError, match="no runner 'spark'"):
        Params().with_runner("spark")
