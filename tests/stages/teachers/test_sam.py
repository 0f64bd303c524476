"""segment-anything's real code path, with a small randomly initialised SAM."""

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from pydantic import ValidationError

from datasets.shards import file_digest
from stages.teachers.sam import SamConfig, SamSizes, build_sam, load_weights

SIZES = SamSizes(image_size=128, width=32, depth=2, heads=2, global_attention=(1,))
BOXES = [(0.1, 0.2, 0.5, 0.9), (0.5, 0.1, 0.9, 0.8)]


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small SAM with sharpened masks, so that prompts make a difference."""
    torch.manual_seed(0)
    model = build_sam("custom", SIZES)
    for network in model.mask_decoder.output_hypernetworks_mlps:
        network.layers[-1].weight.data *= 20
    path = tmp_path_factory.mktemp("sam") / "small.pth"
    torch.save(model.state_dict(), path)
    return path


def _config(path: Path, **values: object) -> SamConfig:
    defaults = {"checkpoint": path.name, "sha256": file_digest(path), "model_type": "custom", "sizes": SIZES}
    return SamConfig.model_validate(defaults | values)


def _photo() -> np.ndarray:
    noise = np.random.default_rng(0).integers(0, 256, (9, 14, 3), np.uint8)
    return cv2.resize(noise, (180, 110), interpolation=cv2.INTER_CUBIC)


def test_the_vote_is_what_sam_answers_to_the_boxes(checkpoint: Path) -> None:
    """Boxes reach SAM in pixels of the frame, its masks come back at the frame's size, the union of people is voted."""
    from segment_anything import SamPredictor

    model = build_sam("custom", SIZES)
    model.load_state_dict(load_weights(checkpoint, file_digest(checkpoint)))
    predictor = SamPredictor(model)
    predictor.set_image(_photo())
    prompts = [np.array([18, 22, 90, 99]), np.array([90, 11, 162, 88])]
    masks = [predictor.predict(box=prompt, multimask_output=False)[0][0] for prompt in prompts]
    ((window, grey),) = _config(checkpoint).open(checkpoint.parent).predict(_photo(), BOXES)
    assert window == (0, 0, 1, 1) and grey.shape == (110, 180) and grey.dtype == np.uint8
    expected = masks[0] | masks[1]
    assert 0.05 < expected.mean() < 0.95 and (masks[0] != masks[1]).any()
    assert np.array_equal(grey > 127, expected)


def test_without_people_it_abstains(checkpoint: Path) -> None:
    assert _config(checkpoint).open(checkpoint.parent).predict(_photo(), []) == []


def test_more_people_only_add(checkpoint: Path) -> None:
    teacher = _config(checkpoint).open(checkpoint.parent)
    ((_, one),), ((_, two),) = teacher.predict(_photo(), BOXES[:1]), teacher.predict(_photo(), BOXES)
    assert np.all(two >= one) and (two > one).any()
    ((_, limited),) = _config(checkpoint, max_people=1).open(checkpoint.parent).predict(_photo(), BOXES)
    assert np.array_equal(limited, one)


def test_a_checkpoint_with_another_digest_is_never_opened(checkpoint: Path) -> None:
    with pytest.raises(ValueError, match=r"has SHA-256 .* expected 0000.*not opened"):
        _config(checkpoint, sha256="0" * 64).open(checkpoint.parent)


def test_a_missing_checkpoint_says_what_to_put_where(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"none\.pth.*SHA-256 aaaa"):
        load_weights(tmp_path / "none.pth", "a" * 64)


def test_a_checkpoint_that_would_run_code_is_refused(tmp_path: Path) -> None:
    class Intruder:
        def __reduce__(self) -> tuple[object, ...]:
            return (Path.touch, (tmp_path / "was_here",))

    path = tmp_path / "evil.pth"
    torch.save({"weights": Intruder()}, path)
    with pytest.raises(ValueError, match=r"evil\.pth.*nothing but tensors"):
        load_weights(path, file_digest(path))
    assert not (tmp_path / "was_here").exists()


def test_a_checkpoint_of_another_size_is_named(checkpoint: Path) -> None:
    other = SIZES.model_copy(update={"depth": 1, "global_attention": (0,)})
    with pytest.raises(ValueError, match=r"small\.pth: holds no SAM of type custom"):
        _config(checkpoint, sizes=other).open(checkpoint.parent)


def test_sizes_go_with_custom_only() -> None:
    for wrong in ({"model_type": "custom"}, {"model_type": "vit_b", "sizes": SIZES}):
        with pytest.raises(ValidationError, match="sizes"):
            SamConfig.model_validate({"checkpoint": "x.pth", "sha256": "a" * 64} | wrong)


def test_the_files_and_libraries_enter_the_keys() -> None:
    config = SamConfig(checkpoint="models/sam.pth", sha256="a" * 64)
    assert config.files == ("models/sam.pth",) and set(config.libraries) == {"torch", "segment-anything"}


def test_a_stroke_is_answered_with_the_object_under_it(checkpoint: Path) -> None:
    """Points of the stroke reach SAM in pixels, its best mask comes back without what the mask has already."""
    from segment_anything import SamPredictor

    model = build_sam("custom", SIZES)
    model.load_state_dict(load_weights(checkpoint, file_digest(checkpoint)))
    predictor = SamPredictor(model)
    predictor.set_image(_photo())
    stroke = np.zeros((110, 180), bool)
    stroke[55, 40:48] = True
    points = np.array([[x, 55] for x in range(40, 48)])
    masks, scores, _ = predictor.predict(point_coords=points, point_labels=np.ones(8, int))
    mask = np.zeros((110, 180), bool)
    mask[:60] = True
    grown = _config(checkpoint).open(checkpoint.parent).grow(_photo(), mask, stroke)
    expected = masks[np.argmax(scores)] & ~mask
    assert 0.01 < expected.mean() < 0.9 and np.array_equal(grown, expected)
