import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from training.config import TrainConfig
from training.models.hourglass import Hourglass
from training.optimizer import Muon, make_optimizers, orthogonalise


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 12), st.integers(1, 12), st.integers(0, 1000))
def test_singular_values_come_near_one_and_singular_vectors_stay(rows: int, columns: int, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    u, _, vt = torch.linalg.svd(torch.randn(2, rows, columns, generator=generator), full_matrices=False)
    values = 0.2 + torch.rand(2, min(rows, columns), generator=generator)
    found = orthogonalise(u @ torch.diag_embed(values) @ vt)
    inner = u.transpose(1, 2) @ found @ vt.transpose(1, 2)
    diagonal = torch.diagonal(inner, dim1=1, dim2=2)
    assert (diagonal > 0.6).all() and (diagonal < 1.3).all()
    assert torch.allclose(inner, torch.diag_embed(diagonal), atol=1e-3)


def test_the_first_step_by_hand() -> None:
    # Of one output and one input any gradient becomes its sign (times 0.7-1.2), whatever its size.
    weight = torch.nn.Parameter(torch.tensor([[[[2.0]]], [[[2.0]]]])[:1])
    optimizer = Muon([weight], lr=0.1, weight_decay=0.5)
    weight.grad = torch.full_like(weight, 1e-3)
    optimizer.step()
    assert weight.item() == pytest.approx(2 * (1 - 0.05) - 0.1, abs=0.035)


def test_a_step_does_not_depend_on_the_gradients_size_nor_on_its_companions() -> None:
    gradient = torch.randn(6, 4, 3, 3, generator=torch.Generator().manual_seed(0))
    alone, among = (torch.nn.Parameter(torch.ones(6, 4, 3, 3)) for _ in range(2))
    other = torch.nn.Parameter(torch.ones(6, 36, 1, 1))
    alone.grad, among.grad, other.grad = gradient, 100 * gradient, torch.ones_like(other)
    Muon([alone], lr=0.1, weight_decay=0.0).step()
    Muon([among, other], lr=0.1, weight_decay=0.0).step()
    assert torch.allclose(alone, among, atol=1e-5)


def test_every_parameter_is_learnt_once_and_only_inner_kernels_by_muon(tiny: TrainConfig) -> None:
    model = Hourglass(tiny.model)
    optimizers = make_optimizers(model, tiny)
    learnt = [
        weight for optimizer in optimizers.values() for group in optimizer.param_groups for weight in group["params"]
    ]
    assert sorted(map(id, learnt)) == sorted(map(id, model.parameters()))
    kernels = optimizers["kernels"].param_groups[0]["params"]
    assert kernels and all(weight.ndim == 4 for weight in kernels)
    assert not {id(model.head.weight), id(model.stem[0].weight)} & {id(weight) for weight in kernels}


def test_channels_last_kernels_learn_alike() -> None:
    generator = torch.Generator().manual_seed(1)
    start, gradient = torch.randn(2, 5, 4, 3, 3, generator=generator)
    results = []
    for layout in (torch.contiguous_format, torch.channels_last):
        weight = torch.nn.Parameter(start.clone(memory_format=layout))
        optimizer = Muon([weight], lr=0.05, weight_decay=0.1)
        for _ in range(3):
            weight.grad = gradient.clone(memory_format=layout)
            optimizer.step()
        results.append(weight.detach().contiguous())
    assert torch.allclose(*results, atol=1e-6)
