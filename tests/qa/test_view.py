from dataclasses import replace

import numpy as np
import pytest

from datasets.clips import Clip
from datasets.images import encode_jpeg, encode_png
from datasets.schema import BoxRow, FrameRow, LabelRow, VoteRow
from qa.metrics import boundary_f, iou
from qa.view import Outline, View, centroid, view_of, working_size
from stages.paste import paste

KEY = {"source": "s", "clip": 0, "burst": 0, "time_us": 0}
WHOLE = [[0.0, 0.0, 1.0, 1.0]]


def disc(height: int, width: int, radius: float) -> np.ndarray:
    y, x = np.mgrid[:height, :width]
    return np.hypot(y - height / 2, x - width / 2) <= radius


def label_row(mask: np.ndarray) -> LabelRow:
    height, width = mask.shape
    grey = encode_png(mask.astype(np.uint8) * 255)
    return LabelRow(
        **KEY, width=width, height=height, alpha=grey, trust=encode_png(np.full((height, width), 51, np.uint8)),
        foreground=b"", strategy="mean", keyed=False, unknown=0.1, teachers=["a", "b"],
    )  # fmt: skip


def frame_row(mask: np.ndarray, *, annotation: bytes = b"") -> FrameRow:
    height, width = mask.shape
    image = encode_jpeg(np.repeat(mask[..., None].astype(np.uint8) * 200, 3, axis=2))
    return FrameRow(
        **KEY, path="a.mp4", name="0", width=width, height=height, source_width=width, source_height=height,
        image=image, blur=100.0, duplicate=64.0, subject="s", licences=[], origin="", split="", role="footage",
        mask=annotation, truth=b"",
    )  # fmt: skip


def vote_row(teacher: str, mask: np.ndarray, windows: list[list[float]]) -> VoteRow:
    return VoteRow(
        **KEY, teacher=teacher, windows=windows, maps=[encode_png(mask.astype(np.uint8) * 255)] * len(windows)
    )


def burst(**changes: object) -> Clip:
    mask = disc(120, 160, 30)
    votes = {
        "a": (vote_row("a", mask, WHOLE),),
        "b": (vote_row("b", mask, []),),
        "annotation": (vote_row("annotation", ~mask, WHOLE),),
        "c": (None,),
    }
    boxes = BoxRow(**KEY, boxes=[[0.2, 0.1, 0.8, 0.9]], scores=[0.9], support=[2])
    joined = {FrameRow: (frame_row(mask, **changes),), BoxRow: (boxes,)}
    return Clip((label_row(mask),), joined, votes)


def test_everything_comes_to_one_working_size():
    view = view_of(burst(annotation=encode_png(disc(120, 160, 30).astype(np.uint8) * 255)), 0, side=80)
    assert view.shape == (60, 80)
    assert view.image.shape == (60, 80, 3) and view.trust.shape == (60, 80)
    np.testing.assert_array_equal(view.annotation, view.label.mask)
    assert np.count_nonzero(view.label.mask) == pytest.approx(np.pi * 15**2, rel=0.05)
    assert view.diagonal == 100


def test_only_teachers_with_something_to_say_count():
    view = view_of(burst(), 0, side=80, annotators=["annotation"])
    assert list(view.votes) == ["a"]
    np.testing.assert_array_equal(view.ayes >= 0.5, view.outlines[0].mask)
    assert view.annotation is None


def test_a_small_label_is_not_enlarged():
    assert working_size(label_row(disc(120, 160, 30)), 256) == (160, 120)
    assert working_size(label_row(disc(160, 120, 30)), 80) == (60, 80)


def test_a_missing_frame_is_named():
    clip = burst()
    with pytest.raises(ValueError, match=r"clip 0 burst 0 .*no frame at index 0"):
        view_of(Clip(clip.rows, {}, clip.votes), 0, side=80)


def test_ayes_are_the_share_of_the_teachers():
    mask = disc(60, 80, 20)
    grey = mask.astype(np.uint8) * 255
    view = View(
        image=np.zeros((60, 80, 3), np.uint8), trust=grey, label=Outline(mask), votes={"a": grey, "b": grey * 0}
    )
    assert set(np.unique(view.ayes)) == {0.0, 0.5}
    assert not View(image=view.image, trust=grey, label=Outline(mask)).ayes.any()


def test_outline_maps_nest():
    outline = Outline(disc(120, 160, 30))
    assert outline.radius == 4
    assert (outline.band >= outline.near).all() and (outline.near >= outline.edge).all()
    assert outline.match(outline) == 1
    assert outline.match(Outline(disc(120, 160, 45))) == 0


def test_the_agreement_of_all_outlines_is_that_of_each_pair():
    masks = [disc(45, 70, radius) for radius in (10, 14, 20)] + [np.zeros((45, 70), np.bool_)] * 2
    label = Outline(np.roll(masks[0], 3, axis=1))
    votes = {str(index): mask.astype(np.uint8) * 255 for index, mask in enumerate(masks)}
    view = View(np.zeros((45, 70, 3), np.uint8), np.zeros((45, 70), np.uint8), label, votes=votes)
    ious, fs = view.agreement
    outlines = (view.label, *view.outlines)
    for i, first in enumerate(outlines):
        for j, second in enumerate(outlines):
            assert ious[i, j] == iou(first.mask, second.mask)
            assert fs[i, j] == pytest.approx(boundary_f(first.mask, second.mask))


def test_the_centroid_by_hand():
    mask = np.zeros((4, 6), np.bool_)
    mask[1, 2:5] = mask[2, 4] = True
    # columns 2, 3, 4 and 4; rows 1, 1, 1 and 2
    np.testing.assert_allclose(centroid(mask), [13 / 4, 5 / 4])
    assert centroid(np.zeros((4, 6), np.bool_)) is None


def test_a_vote_on_the_whole_frame_lands_where_pasting_puts_it():
    vote = vote_row("a", disc(96, 96, 30), WHOLE)
    shown = view_of(replace(burst(), votes={"a": (vote,)}), 0, side=80).votes["a"]
    assert np.abs(shown.astype(int) - paste(vote, 80, 60)).max() <= 1
