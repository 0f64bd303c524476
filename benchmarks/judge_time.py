"""What the signals cost on 720p footage, one core: all that is done with decoded frames, labels and votes."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from itertools import islice

import cv2
import numpy as np

from datasets.clips import Clip
from datasets.images import decode_grey, decode_rgb, encode_jpeg, reduction_to
from datasets.schema import FrameRow, VoteRow
from pipeline.judge_data import KnownClip
from pipeline.params import Params
from qa.burst_signals import burst_signals
from qa.examples import AlphaFuse, fused, views_of
from qa.view import Outline, working_size

SIZE = (1280, 720)
BURSTS = 4
ROUNDS = 9


def milliseconds(known: Sequence[KnownClip], params: Params) -> tuple[float, float, float]:
    """A 720p frame in ms: all signals, all but those of optical flow, and decoding, which neither includes.

    Signals begin with frame, label and votes as they were decoded: bringing them to working size counts. Decoding is
    the reading of what stages have stored as JPEG and PNG. The least of some rounds, on one thread, in seconds of
    processor: a busy machine only ever adds.
    """
    cv2.setNumThreads(1)
    fuse = AlphaFuse(params.fuse)
    clips = [fused(fuse, _enlarged(one.clip)) for one in islice((one for one in known if len(one.clip) > 1), BURSTS)]
    frames = sum(len(clip) for clip in clips)
    rounds = []
    for _ in range(ROUNDS):
        start = time.process_time()
        for clip in clips:
            _decode(clip, params.score.side)
        decoded = time.process_time()
        views = [views_of(clip, params.score.side) for clip in clips]
        viewed = time.process_time()
        for burst in views:
            burst_signals(burst, flow=False)
        without = time.process_time()
        # what views remember of themselves must not be reused
        fresh = [[replace(view, label=Outline(view.label.mask)) for view in burst] for burst in views]
        again = time.process_time()
        for burst in fresh:
            burst_signals(burst)
        rounds.append((decoded - start, viewed - decoded, without - viewed, time.process_time() - again))
    decoding, view, plain, flowing = np.min(rounds, axis=0) / frames * 1000
    return float(view - decoding + flowing), float(view - decoding + plain), float(decoding)


def _decode(clip: Clip, side: int) -> None:
    """Decode what `qa.view.view_of` decodes, and nothing else."""
    for index, (frame, label) in enumerate(zip(clip.frames, clip.labels, strict=True)):
        assert frame is not None and label is not None
        width, _ = working_size(label, side)
        decode_rgb(frame.image, reduction=reduction_to(frame.width, frame.height, frame.width / width))
        for png in (label.alpha, label.trust, *(one for rows in clip.votes.values() for one in _maps(rows[index]))):
            decode_grey(png)


def _maps(vote: VoteRow | None) -> Sequence[bytes]:
    return vote.maps if vote else ()


def _enlarged(clip: Clip) -> Clip:
    return replace(clip, rows=tuple(_frame(row) for row in clip.frames if row is not None))


def _frame(row: FrameRow) -> FrameRow:
    image = cv2.resize(decode_rgb(row.image), SIZE, interpolation=cv2.INTER_LINEAR)
    return replace(row, width=SIZE[0], height=SIZE[1], image=encode_jpeg(np.asarray(image, np.uint8)))
