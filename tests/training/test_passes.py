import torch

from training.model_config import model_config
from training.models import States, make_model
from training.passes import run_passes

NONE = torch.zeros(0, 4, 1, 2)


def _sum(frame: torch.Tensor, states: States) -> tuple[torch.Tensor, States]:
    """A recurrent stand-in: logits are red plus what is remembered, which is red of the frame before."""
    red = frame[:, :1]
    return red + (states[0] if states else 0), (red,)


def _frames(*reds: float) -> torch.Tensor:
    frames = torch.zeros(len(reds), 4, 1, 2)
    frames[:, 0] = torch.tensor(reds)[:, None, None]
    return frames


def test_without_other_passes_there_is_one() -> None:
    found = run_passes(_sum, _frames(1, 2), NONE, NONE, torch.tensor([True, True]))
    assert found.logits[:, 0, 0, 0].tolist() == [1, 2] and found.earlier is None and found.second is None


def test_what_is_remembered_reaches_all_but_first_frames() -> None:
    carried = torch.tensor([True, False])
    found = run_passes(_sum, _frames(1, 2), _frames(10, 20), _frames(3, 4), carried)
    assert found.earlier is not None and found.second is not None
    assert found.earlier[:, 0, 0, 0].tolist() == [10, 20]
    assert found.logits[:, 0, 0, 0].tolist() == [11, 2]
    assert found.second[:, 0, 0, 0].tolist() == [13, 4]


def test_two_steps_unrolled_teach_what_to_remember() -> None:
    torch.manual_seed(0)
    model = make_model(model_config({"family": "recurrent", "tier": "XS", "height": 32, "width": 64}))
    frames, earlier = torch.rand(2, 2, 4, 32, 64)
    none = torch.zeros(0, 4, 32, 64)
    run_passes(model.step, frames, earlier, none, torch.tensor([True, False])).logits.square().mean().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for name, p in model.named_parameters() if "gru" in name)
