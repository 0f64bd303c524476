import dataclasses

import numpy as np
import pytest

from datasets.clips import Clip
from datasets.images import encode_jpeg, encode_png
from datasets.schema import BoxRow, FrameRow, LabelRow, QualityRow, VoteRow
from qa.annotations import FITTED, AnnotationJudge
from qa.score import Score, ScoreConfig

SIZE = (90, 120)
TEACHERS = ("a", "b", "c")


def block(top: int, left: int, bottom: int, right: int) -> np.ndarray:
    mask = np.zeros(SIZE, np.bool_)
    mask[top:bottom, left:right] = True
    return mask


PERSON = block(20, 40, 80, 80)
ARM = block(30, 80, 45, 110)


def grey(mask: np.ndarray) -> bytes:
    return encode_png(mask.astype(np.uint8) * 255)


def burst(
    labels: list[np.ndarray], *, votes: np.ndarray = PERSON, annotation: np.ndarray | None = None, truth: bytes = b""
) -> Clip:
    """A still person: one frame per label, all teachers but the last one of the same opinion as `votes`."""
    height, width = SIZE
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 40, (*SIZE, 1), dtype=np.uint8)
    image = encode_jpeg(np.repeat(np.where(PERSON[..., None], 180, 40).astype(np.uint8) + noise, 3, axis=2))
    keys = [{"source": "s", "clip": 0, "burst": 0, "time_us": i * 40_000} for i in range(len(labels))]
    frames = tuple(
        FrameRow(
            **key, path="a.mp4", name="0", width=width, height=height, source_width=width, source_height=height,
            image=image, blur=500.0, duplicate=64.0, subject="s", licences=[], origin="", split="", role="footage",
            mask=b"" if annotation is None else grey(annotation), truth=truth,
        )
        for key in keys
    )  # fmt: skip
    rows = tuple(
        LabelRow(
            **key, width=width, height=height, alpha=grey(mask), trust=grey(PERSON | True), foreground=image,
            strategy="mean", keyed=False, unknown=0.05, teachers=list(TEACHERS),
        )
        for key, mask in zip(keys, labels, strict=True)
    )  # fmt: skip
    box = {"boxes": [[40 / 120, 20 / 90, 80 / 120, 80 / 90]], "scores": [0.9], "support": [2]}
    ballot = dict.fromkeys(TEACHERS, votes)
    if annotation is not None:
        ballot["annotation"] = annotation
    return Clip(
        rows,
        {FrameRow: frames, BoxRow: tuple(BoxRow(**key, **box) for key in keys)},
        {
            name: tuple(VoteRow(**key, teacher=name, windows=[[0, 0, 1, 1]], maps=[grey(mask)]) for key in keys)
            for name, mask in ballot.items()
        },
    )


def score(clip: Clip, **config: object) -> list[QualityRow]:
    return list(Score(ScoreConfig(**config)).process(clip))


def test_a_label_all_agree_on_is_good():
    rows = score(burst([PERSON] * 3))
    assert [row.time_us for row in rows] == [0, 40_000, 80_000]
    for row in rows:
        assert row.quality > 0.9
        assert (row.error, row.error_box, row.annotation, row.scenarios) == ("", [], "", [])
        assert row.signals["label_iou"] == 1 and row.signals["flow_iou"] == 1
        assert list(row.signals) == sorted(row.signals)


def test_a_label_against_the_votes_is_doubtful_and_its_error_is_named():
    (row,) = score(burst([PERSON | ARM]))
    assert row.quality < 0.5 and row.error == "over_segmentation"
    x0, y0, x1, y1 = row.error_box
    assert x0 < 95 / 120 < x1 and y0 < 37 / 90 < y1
    assert score(burst([PERSON]))[0].quality > row.quality


def test_a_label_that_blinks_flickers():
    rows = score(burst([PERSON, block(20, 40, 50, 80), PERSON]))
    assert [row.error for row in rows][1] == "flicker"
    assert rows[1].quality < rows[2].quality


def test_every_row_survives_the_schema():
    (row,) = score(burst([PERSON | ARM]))
    import pyarrow as pa

    table = pa.Table.from_pylist([row.as_dict()], schema=QualityRow.arrow_schema())
    assert QualityRow.from_arrow(table.to_pylist()[0]) == row


@pytest.mark.parametrize(
    ("annotation", "verdict"),
    [
        (PERSON, "good"),
        (PERSON | ARM, "over_segmentation"),
        (block(20, 40, 50, 80), "missed_region"),
        (block(0, 85, 90, 120), "wrong_object"),
    ],
)
def test_annotations_are_judged_by_the_other_teachers(annotation: np.ndarray, verdict: str):
    (row,) = score(burst([PERSON], annotation=annotation))
    assert row.annotation == verdict
    assert row.signals["teachers"] == 3
    judge = AnnotationJudge.read(FITTED)
    assert (row.signals["annotation_doubt"] >= judge.doubt_from) == (verdict != "good")


def test_without_an_annotation_nobody_doubts_one():
    (row,) = score(burst([PERSON]))
    assert "annotation_doubt" not in row.signals


def test_truth_is_never_read():
    with_truth = score(burst([PERSON | ARM], truth=grey(PERSON)))
    assert with_truth == score(burst([PERSON | ARM]))


def test_an_empty_label_without_votes_is_scored():
    empty = PERSON & False
    clip = burst([empty, empty], votes=empty)
    for row in score(dataclasses.replace(clip, votes={})):
        assert "no_person" in row.scenarios and "label_iou" not in row.signals and 0 <= row.quality <= 1


def test_the_same_burst_gives_the_same_rows():
    clip = burst([PERSON, PERSON | ARM, PERSON])
    assert score(clip) == score(clip)


def test_a_burst_without_frames_names_itself():
    clip = burst([PERSON])
    with pytest.raises(ValueError, match="no frame at index 0; run the earlier stages again"):
        score(dataclasses.replace(clip, joined={}))
