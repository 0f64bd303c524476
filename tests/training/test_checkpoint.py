from pathlib import Path

import pytest
import torch

from training.checkpoint import FILE, Progress, load_checkpoint, optimizer_tensors, restore_optimizer, save_checkpoint


def test_tensors_and_scalars_come_back_exactly(tmp_path: Path) -> None:
    progress = Progress("run", step=7, best_iou=0.1 + 0.2, history=[{"step": 4, "loss": 1 / 3}], totals={"loss": 2 / 3})
    tensors = {"model": {"a.b": torch.randn(3, 2), "count": torch.tensor(5)}}
    save_checkpoint(tmp_path, tensors, progress)
    found = load_checkpoint(tmp_path, "run")
    assert found is not None
    assert found[1] == progress
    assert all(torch.equal(found[0]["model"][name], tensor) for name, tensor in tensors["model"].items())


def test_another_runs_checkpoint_and_none_at_all_are_not_resumed(tmp_path: Path) -> None:
    assert load_checkpoint(tmp_path, "run") is None
    save_checkpoint(tmp_path, {"model": {"a": torch.zeros(1)}}, Progress("other"))
    assert load_checkpoint(tmp_path, "run") is None


def test_an_unfinished_write_leaves_the_old_checkpoint(tmp_path: Path) -> None:
    save_checkpoint(tmp_path, {"model": {"a": torch.zeros(1)}}, Progress("run", step=1))
    (tmp_path / f"{FILE}.123.tmp").write_bytes(b"half a file")
    found = load_checkpoint(tmp_path, "run")
    assert found is not None and found[1].step == 1


def test_a_damaged_file_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b"nonsense")
    with pytest.raises(ValueError, match="delete it"):
        load_checkpoint(tmp_path, "run")


def test_a_restored_optimizer_steps_alike() -> None:
    def trained(steps: int) -> tuple[torch.Tensor, torch.optim.AdamW]:
        weight = torch.nn.Parameter(torch.ones(4))
        optimizer = torch.optim.AdamW([weight], lr=0.1)
        for step in range(steps):
            optimizer.zero_grad()
            (weight.square() * (step + 1)).sum().backward()
            optimizer.step()
        return weight, optimizer

    weight, optimizer = trained(3)
    copy = torch.nn.Parameter(weight.detach().clone())
    other = torch.optim.AdamW([copy], lr=0.1)
    restore_optimizer(other, {name: tensor.clone() for name, tensor in optimizer_tensors(optimizer).items()})
    for parameter, steps in ((weight, optimizer), (copy, other)):
        steps.zero_grad()
        parameter.sum().backward()
        steps.step()
    assert torch.equal(weight, copy)
