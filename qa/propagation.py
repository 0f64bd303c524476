"""Fixed frames mend the labels of their burst: the correction follows the flow, and is trusted less than gold."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Mapping, Sequence

import numpy as np

from datasets.clips import Clip
from datasets.images import Grey, Image, decode_grey, decode_rgb, encode_png
from datasets.reviews import Decision
from datasets.schema import FrameRow, LabelRow
from qa.fix_spread import spread_fix
from qa.metrics import Mask, as_mask
from qa.queue import nearest_fixes
from qa.review_masks import decided_alpha, shown_mask, sized
from stages.flow import track_pair

ARRIVED = 0.5
"""Share of a correction's pixels that must change a neighbour for it to count as mended: the same error, and a flow
that holds. Between pictures of noise a third comes through."""
TRUST = 160
"""Trust of a pixel that was turned (0-255): the flow may be a pixel off, and a person has not seen it."""


def mended_labels(clip: Clip, decisions: Mapping[tuple[str, int], Decision]) -> dict[int, LabelRow]:
    """Labels of a burst that a fixed neighbour changes, by their index; frames with a decision of their own are not.

    A frame takes its correction from the nearest fixed one. Without a fix in the burst nothing is computed.
    """
    rows = [(frame, label) for frame, label in zip(clip.frames, clip.labels, strict=True) if frame and label]
    if len(rows) != len(clip) or len({(label.width, label.height) for _, label in rows}) != 1:
        return {}
    masks = {
        index: decisions[frame.frame_key].mask
        for index, (frame, _) in enumerate(rows)
        if frame.frame_key in decisions and decisions[frame.frame_key].verdict == "fix"
    }
    open_frames = [index for index, (frame, _) in enumerate(rows) if frame.frame_key not in decisions]
    if not masks or not open_frames:
        return {}
    labels = [decode_grey(label.alpha) for _, label in rows]
    before = [as_mask(alpha) for alpha in labels]
    height, width = before[0].shape
    fixed = {index: shown_mask(decode_grey(png), width, height) for index, png in masks.items()}
    images = [_image(frame, width, height) for frame, _ in rows]
    tracks = [track_pair(first, second) for first, second in itertools.pairwise(images)]
    spread = {index: spread_fix(before, index, mask, tracks) for index, mask in fixed.items()}
    nearest = nearest_fixes(len(rows), sorted(fixed))
    found = {}
    for index in open_frames:
        origin = nearest[index]
        after = spread[origin][index]
        if _arrived(before, index, after, origin, fixed[origin]):
            found[index] = _mended(rows[index][1], labels[index], before[index], after)
    return found


def _arrived(before: Sequence[Mask], index: int, after: Mask, origin: int, fixed: Mask) -> bool:
    correction = int(np.count_nonzero(fixed != before[origin]))
    return correction > 0 and int(np.count_nonzero(after != before[index])) >= ARRIVED * correction


def _mended(label: LabelRow, alpha: Grey, before: Mask, after: Mask) -> LabelRow:
    trust = np.where(after != before, TRUST, decode_grey(label.trust)).astype(np.uint8)
    return dataclasses.replace(label, alpha=encode_png(decided_alpha(after, alpha)), trust=encode_png(trust))


def _image(frame: FrameRow, width: int, height: int) -> Image:
    return sized(decode_rgb(frame.image), width, height)
