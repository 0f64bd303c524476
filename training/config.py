"""Every setting of the student's floor, in one place that imports no torch: reading `params.yaml` stays quick."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from stages.base import Config
from training.model_config import HourglassConfig, MobileNetUNetConfig, ModelConfig, RecurrentConfig

__all__ = [
    "AppearanceConfig",
    "BatchConfig",
    "CropConfig",
    "EvaluateConfig",
    "ExportConfig",
    "HourglassConfig",
    "LossConfig",
    "MobileNetUNetConfig",
    "PriorConfig",
    "RecurrentConfig",
    "TrainConfig",
    "WeightingConfig",
]


class LossConfig(Config):
    """How much each term counts, see `training.losses`; 0 leaves a term out, and what it would cost.

    Attributes:
        bce, dice, band: cross entropy, Dice, cross entropy in the boundary band.
        band_radius: pixels on either side of the contour.
        ohem: cross entropy of hard trusted pixels. laplacian: pyramid L1. distillation: from the soft label.
        temperature: of the distillation.
        temporal: change from the frame before against the truth's; a second pass, over that frame.
        consistency: KL to the answer on a more disturbed view; a second pass, over that view.
        foreground: L1 of the person's own colours, for students with `model.foreground`.
    """

    bce: float = Field(1.0, ge=0)
    dice: float = Field(0.5, ge=0)
    band: float = Field(0.5, ge=0)
    band_radius: int = Field(3, ge=1)
    ohem: float = Field(0.0, ge=0)
    laplacian: float = Field(0.0, ge=0)
    distillation: float = Field(0.0, ge=0)
    temperature: float = Field(2.0, gt=0)
    temporal: float = Field(0.0, ge=0)
    consistency: float = Field(0.0, ge=0)
    foreground: float = Field(0.0, ge=0)


class PriorConfig(Config):
    """The mix of priors the student learns from. Shares sum to 1.

    `empty` teaches the first frame, `minor` to propagate, `wrong` to discard, `own` to live with the student's own
    output (a two-step unroll). Source: Google, "Mobile Real-time Video Segmentation" (2018); shares ours.
    """

    empty: float = Field(0.35, ge=0)
    minor: float = Field(0.25, ge=0)
    wrong: float = Field(0.15, ge=0)
    own: float = Field(0.25, ge=0)

    @model_validator(mode="after")
    def _is_a_mix(self) -> PriorConfig:
        shares = (self.empty, self.minor, self.wrong, self.own)
        if abs(sum(shares) - 1) > 1e-6:
            raise ValueError(f"the shares of priors must sum to 1, got {shares}")
        return self


class CropConfig(Config):
    """How a sample is cropped around its person.

    Attributes:
        fill_min, fill_max: height of the person as a fraction of the crop's; above 1 the crop cuts the person.
        least: the crop's height as a fraction of the frame's, at least. enlarged: how many times a crop is enlarged,
            at most: more would only be a blur.
        head, headroom: chance that the crop begins above the head, and by how much of its height at most.
        shift: how far the person may lie from the crop's middle, as a fraction of the crop: sideways, and up or down
            where the crop does not begin above the head.
        aspect: log of how far width and height are stretched against each other. rotation_deg: in degrees.
        flip: chance of mirroring left and right.
        bend: standard deviation of smooth displacements as a fraction of the height, at most.
        narrow: chance that the crop plays a frame narrower than the student's, down to `narrowest` (width by height);
            crops of frames that are narrower than that always do.
    """

    fill_min: float = Field(0.45, gt=0)
    fill_max: float = Field(1.6, gt=0)
    least: float = Field(0.3, gt=0, le=1)
    enlarged: float = Field(2.0, ge=1)
    head: float = Field(0.85, ge=0, le=1)
    headroom: float = Field(0.3, ge=0, le=1)
    shift: float = Field(0.25, ge=0)
    aspect: float = Field(0.2, ge=0)
    rotation_deg: float = Field(8.0, ge=0)
    flip: float = Field(0.5, ge=0, le=1)
    bend: float = Field(0.03, ge=0, le=0.2)
    narrow: float = Field(0.4, ge=0, le=1)
    narrowest: float = Field(0.56, gt=0)


class AppearanceConfig(Config):
    """How far looks are changed. Amplitudes are half-widths of uniform draws; the rest are chances.

    Attributes:
        gamma: log of the exponent. contrast, brightness, white_balance, saturation: fractions.
        hue_deg: turn of the person's hues, scene_hue_deg of everything else, in degrees.
        grey: chance that a light takes all colour.
        relight, redress: chances that the surroundings, the clothes get a light of their own.
        cloth: chance of clothes with another texture. scene: chance of another sample's surroundings.
        absent: chance that, in those, there is nobody at all.
        filter: chance of a random convolution. blur, noise, jpeg: chances of a blurred, noisy, compressed frame.
    """

    gamma: float = Field(0.3, ge=0)
    contrast: float = Field(0.25, ge=0)
    brightness: float = Field(0.12, ge=0)
    white_balance: float = Field(0.08, ge=0)
    saturation: float = Field(0.35, ge=0)
    hue_deg: float = Field(8.0, ge=0)
    scene_hue_deg: float = Field(30.0, ge=0)
    grey: float = Field(0.05, ge=0, le=1)
    relight: float = Field(0.7, ge=0, le=1)
    redress: float = Field(0.3, ge=0, le=1)
    cloth: float = Field(0.1, ge=0, le=1)
    scene: float = Field(0.6, ge=0, le=1)
    absent: float = Field(0.15, ge=0, le=1)
    filter: float = Field(0.08, ge=0, le=1)
    blur: float = Field(0.15, ge=0, le=1)
    noise: float = Field(0.2, ge=0, le=1)
    jpeg: float = Field(0.2, ge=0, le=1)


class BatchConfig(Config):
    """What a batch is made of and how it is read.

    Attributes:
        size: samples a batch. curated_share: how many of them are real frames; the rest are synthetic clips.
        max_repeats: how often rows of a rare subject may be repeated to make subjects come about even.
        pool_row_groups: row groups (32 rows) shuffled together and held in memory, as encoded bytes.
        loaders: threads that make batches. ahead: batches made ahead of time at most.
    """

    size: int = Field(24, ge=1)
    curated_share: float = Field(0.25, ge=0, le=1)
    max_repeats: int = Field(8, ge=1)
    pool_row_groups: int = Field(16, ge=1)
    loaders: int = Field(1, ge=1)
    ahead: int = Field(6, ge=1)


class WeightingConfig(Config):
    """Whether the groups' weights follow how well their gradients agree with gold's (see `training.weighting`).

    Attributes:
        every: steps between two looks at the gradients. memory: what their running means keep at each.
        least: the smallest factor on a group's start weight.
    """

    learn: bool = False
    every: int = Field(10, ge=1)
    memory: float = Field(0.95, ge=0, lt=1)
    least: float = Field(0.25, gt=0, le=1)


class TrainConfig(Config):
    """How the student is trained. All lengths are in steps: a result never depends on the speed of the machine.

    Attributes:
        steps: in all. coarse_steps: how many of them, at first, on frames of half the height and width.
        learning_rate: peak of AdamW's (biases, normalisation, stem and head). kernel_learning_rate: peak of Muon's.
        weight_decay: fraction of a kernel that goes per unit of Muon's learning rate.
        warmup_steps: linear rise of the rates to their peaks; from the first whole frames on, half a cosine to 1 %.
        ema: how much of the running average of the weights each step keeps; that average is the student.
        patience: validations without improvement after which training stops; those of the coarse steps do not count.
        minimum_rows: fewer rows of split train than this are an error.
        validation_clips: clips and bursts of split val to validate on, at most.
        amp: bfloat16 on a GPU. compile: `torch.compile` on a GPU.
        threads: of torch on the CPU (loaders take more); they show in the last bits of sums.
        init_from: folder (relative to the project's root) of an earlier student to start from; empty for none.
    """

    seed: int = Field(0, ge=0)
    steps: int = Field(2000, ge=1)
    coarse_steps: int = Field(1200, ge=0)
    learning_rate: float = Field(6e-3, gt=0)
    kernel_learning_rate: float = Field(0.02, gt=0)
    weight_decay: float = Field(0.1, ge=0)
    warmup_steps: int = Field(60, ge=0)
    ema: float = Field(0.99, ge=0, lt=1)
    validate_every: int = Field(100, ge=1)
    patience: int = Field(6, ge=0)
    checkpoint_every: int = Field(50, ge=1)
    minimum_rows: int = Field(8, ge=1)
    validation_clips: int = Field(48, ge=1)
    device: Literal["auto", "cpu", "cuda"] = "auto"
    amp: bool = True
    compile: bool = False
    threads: int = Field(1, ge=1)
    init_from: str = ""
    model: ModelConfig = HourglassConfig()
    batch: BatchConfig = BatchConfig()
    loss: LossConfig = LossConfig()
    weighting: WeightingConfig = WeightingConfig()
    prior: PriorConfig = PriorConfig()
    crop: CropConfig = CropConfig()
    appearance: AppearanceConfig = AppearanceConfig()

    @property
    def looks_back(self) -> bool:
        """Whether every sample comes with the frame before it."""
        return self.loss.temporal > 0 or isinstance(self.model, RecurrentConfig)

    @property
    def looks_twice(self) -> bool:
        """Whether every sample comes with a second view."""
        return self.loss.consistency > 0

    @model_validator(mode="after")
    def _fits_together(self) -> TrainConfig:
        if self.coarse_steps >= self.steps:
            raise ValueError(f"coarse_steps ({self.coarse_steps}) must be less than steps ({self.steps})")
        if self.loss.foreground and not getattr(self.model, "foreground", False):
            raise ValueError(
                "loss.foreground needs a student that paints: model.family recurrent, model.foreground true"
            )
        return self


class EvaluateConfig(Config):
    """What is measured.

    Attributes:
        landscape: MediaPipe's selfie landscape model, relative to the project's root, timed beside the student.
        timing_rounds: frames each of the two is timed on, in turns, on one core.
        samples: frames of each set kept as pictures for the report.
        max_frames: of the test split measured at most, whole bursts spread evenly; the keyed clip is measured whole.
        resamples: sets of clips that are drawn for every confidence interval. seed: of these draws.
    """

    landscape: str = "models/selfie_landscape.tflite"
    timing_rounds: int = Field(100, ge=1)
    samples: int = Field(8, ge=0)
    max_frames: int = Field(200, ge=1)
    resamples: int = Field(2000, ge=100)
    seed: int = 0


class ExportConfig(Config):
    """How the student becomes an ONNX file.

    Attributes:
        opset: ONNX operator set. tolerance: largest difference of alpha between torch and onnxruntime that passes.
        parity_frames: random frames that the two are compared on.
    """

    opset: int = Field(17, ge=11)
    tolerance: float = Field(1e-4, gt=0)
    parity_frames: int = Field(8, ge=1)
