"""The contract of every family in every tier: what training, export and the runtime count on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from training.config import ExportConfig, TrainConfig
from training.export import MODEL, export
from training.model_config import FAMILIES, FamilyConfig, HourglassConfig, RecurrentConfig, model_config
from training.models import StudentModel, make_model
from training.models.recurrent import Recurrent
from training.optimizer import make_optimizers
from training.runtime import Student
from training.weights import load_student, save_student

SIZE = (64, 96)
TIERS = ("XS", "S", "L")
EVERY = [(family, tier) for family in FAMILIES for tier in TIERS]


def _config(family: str, tier: str, size: tuple[int, int] = SIZE) -> FamilyConfig:
    return model_config({"family": family, "tier": tier, "height": size[0], "width": size[1]})


@pytest.fixture(params=EVERY, ids=lambda pair: "-".join(pair))
def model(request: pytest.FixtureRequest) -> StudentModel:
    torch.manual_seed(0)
    student = make_model(_config(*request.param))
    for module in student.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.ones_(module.weight)  # residual branches may start at zero, which blocks first gradients
    return student


def test_logits_have_the_frames_size_whole_and_halved_in_any_batch(model: StudentModel) -> None:
    assert model(torch.rand(3, 4, *SIZE)).shape == (3, 1, *SIZE)
    assert model.eval()(torch.rand(1, 4, SIZE[0] // 2, SIZE[1] // 2)).shape == (1, 1, SIZE[0] // 2, SIZE[1] // 2)


def test_frame_and_prior_both_matter(model: StudentModel) -> None:
    model.eval()
    frame = torch.rand(1, 4, *SIZE)
    for channel in range(4):
        changed = frame.clone()
        changed[:, channel] = 1 - changed[:, channel]
        assert not torch.allclose(model(frame), model(changed), atol=1e-6), f"channel {channel} is not seen"


def test_a_gradient_reaches_every_parameter(model: StudentModel) -> None:
    first, states = model.step(torch.rand(2, 4, *SIZE))
    second, _ = model.step(torch.rand(2, 4, *SIZE), states)
    (first.square().mean() + second.square().mean()).backward()
    dry = [name for name, p in model.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0]
    assert not dry


def test_every_parameter_is_learnt_once(model: StudentModel) -> None:
    optimizers = make_optimizers(model, TrainConfig())
    learnt = [p for optimizer in optimizers.values() for group in optimizer.param_groups for p in group["params"]]
    assert sorted(map(id, learnt)) == sorted(map(id, model.parameters()))
    assert model.first.weight.shape[1] == 4 and model.head.bias is not None


def test_only_the_recurrent_remember(model: StudentModel) -> None:
    model.eval()
    frame = torch.rand(1, 4, *SIZE)
    logits, states = model.step(frame)
    assert torch.equal(logits, model(frame))  # a first frame is a frame without memory
    assert bool(states) == model.recurrent
    again, _ = model.step(frame, states)
    assert torch.equal(again, logits) != model.recurrent
    zeros, _ = model.step(frame, tuple(torch.zeros_like(state) for state in states))
    assert torch.allclose(zeros, logits, atol=1e-6)


def test_saved_loaded_and_exported_it_answers_alike(model: StudentModel, tmp_path: Path) -> None:
    model.train()
    for _ in range(2):
        model(torch.rand(2, 4, *SIZE))  # moves the running statistics off their start
    save_student(tmp_path / "student", model, {})
    loaded = load_student(tmp_path / "student")
    assert loaded.config == model.config
    frame = torch.rand(1, 4, *SIZE)
    assert torch.equal(loaded(frame), model.eval()(frame))
    result = export(config=ExportConfig(parity_frames=3), student=tmp_path / "student", out=tmp_path)
    assert result.difference < 1e-4
    runtime = Student(tmp_path / MODEL)
    images = np.random.default_rng(0).integers(0, 256, (3, *SIZE, 3), dtype=np.uint8)
    first = [runtime(image) for image in images]
    runtime.reset()
    assert all(np.array_equal(a, runtime(image)) for a, image in zip(first, images, strict=True))
    assert np.abs(first[1].astype(int) - _by_torch(loaded, images[:2]).astype(int)).max() <= 1


@torch.no_grad()
def _by_torch(model: StudentModel, images: np.ndarray) -> np.ndarray:
    prior, states = torch.zeros(1, 1, *SIZE), ()
    for image in images:
        picture = torch.from_numpy(image).permute(2, 0, 1)[None] / 255
        logits, states = model.step(torch.cat([picture, prior], dim=1), states)
        prior = logits.sigmoid()
    return np.rint(prior[0, 0].numpy() * 255)


def test_a_student_that_paints_starts_with_the_frames_own_colours_and_learns_others() -> None:
    torch.manual_seed(0)
    config = model_config({"family": "recurrent", "height": SIZE[0], "width": SIZE[1], "foreground": True})
    model = make_model(config)
    assert isinstance(model, Recurrent)
    frame = torch.rand(2, 4, *SIZE)
    logits, painted, states = model.matte(frame)
    assert torch.equal(painted, frame[:, :3]) and len(states) == 4 and logits.shape == (2, 1, *SIZE)
    (painted - 0.5).abs().mean().backward()
    assert model.painter is not None and model.painter.weight.grad is not None and model.painter.weight.grad.any()
    plain = make_model(model_config({"family": "recurrent", "height": SIZE[0], "width": SIZE[1]}))
    assert isinstance(plain, Recurrent)
    with pytest.raises(ValueError, match=r"train\.model\.foreground"):
        plain.matte(frame)


@pytest.mark.parametrize("family", FAMILIES)
def test_tiers_grow_and_the_usual_two_resolutions_fit(family: str) -> None:
    sizes = [sum(p.numel() for p in make_model(_config(family, tier)).parameters()) for tier in TIERS]
    assert sizes == sorted(sizes) and sizes[-1] > 3 * sizes[0]
    for size in ((144, 256), (288, 512)):
        model = make_model(_config(family, "XS", size)).eval()
        assert model(torch.rand(1, 4, *size)).shape == (1, 1, *size)


def test_the_default_is_student_s_of_the_hourglass() -> None:
    config = TrainConfig().model
    assert config == HourglassConfig() == model_config({}) == model_config({"family": "hourglass", "tier": "S"})
    assert sum(p.numel() for p in make_model(config).parameters()) == 480_976


def test_numbers_that_are_given_count_more_than_the_tier() -> None:
    config = model_config({"tier": "XS", "channels": [8, 12, 16, 16]})
    assert isinstance(config, HourglassConfig)
    assert config.channels == (8, 12, 16, 16) and config.squeeze == (16, 16, 16, 32)


def test_null_means_the_tiers_so_that_the_family_can_be_turned_alone() -> None:
    assert model_config({"family": "recurrent", "squeeze": None, "depths": None}) == RecurrentConfig()
    with pytest.raises(ValidationError, match="width_of_stem"):
        model_config({"width_of_stem": None})


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"family": "vgg"}, "hourglass, mobilenet_unet, recurrent"),
        ({"family": "recurrent", "tier": "M"}, "'XS', 'S' or 'L'"),
        ({"family": "mobilenet_unet", "squeeze": [1, 1, 1, 1]}, "squeeze"),
        ({"family": "recurrent", "decoder": [9, 8, 8, 8]}, "must be even"),
    ],
)
def test_what_does_not_exist_is_named(values: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        model_config(values)
