"""How many composited clips a second: our renderer, albumentations and kornia, at the same work, in one run.

The work: a clip of four frames of 512x288. In every frame one person, colours and alpha, is bent by a thin-plate spline
of twelve control points and moved by an affine motion, the background is moved by another, the person is laid over the
background, and the picture gets a Gaussian blur and noise; out come the picture and its alpha, 8 bits both. Every frame
has a spline and motions of its own: that is what motion is. Inputs are 8-bit pictures of the clip's size.

- `ours`: `stages.recipe.draw` and `stages.render.render`, the code of the stage, which also cuts the person out, keeps
  border contact (for which the person is placed once more, without motion) and gives a trust map: a label that is
  trusted wholly, since the others know of none.
- `albumentations` 2.0.8: ThinPlateSpline, Affine, GaussianBlur, GaussNoise, colours and alpha as one picture of four
  channels; the laying over is OpenCV's, on bytes, as ours. Its control points are a square number; to have twelve, the
  function that lays them out is replaced (nine or sixteen take a tenth less or more).
- `kornia`: warp_image_tps, warp_affine, gaussian_blur2d on batches of the clip's four frames, in inference mode.
- `one remap`: a bare `cv2.remap` of the person and one of the background through ready maps, and a copy. No renderer
  that interpolates every pixel once with OpenCV can take less.

All run in turns in one process that may use two threads (`--threads`), on wall clocks; the medians are compared, and
the spread is printed. The last line is JSON: `ratio`, the milliseconds of the faster of the two libraries by
ours.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

import albumentations as A
import cv2
import kornia
import numpy as np
import torch
from albumentations.augmentations.geometric import functional as fgeometric
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track
from rich.table import Table

from stages.actor import Cutout
from stages.draws import MotionConfig, RecipeConfig
from stages.recipe import draw
from stages.render import render
from stages.trajectories import Pose
from stages.warps import affine, pull, pull_map

HEIGHT, WIDTH, FRAMES, POINTS = 288, 512, 4, 12
TURN, MOVE, ZOOM, SHEAR = 5.0, 0.08, 0.08, 2.0
"""Largest rotation in degrees, translation of the height, change of size, shear in degrees: as in `params.yaml`."""
BEND, BLUR, NOISE = 0.02, 0.7, 5.0
"""Deviations: of the spline's displacements as a fraction of the height, of the blur in pixels, of noise in levels."""
KERNEL = 5
"""Pixels of the blur's kernel: what OpenCV takes for that deviation."""

Frames = list[tuple[NDArray[np.uint8], NDArray[np.uint8]]]
"""Pictures `(H, W, 3)` and alphas `(H, W)`."""
Contender = Callable[[int], object]
"""Makes the clip of a seed."""


@dataclass(frozen=True)
class Material:
    """One person and one background of `(HEIGHT, WIDTH)`, 8 bits."""

    person: NDArray[np.uint8]
    alpha: NDArray[np.uint8]
    background: NDArray[np.uint8]

    @property
    def rgba(self) -> NDArray[np.uint8]:
        """`(H, W, 4)` with colours times alpha, as every contender that warps wants them."""
        lit = cv2.multiply(self.person, cv2.cvtColor(self.alpha, cv2.COLOR_GRAY2RGB), scale=1 / 255)
        return np.dstack([lit, self.alpha])


def main() -> None:
    """Measure in turns; a table, and one line of JSON."""
    options = _options()
    cv2.setNumThreads(options.threads)
    torch.set_num_threads(options.threads)
    console = Console(stderr=True)
    given = material()
    contenders: dict[str, Contender] = {
        "ours": lambda seed: ours(given, seed),
        "albumentations": Albumentations(given),
        "kornia": Kornia(given),
        "one remap": Remap(given),
    }
    for make in contenders.values():  # first calls load libraries and draw the sheet of noise
        make(0)
        make(1)
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    clips = {"ours": 8, "albumentations": 1, "kornia": 1, "one remap": 16}
    for turn in track(range(options.rounds), "rounds", console=console, disable=not console.is_terminal):
        for name, make in contenders.items():
            start = time.perf_counter()
            for index in range(clips[name]):
                make(turn * 100 + index)
            seconds[name].append((time.perf_counter() - start) / clips[name])
        if not console.is_terminal:
            console.print(f"round {turn + 1} of {options.rounds}", highlight=False)
    medians = {name: statistics.median(values) for name, values in seconds.items()}
    peers = {name: medians[name] for name in ("albumentations", "kornia")}
    console.print(_table(seconds, options))
    print(json.dumps({"ratio": round(min(peers.values()) / medians["ours"], 2)}))


