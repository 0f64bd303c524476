"""The keyed test clip on its reserved backgrounds, with its exact alpha."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from datasets.schema import FrameRow
from datasets.shards import file_digest
from datasets.sidecars import Keying
from pipeline.assets import AssetLock
from pipeline.fetch import fetch_asset
from pipeline.truth import Burst
from stages.frames import Footage, RowWriter, Storage
from stages.ingest import IngestConfig
from stages.keyed import composite_clip


def keyed_bursts(config: IngestConfig, backgrounds: Sequence[Path] = ()) -> Iterator[Burst]:
    """The keyed test clip on the reserved backgrounds of the lock, as `ingest` composites it, or on others."""
    lock = {asset.name: asset for asset in AssetLock.read()}
    (clip,) = (asset for asset in lock.values() if "keyed" in asset.sidecar)
    reserved = list(backgrounds) or [
        fetch_asset(asset.name)
        for asset in lock.values()
        if asset.sidecar.get("role") == "background" and asset.sidecar.get("split") == "test"
    ]
    reserved.sort(key=file_digest)  # the order in which `ingest` hands rooms to bursts
    video = fetch_asset(clip.name)
    footage = Footage(file_digest(video), clip.target, clip.name, clip.licence, clip.source, "test", "keyed")
    writer = RowWriter(footage, Storage(config.longest_side, config.format, config.jpeg_quality))
    frames: list[FrameRow] = []
    for frame in composite_clip(
        video,
        Keying(**clip.sidecar["keyed"]),
        reserved,
        source=footage.source,
        burst_frames=config.burst_frames,
        config=config.keyed,
    ):
        if frame.place.first and frames:
            yield Burst(tuple(frames), tuple(row.truth for row in frames))
            frames = []
        name = f"{frame.time_us:012d}"
        frames.append(writer.row(frame.image, frame.place, time_us=frame.time_us, name=name, truth=frame.alpha))
    yield Burst(tuple(frames), tuple(row.truth for row in frames))
