"""segment-anything prompted by the person boxes (Kirillov et al., Segment Anything, 2023)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from datasets.images import Grey, Image, Reduction
from datasets.shards import file_digest
from stages.base import Config
from stages.paste import Window
from stages.teachers.base import WHOLE, Ballot, TeacherConfig

if TYPE_CHECKING:
    from segment_anything import SamPredictor

    from stages.scribbles import Mask

EMBEDDING = 256
"""Width of the prompt embeddings and of the mask decoder, the same in every published SAM."""
PATCH = 16
STROKE_POINTS = 8
"""Points of a reviewer's stroke that SAM is prompted with."""
_ONLY_TENSORS = "a checkpoint may hold nothing but tensors by name; save the model's state_dict() alone"


class SamSizes(Config):
    """Sizes of a SAM that is none of the published ones.

    Attributes:
        image_size: side of the square input, a multiple of 16.
        width, depth, heads: of the image encoder.
        global_attention: the layers that attend to the whole picture rather than to a 14 x 14 window.
    """

    image_size: int = Field(ge=16, multiple_of=16)
    width: int = Field(ge=1)
    depth: int = Field(ge=1)
    heads: int = Field(ge=1)
    global_attention: tuple[int, ...]


class SamConfig(TeacherConfig):
    """A SAM checkpoint. It is in no package registry: the user brings it and says what it must be.

    Attributes:
        checkpoint: the `.pth` file, relative to the project's root.
        sha256: its SHA-256; nothing else is ever opened.
        model_type: `vit_b`, `vit_l`, `vit_h`, or `custom` with its `sizes`.
        max_people: prompts per frame at most, best boxes first.
    """

    libraries: ClassVar[tuple[str, ...]] = ("torch", "segment-anything")
    runtime: Literal["sam"] = "sam"
    checkpoint: str
    sha256: str = Field(pattern="^[0-9a-f]{64}$")
    model_type: Literal["vit_b", "vit_l", "vit_h", "custom"] = "vit_b"
    sizes: SamSizes | None = None
    max_people: int = Field(default=6, ge=1)

    @model_validator(mode="after")
    def _sizes_belong_to_custom(self) -> Self:
        if (self.model_type == "custom") != (self.sizes is not None):
            raise ValueError("`sizes` go with `model_type: custom`, and only with it")
        return self

    @property
    def files(self) -> tuple[str, ...]:
        return (self.checkpoint,)

    def open(self, root: Path) -> SamTeacher:
        """Check and open the checkpoint.

        Raises:
            FileNotFoundError: there is no such file.
            ValueError: its SHA-256 is another, or it holds another model than declared.
        """
        weights = load_weights(root / self.checkpoint, self.sha256)
        model = build_sam(self.model_type, self.sizes)
        try:
            model.load_state_dict(weights)
        except RuntimeError as error:
            raise ValueError(f"{root / self.checkpoint}: holds no SAM of type {self.model_type}: {error}") from error
        from segment_anything import SamPredictor

        return SamTeacher(SamPredictor(model), max_people=self.max_people)


class SamTeacher:
    """Votes with the masks SAM gives for the person boxes."""

    def __init__(self, predictor: SamPredictor, *, max_people: int) -> None:
        self._predictor, self._max_people = predictor, max_people

    def reduction(self, width: int, height: int, boxes: Sequence[Window]) -> Reduction:
        """Maps of the frame's size need the frame as it is; without people there is no prompt."""
        return 1 if boxes else 8

    def predict(self, image: Image, boxes: Sequence[Window], mask: Grey | None = None) -> Ballot:
        """One map for all people at the frame's size, as SAM enlarges its logits before any rounding.

        Abstains without a box.
        """
        if not boxes:
            return []
        height, width = image.shape[:2]
        self._predictor.set_image(image)
        corners = np.array(boxes[: self._max_people]) * [width, height, width, height]
        logits = [self._predictor.predict(box=box, multimask_output=False, return_logits=True)[0][0] for box in corners]
        best = np.clip(np.max(logits, axis=0).astype(np.float64), -80, 80)
        return [(WHOLE, np.asarray(np.rint(255 / (1 + np.exp(-best))), dtype=np.uint8))]

    def grow(self, image: Image, mask: Mask, stroke: Mask) -> Mask:
        """The object under a stroke, without what the mask has already: `stages.scribbles.Grow`.

        SAM is asked anew every time, with points of the stroke alone: no earlier answer, right or wrong, enters.
        """
        ys, xs = np.nonzero(stroke)
        chosen = np.linspace(0, len(ys) - 1, min(STROKE_POINTS, len(ys))).round().astype(int)
        points = np.stack([xs, ys], axis=1)[chosen]
        self._predictor.set_image(image)
        masks, scores, _ = self._predictor.predict(point_coords=points, point_labels=np.ones(len(points), int))
        return np.asarray(masks[int(np.argmax(scores))].astype(bool) & ~mask)


def load_weights(path: Path, sha256: str) -> Mapping[str, Any]:
    """The tensors of a checkpoint, after its SHA-256 is checked; nothing but tensors is unpickled.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: its SHA-256 is another, or it holds more than tensors.
    """
    import torch

    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such checkpoint; put the file with SHA-256 {sha256} there")
    found = file_digest(path)
    if found != sha256:
        raise ValueError(f"{path}: has SHA-256 {found}, expected {sha256}; it was not opened")
    try:
        weights: Mapping[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises half a dozen kinds for what is no checkpoint, or holds code
        raise ValueError(f"{path}: {_ONLY_TENSORS} ({type(error).__name__})") from error
    if not isinstance(weights, Mapping) or not all(isinstance(value, torch.Tensor) for value in weights.values()):
        raise ValueError(f"{path}: {_ONLY_TENSORS}")
    return weights


def build_sam(model_type: str, sizes: SamSizes | None) -> Any:
    """A `segment_anything.modeling.Sam` with random weights, in evaluation mode."""
    from stages.teachers.torchvision_shim import import_torchvision

    import_torchvision()
    from segment_anything import sam_model_registry

    return sam_model_registry[model_type]() if sizes is None else _custom(sizes)


def _custom(sizes: SamSizes) -> Any:
    from segment_anything.modeling import ImageEncoderViT, MaskDecoder, PromptEncoder, Sam, TwoWayTransformer
    from torch.nn import LayerNorm

    grid = sizes.image_size // PATCH
    encoder = ImageEncoderViT(
        img_size=sizes.image_size,
        patch_size=PATCH,
        embed_dim=sizes.width,
        depth=sizes.depth,
        num_heads=sizes.heads,
        global_attn_indexes=sizes.global_attention,
        out_chans=EMBEDDING,
        norm_layer=partial(LayerNorm, eps=1e-6),
        use_rel_pos=True,
        window_size=14,
    )
    prompts = PromptEncoder(
        embed_dim=EMBEDDING,
        image_embedding_size=(grid, grid),
        input_image_size=(sizes.image_size, sizes.image_size),
        mask_in_chans=16,
    )
    decoder = MaskDecoder(
        transformer_dim=EMBEDDING,
        transformer=TwoWayTransformer(depth=2, embedding_dim=EMBEDDING, num_heads=8, mlp_dim=2048),
    )
    return Sam(encoder, prompts, decoder).eval()