def material() -> Material:
    """Head and shoulders with soft edges over smooth noise: what is in a picture does not change the time."""
    rng = np.random.default_rng(0)
    alpha = np.zeros((HEIGHT, WIDTH), np.uint8)
    cv2.ellipse(alpha, (256, 110), (58, 78), 0, 0, 360, 255, -1)
    cv2.ellipse(alpha, (256, 290), (150, 120), 0, 0, 360, 255, -1)
    pictures = [
        cv2.GaussianBlur(rng.integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8), (0, 0), 3.0) for _ in range(2)
    ]
    return Material(pictures[0], cv2.GaussianBlur(alpha, (0, 0), 1.5), pictures[1])


def ours(given: Material, seed: int) -> object:
    """Draw a recipe and render it, as `stages.synthesize` does."""
    recipe = draw(seed, OURS, length=FRAMES, runs=[[0]], backgrounds=[("background", 0)])
    cutout = Cutout(given.person, given.alpha, np.full_like(given.alpha, 255))
    return render(recipe, {0: cutout}, given.background, (HEIGHT, WIDTH))


_MOTION = MotionConfig(probability=1, translation=MOVE, rotation=TURN, zoom=ZOOM, shear=SHEAR)
OURS = RecipeConfig(
    real_motion_probability=0,
    mirror_probability=0,
    person_motion=_MOTION,
    camera_motion=_MOTION,
    shared_camera_probability=0,
    pause_probability=0,
    turn_probability=0,
    bend_probability=1,
    bend_sigma=BEND,
    background_blur_probability=0,
    shrink_probability=0,
    blur_probability=1,
    blur=(BLUR, BLUR),
    sharpen_probability=0,
    noise_probability=1,
    noise=(NOISE, NOISE),
    colour_probability=0,
    match_probability=0,
    jpeg_probability=0,
    grey_probability=0,
    wrap_probability=0,
    shutter_probability=0,
    h264_probability=0,
    companion_probability=0,
)
"""Everything that the others do, in every frame, and nothing that they do not, but for light and border contact."""


