import cv2
import numpy as np

from datasets.clips import Clip
from datasets.images import decode_grey, decode_rgb, encode_jpeg, encode_png
from datasets.schema import BoxRow, FrameRow, VoteRow
from qa.metrics import as_mask, iou
from qa.panning import panned
from stages.paste import paste

KEY = {"source": "s", "clip": 0, "burst": 0, "time_us": 0}


def photo() -> tuple[Clip, bytes]:
    """A bright person before a dark wall, a teacher that is right, one with a window of its own, one that abstains."""
    mask = np.zeros((300, 400), np.uint8)
    cv2.ellipse(mask, (200, 150), (50, 90), 0, 0, 360, 255, -1)
    frame = FrameRow(
        **KEY, path="a.jpg", name="a", width=400, height=300, source_width=400, source_height=300,
        image=encode_jpeg(np.repeat(mask[..., None] // 2 + 60, 3, axis=2)), blur=1.0, duplicate=64.0, subject="s",
        licences=[], origin="", split="", role="footage", mask=b"", truth=b"",
    )  # fmt: skip
    window = [0.25, 0.1, 0.75, 0.9]
    votes = {
        "whole": VoteRow(**KEY, teacher="whole", windows=[[0.0, 0.0, 1.0, 1.0]], maps=[encode_png(mask)]),
        "crop": VoteRow(**KEY, teacher="crop", windows=[window], maps=[encode_png(mask[30:270, 100:300].copy())]),
        "absent": VoteRow(**KEY, teacher="absent", windows=[], maps=[]),
    }
    boxes = BoxRow(**KEY, boxes=[[150 / 400, 60 / 300, 250 / 400, 240 / 300]], scores=[0.9], support=[2])
    return Clip((frame,), {BoxRow: (boxes,)}, {name: (vote,) for name, vote in votes.items()}), encode_png(mask)


def test_frame_votes_boxes_and_truth_move_together():
    clip, truth = photo()
    moved, truths = panned(clip, [truth], np.random.default_rng(0), frames=4, side=240)
    assert len(moved) == 4 and [row.time_us for row in moved.rows] == [0, 40_000, 80_000, 120_000]
    for index, exact in enumerate(truths):
        mask, frame = decode_grey(exact), moved.frames[index]
        assert max(mask.shape) == 240 and (frame.height, frame.width) == mask.shape
        for teacher in ("whole", "crop"):
            assert iou(paste(moved.votes[teacher][index], frame.width, frame.height), mask) > 0.96
        assert iou(decode_rgb(frame.image)[..., 0] > 120, as_mask(mask)) > 0.96
        x, y, wide, high = cv2.boundingRect((mask >= 128).astype(np.uint8))
        box = np.asarray(moved.boxes[index].boxes[0]) * [frame.width, frame.height, frame.width, frame.height]
        assert np.abs(box - [x, y, x + wide, y + high]).max() < 3
        assert moved.votes["absent"][index].maps == []
    assert not np.array_equal(decode_grey(truths[0]), decode_grey(truths[3]))


def test_the_same_generator_pans_the_same_way():
    clip, truth = photo()
    first, second = (panned(clip, [truth], np.random.default_rng(7)) for _ in range(2))
    assert first == second
