from __future__ import annotations

from datetime import UTC, datetime

import cv2
import numpy as np

from datasets.clips import Clip
from datasets.images import decode_grey, encode_jpeg, encode_png
from datasets.reviews import Decision
from datasets.schema import CuratedRow, FrameRow, LabelRow, QualityRow
from qa.curate import Curate, CurateConfig
from qa.propagation import TRUST, mended_labels

HEIGHT, WIDTH, STEP = 96, 128, 3
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
RNG = np.random.default_rng(0)
TEXTURE = cv2.normalize(
    cv2.GaussianBlur(RNG.uniform(0, 255, (HEIGHT, WIDTH, 3)).astype(np.uint8), (0, 0), 2), None, 0, 255, cv2.NORM_MINMAX
)


def body(index: int) -> np.ndarray:
    mask = np.zeros((HEIGHT, WIDTH), np.bool_)
    mask[20:90, 30 + STEP * index : 80 + STEP * index] = True
    return mask


def hole(index: int) -> np.ndarray:
    mask = np.zeros((HEIGHT, WIDTH), np.bool_)
    mask[40:64, 45 + STEP * index : 65 + STEP * index] = True
    return mask


def burst(count: int = 5, *, whole: tuple[int, ...] = (), quality: float = 0.1, cut: int = 99) -> Clip:
    """A textured person moves right; a piece is missing in every label but those of `whole`."""
    qualities, frames, labels = [], [], []
    for index in range(count):
        key = {"source": "s", "clip": 0, "burst": 0, "time_us": 40_000 * index}
        person = np.roll(TEXTURE[::-1], STEP * index, axis=1)
        image = np.where(body(index)[..., None], person, TEXTURE)
        if index >= cut:
            image = np.random.default_rng(index).integers(0, 256, image.shape, dtype=np.uint8)
        mask = body(index) if index in whole else body(index) & ~hole(index)
        alpha = encode_png(mask.astype(np.uint8) * 255)
        frames.append(
            FrameRow(
                **key, path="a.mp4", name="0", width=WIDTH, height=HEIGHT, source_width=WIDTH, source_height=HEIGHT,
                image=encode_jpeg(np.ascontiguousarray(image), quality=98), blur=1.0, duplicate=64.0, subject="ann",
                licences=["MIT"], origin="", split="train", role="footage", mask=b"", truth=b"",
            )
        )  # fmt: skip
        labels.append(
            LabelRow(
                **key, width=WIDTH, height=HEIGHT, alpha=alpha, trust=encode_png(np.full(mask.shape, 255, np.uint8)),
                foreground=encode_jpeg(image), strategy="mean", keyed=False, unknown=0.0, teachers=[],
            )
        )  # fmt: skip
        signals = {"label_iou": 0.4}
        qualities.append(
            QualityRow(**key, signals=signals, quality=quality, error="", error_box=[], scenarios=[], annotation="")
        )
    return Clip(tuple(qualities), {FrameRow: tuple(frames), LabelRow: tuple(labels)})


def fixed(index: int, verdict: str = "fix") -> dict[tuple[str, int], Decision]:
    key = ("s", 40_000 * index)
    mask = b"" if verdict == "reject" else encode_png(body(index).astype(np.uint8) * 255)
    return {
        key: Decision(
            source="s", time_us=key[1], verdict=verdict, mask=mask, label="another", reviewer="eve", decided_at=NOON
        )
    }


def iou(first: np.ndarray, second: np.ndarray) -> float:
    return float((first & second).sum() / (first | second).sum())


def test_a_fix_mends_its_neighbours_along_the_motion():
    clip = burst()
    mended = mended_labels(clip, fixed(2))
    assert sorted(mended) == [0, 1, 3, 4]
    for index, label in mended.items():
        alpha, trust = decode_grey(label.alpha), decode_grey(label.trust)
        assert iou(alpha > 127, body(index)) > 0.96 > iou(body(index) & ~hole(index), body(index))
        turned = (alpha > 127) != (body(index) & ~hole(index))
        assert (trust[turned] == TRUST).all() and (trust[~turned] == 255).all()


def test_a_neighbour_without_the_error_and_one_with_a_decision_stay():
    assert sorted(mended_labels(burst(whole=(3,)), fixed(2))) == [0, 1, 4]
    assert sorted(mended_labels(burst(), fixed(2) | fixed(1, "reject"))) == [0, 3, 4]


def test_nothing_is_carried_across_a_cut_or_from_an_accept():
    assert set(mended_labels(burst(cut=3), fixed(1))) <= {0, 2}
    assert mended_labels(burst(), fixed(2, "accept")) == {}
    assert mended_labels(burst(), {}) == {}


def curated(clip: Clip, decisions: dict[tuple[str, int], Decision]) -> list[CuratedRow]:
    stage = Curate(CurateConfig())
    stage._decisions = decisions
    return [row for row in stage.process(clip) if isinstance(row, CuratedRow)]


def test_curate_keeps_what_was_mended_as_bronze_and_what_was_fixed_as_gold():
    assert curated(burst(), {}) == []  # the core does not agree: all rejected
    rows = {row.time_us // 40_000: row for row in curated(burst(), fixed(2))}
    assert {index: (row.group, row.label_source) for index, row in rows.items()} == {
        0: ("bronze", "propagated"), 1: ("bronze", "propagated"), 2: ("gold", "reviewed"),
        3: ("bronze", "propagated"), 4: ("bronze", "propagated"),
    }  # fmt: skip
    assert (decode_grey(rows[2].alpha) == body(2) * np.uint8(255)).all()
    silver = curated(burst(quality=0.9), fixed(2))
    assert {row.group for row in silver if row.label_source == "propagated"} == {"silver"}  # never gold