def control_points() -> NDArray[np.float64]:
    """`(12, 2)` points `(x, y)` 0-1: four columns, three rows."""
    x, y = np.meshgrid(np.linspace(0, 1, POINTS // 3), np.linspace(0, 1, 3))
    return np.stack([x.ravel(), y.ravel()], axis=1)


class Albumentations:
    """Its own draws and its own warps, one frame after the other; pictures of four channels spare it a second warp."""

    def __init__(self, given: Material) -> None:
        self._rgba, self._background = given.rgba, given.background
        fgeometric.generate_control_points = lambda _: control_points()
        move = {
            "scale": (1 - ZOOM, 1 + ZOOM),
            "translate_percent": (-MOVE, MOVE),
            "rotate": (-TURN, TURN),
            "shear": (-SHEAR, SHEAR),
            "p": 1,
        }
        bend = A.ThinPlateSpline(scale_range=(10 * BEND, 10 * BEND), p=1)
        self._person = A.Compose([bend, A.Affine(**move)])
        self._scene = A.Affine(**move, border_mode=cv2.BORDER_REFLECT_101)
        level = NOISE / 255
        self._camera = A.Compose(
            [
                A.GaussianBlur(blur_limit=(KERNEL, KERNEL), sigma_limit=(BLUR, BLUR), p=1),
                A.GaussNoise(std_range=(level, level), p=1),
            ]
        )

    def __call__(self, seed: int) -> Frames:
        self._person.set_random_seed(seed)
        return [self._frame() for _ in range(FRAMES)]

    def _frame(self) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        rgba = self._person(image=self._rgba)["image"]
        image = laid_over(rgba, self._scene(image=self._background)["image"])
        return self._camera(image=image)["image"], cv2.extractChannel(rgba, 3)


class Kornia:
    """A clip is one batch: four splines, four motions, one blur."""

    def __init__(self, given: Material) -> None:
        batch = (FRAMES, -1, -1, -1)
        self._rgba = torch.from_numpy(given.rgba).permute(2, 0, 1)[None].float().div(255).expand(batch).contiguous()
        scene = torch.from_numpy(given.background).permute(2, 0, 1)[None].float().div(255)
        self._scene = scene.expand(batch).contiguous()
        y, x = torch.meshgrid(torch.linspace(-0.8, 0.8, 3), torch.linspace(-0.8, 0.8, POINTS // 3), indexing="ij")
        self._points = torch.stack([x, y], 2).reshape(1, POINTS, 2).expand(FRAMES, -1, -1)

    @torch.inference_mode()
    def __call__(self, seed: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        torch.manual_seed(seed)
        warp = kornia.geometry.transform
        to = self._points + 2 * BEND * torch.randn(self._points.shape)
        kernel, linear = warp.get_tps_transform(to, self._points)
        person = warp.warp_image_tps(self._rgba, self._points, kernel, linear)
        person = warp.warp_affine(person, self._motion(), (HEIGHT, WIDTH))
        scene = warp.warp_affine(self._scene, self._motion(), (HEIGHT, WIDTH), padding_mode="reflection")
        alpha = person[:, 3:]
        image = kornia.filters.gaussian_blur2d(person[:, :3] + (1 - alpha) * scene, (KERNEL, KERNEL), (BLUR, BLUR))
        image = (image + NOISE / 255 * torch.randn(image.shape)).mul_(255).round_().clamp_(0, 255).byte()
        return image.permute(0, 2, 3, 1).contiguous().numpy(), alpha.mul(255).round_().byte()[:, 0].numpy()

    @staticmethod
    def _motion() -> torch.Tensor:
        """`(FRAMES, 2, 3)`."""
        draws = 2 * torch.rand(FRAMES, 5) - 1
        centre = torch.tensor([WIDTH / 2, HEIGHT / 2]).expand(FRAMES, -1)
        return kornia.geometry.get_affine_matrix2d(
            draws[:, :2] * MOVE * HEIGHT,
            centre,
            (1 + ZOOM * draws[:, 2:3]).expand(-1, 2),
            TURN * draws[:, 3],
            torch.deg2rad(SHEAR * draws[:, 4]),
        )[:, :2]


class Remap:
    """The limit: nothing but reading every pixel once through maps that are ready, and one copy of the picture."""

    def __init__(self, given: Material) -> None:
        self._rgba, self._scene = given.rgba, given.background
        pose = Pose(right=0.03, down=0.0, rotation=3.0, zoom=1.03).matrix((WIDTH / 2, HEIGHT / 2), HEIGHT)
        self._maps = pull_map((HEIGHT, WIDTH), pose), pull_map((HEIGHT, WIDTH), affine(pivot=(0, 0), zoom=1.05))

    def __call__(self, seed: int) -> Frames:
        return [
            (pull(self._scene, self._maps[1]).copy(), pull(self._rgba, self._maps[0])[..., 3]) for _ in range(FRAMES)
        ]


def laid_over(rgba: NDArray[np.uint8], scene: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Porter and Duff's over on bytes with OpenCV."""
    rest = cv2.cvtColor(cv2.bitwise_not(cv2.extractChannel(rgba, 3)), cv2.COLOR_GRAY2RGB)
    return cv2.add(cv2.cvtColor(rgba, cv2.COLOR_RGBA2RGB), cv2.multiply(scene, rest, scale=1 / 255))


def _table(seconds: dict[str, list[float]], options: argparse.Namespace) -> Table:
    table = Table(title=f"clips of {FRAMES} frames of {WIDTH}x{HEIGHT}, {options.threads} threads")
    for column in ("what", "ms a clip, median", "fastest", "slowest", "clips/s"):
        table.add_column(column, justify="left" if column == "what" else "right")
    for name, values in seconds.items():
        middle = statistics.median(values)
        row = (f"{middle * 1e3:.1f}", f"{min(values) * 1e3:.1f}", f"{max(values) * 1e3:.1f}", f"{1 / middle:.1f}")
        table.add_row(name, *row)
    return table


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=0, help="default: 15")
    parser.add_argument("--threads", type=int, default=min(2, os.cpu_count() or 1), help="default: %(default)s")
    parser.add_argument("--quick", action="store_true", help="three rounds")
    options = parser.parse_args()
    options.rounds = options.rounds or (3 if options.quick else 15)
    return options


if __name__ == "__main__":
    main()
