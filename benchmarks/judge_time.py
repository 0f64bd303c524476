"""What the signals cost on 720p footage, one core, what they look at decoded included."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from itertools import islice

import cv2
import numpy as np

from datasets.clips import Clip
from datasets.images import decode_rgb, encode_jpeg
from datasets.schema import FrameRow
from pipeline.judge_data import KnownClip
from pipeline.params import Params
from qa.burst_signals import burst_signals
from qa.examples import AlphaFuse, fused, views_of
from qa.view import Outline

SIZE = (1280, 720)
BURSTS = 4
ROUNDS = 9


def milliseconds(known: Sequence[KnownClip], params: Params) -> tuple[float, float, float]:
    """A 720p frame in ms: all signals, all but those of optical flow, and the view alone, which both include.

    A view is the frame, its label and votes decoded and brought to working size. The least of some rounds, on one
    thread, in seconds of processor: a busy machine only ever adds.
    """
    cv2.setNumThreads(1)
    fuse = AlphaFuse(params.fuse)
    clips = [fused(fuse, _enlarged(one.clip)) for one in islice((one for one in known if len(one.clip) > 1), BURSTS)]
    frames = sum(len(clip) for clip in clips)
    rounds = []
    for _ in range(ROUNDS):
        start = time.process_time()
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
        rounds.append((viewed - start, without - viewed, time.process_time() - again))
    view, plain, flowing = np.min(rounds, axis=0) / frames * 1000
    return float(view + flowing), float(view + plain), float(view)


def _enlarged(clip: Clip) -> Clip:
    return replace(clip, rows=tuple(_frame(row) for row in clip.frames if row is not None))


def _frame(row: FrameRow) -> FrameRow:
    image = cv2.resize(decode_rgb(row.image), SIZE, interpolation=cv2.INTER_LINEAR)
    return replace(row, width=SIZE[0], height=SIZE[1], image=encode_jpeg(np.asarray(image, np.uint8)))
