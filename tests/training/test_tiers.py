"""Which student a machine is given: by hand, with a clock of our own."""

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from training.export import write_onnx
from training.tiers import choose, find_tiers, pick_tier, time_calls


@pytest.mark.parametrize(
    ("budget", "name"),
    [(10.0, "l"), (3.7, "s"), (2.0, "xs"), (1.0, "xs")],
)
def test_the_slowest_within_the_budget_or_else_the_quickest(budget: float, name: str) -> None:
    assert choose({"xs": 1.2, "l": 9.9, "s": 3.7}, budget) == name


def test_of_equals_the_first_by_name_and_of_none_an_error() -> None:
    assert choose({"b": 2.0, "a": 2.0}, 5) == "a" == choose({"b": 2.0, "a": 2.0}, 1)
    with pytest.raises(ValueError, match="no tier"):
        choose({}, 5)


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_calls_are_timed_in_turns_for_the_time_given_by_hand() -> None:
    clock, calls = Clock(), []

    def call(name: str, seconds: float) -> None:
        calls.append(name)
        clock.now += seconds

    found = time_calls({"a": lambda: call("a", 0.03), "b": lambda: call("b", 0.05)}, seconds=0.2, clock=clock)
    assert found == {"a": pytest.approx(30), "b": pytest.approx(50)}
    # One untimed each, then rounds of 0.08 s until 0.2 s are over: three.
    assert calls == ["a", "b"] * 4


def test_a_slow_tier_is_timed_once_at_least() -> None:
    clock = Clock()

    def slow() -> None:
        clock.now += 5

    assert time_calls({"l": slow}, seconds=0.2, clock=clock) == {"l": pytest.approx(5000)}


class Work(nn.Module):
    """A stand-in student of `layers` convolutions."""

    def __init__(self, layers: int) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.layers = nn.Sequential(*(nn.Conv2d(4, 4, 3, padding=1) for _ in range(layers)))

    def forward(self, frame: Tensor) -> Tensor:
        return torch.sigmoid(self.layers(frame)[:, :1])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tiers")
    write_onnx(Work(1), folder / "student_xs.onnx", (32, 64), opset=17)
    write_onnx(Work(40), folder / "student_l.onnx", (64, 128), opset=17)
    return folder


def test_tiers_are_the_files_of_a_folder(folder: Path) -> None:
    assert find_tiers(folder) == {"xs": folder / "student_xs.onnx", "l": folder / "student_l.onnx"}
    assert find_tiers(folder / "student_l.onnx") == {"l": folder / "student_l.onnx"}


def test_the_machine_is_timed_and_its_budget_kept(folder: Path) -> None:
    tiers = find_tiers(folder)
    rich, poor = pick_tier(tiers, budget_ms=1e6), pick_tier(tiers, budget_ms=0)
    assert (rich.name, rich.path) == ("l", tiers["l"]) and poor.name == "xs"
    assert set(rich.milliseconds) == {"xs", "l"} and min(rich.milliseconds.values()) > 0


def test_a_name_is_obeyed_without_timing(folder: Path) -> None:
    tier = pick_tier(find_tiers(folder), "xs", budget_ms=1e6)
    assert tier.name == "xs" and tier.milliseconds == {}
    with pytest.raises(ValueError, match=r"no tier 'm'; there are l, xs, or `auto`"):
        pick_tier(find_tiers(folder), "m", budget_ms=1e6)


def test_no_model_says_where_it_comes_from(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"without \.onnx files; `dvc repro export`"):
        find_tiers(tmp_path)
    with pytest.raises(FileNotFoundError, match=r"gone\.onnx: no such model"):
        find_tiers(tmp_path / "gone.onnx")
