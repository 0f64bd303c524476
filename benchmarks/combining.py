"""What combining the votes costs, beside the votes themselves: processor time on frames of the keyed clip, one thread.

Votes: all teachers that are on, detection left out. Combining: the signals of every vote, its weight, and the weighted
mean at label size. Both read the same stored frames; what is decoded or resampled for labels anyway (the picture, the
votes at label size) is told apart. Least of some rounds: a busy machine only ever adds.

The last line is JSON: `votes_ms`, `combine_ms` and `paste_ms` a frame, and `share`, combining by votes.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Callable
from itertools import islice
from pathlib import Path

import cv2
from keyed_clip import keyed_bursts

from datasets.clips import Clip
from datasets.schema import BoxRow
from pipeline.ensemble import SILENT, Ensemble, link_models
from pipeline.params import Params, load_params
from stages.fuse import Evidence, Fuse
from stages.reliability import weigh
from stages.strategies import STRATEGIES
from stages.teacher_signals import edge_strength, teacher_signals
from stages.vote import Vote

ROOT = Path(__file__).resolve().parents[1]
BURSTS = 2
ROUNDS = 5


def main() -> None:
    """Measure and print one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--params", type=Path, default=ROOT / "params.yaml")
    parser.add_argument("--cache", type=Path, default=ROOT / ".autoroto" / "bench" / "labels", metavar="DIR")
    options = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = "1"
    cv2.setNumThreads(1)
    params = load_params(options.params)
    link_models(params, options.cache)
    ensemble = Ensemble(params, options.cache)
    clips = [ensemble.clip(burst.frames) for burst in islice(keyed_bursts(params.ingest), BURSTS)]
    frames = sum(len(clip) for clip in clips)
    votes = sum(vote_seconds(params, options.cache, clips).values()) / frames
    combine, paste = combine_seconds(params, options.cache, clips)
    figures = {
        "votes_ms": round(votes * 1000, 1),
        "combine_ms": round(combine / frames * 1000, 1),
        "paste_ms": round(paste / frames * 1000, 1),
        "share": round(combine / frames / votes, 4),
    }
    print(json.dumps(figures))


def vote_seconds(params: Params, root: Path, clips: list[Clip]) -> dict[str, float]:
    """Processor time of each teacher on all clips."""
    found = {}
    for name, teacher in sorted(params.vote.teachers.items()):
        if not teacher.enabled or name in SILENT:
            continue
        stage = Vote(params.vote.only(name), root=root)
        stage.setup()
        blind = [Clip(clip.frames, {BoxRow: clip.joined[BoxRow]}) for clip in clips]
        found[name] = least(lambda stage=stage, blind=blind: [list(stage.process(clip)) for clip in blind])
    return found


def combine_seconds(params: Params, root: Path, clips: list[Clip]) -> tuple[float, float]:
    """Processor time of combining, and of decoding and pasting before it."""
    fuse = Fuse(params.fuse, root=root)

    def evidence() -> list[Evidence]:
        found = [fuse.weigh(clip, index) for clip in clips for index in range(len(clip))]
        return [one for one in found if isinstance(one, Evidence)]

    known = evidence()

    def combine() -> None:
        for one in known:
            signals = teacher_signals(one.votes, edge_strength(one.image), one.boxes)
            weights = weigh(signals, one.teachers, one.shot, *fuse.reliability)
            STRATEGIES[params.fuse.strategy](one.votes, weights)

    combined = least(combine)
    # evidence holds the weights already, but not the weighted mean
    mean = least(lambda: [fuse.probability(one) for one in known])
    return combined, least(evidence) - (combined - mean)


def least(work: Callable[[], object]) -> float:
    """Seconds of processor that `work` takes at least."""
    times = []
    for _ in range(ROUNDS):
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    return min(times)


if __name__ == "__main__":
    main()
