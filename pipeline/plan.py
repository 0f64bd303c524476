"""What there is to do: the units of every stage, each with its key, from the manifests of the stages before it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from datasets.reviews import decisions_digest, last_word_digests
from datasets.schema import BackgroundRow, FrameRow
from datasets.shards import read_rows
from datasets.sources import find_sources
from pipeline.digests import DigestCache
from pipeline.house import UPSTREAM, check_chain, stage_specs
from pipeline.keys import hash_of, stage_digest, unit_key
from pipeline.params import Params
from pipeline.shards import MadeWhenAsked, Shard, shards_of
from pipeline.work import StageSpec, Unit


@dataclass(frozen=True)
class Plan:
    """The units of one configured stage (for `vote`: of one teacher), most of them made when asked for."""

    spec: StageSpec
    units: Sequence[Unit]


def plan(stage: str, params: Params, root: Path, digests: DigestCache, *, footage: Sequence[Path] = ()) -> list[Plan]:
    """All units of `stage`, in a fixed order. `footage` stands in for everything under `ingest.raw`.

    Raises:
        FileNotFoundError: an earlier stage has not run, or a weight file is missing.
    """
    check_chain(stage)
    plans = []
    for folder, spec in stage_specs(stage, params, root):
        # where shards end is part of their bytes, though of no frame's
        shared = hash_of([stage_digest(spec.build(), digests), params.pipeline.shard_frames])
        if stage == "ingest":
            units: Sequence[Unit] = list(_source_units(shared, params, root, digests, footage))
        elif stage == "synthesize":
            units = list(_composite_units(shared, params, root))
        else:
            units = _shard_units(stage, folder, shared, root)
        plans.append(Plan(spec, units))
    return plans


def _source_units(
    shared: str, params: Params, root: Path, digests: DigestCache, footage: Sequence[Path]
) -> Iterator[Unit]:
    config = params.ingest
    found = find_sources(
        root / config.raw, footage, stills=config.stills, bucket_digits=config.bucket_digits, digests=digests
    )
    for source in found:
        key = unit_key(shared, [source.label, *source.digests])
        yield Unit("ingest", "", key, source.label, "", source.inputs, weight=source.size)


def _shard_units(stage: str, folder: str, shared: str, root: Path) -> Sequence[Unit]:
    primary, *others = (shards_of(name, root) for name in UPSTREAM[stage])
    joined = [primary.of_same_source(other) for other in others]
    decisions = _decisions(root) if stage == "curate" else {}

    def unit(index: int) -> Unit:
        shard = primary[index]
        inputs = [shard, *(found for of_same_source in joined for found in of_same_source(index))]
        names = [entry.name for entry in inputs]
        if stage == "curate":
            names.append(decisions.get(shard.lineage, ""))
        return Unit(
            stage, folder, unit_key(shared, names), shard.label, shard.lineage,
            tuple(entry.path for entry in inputs), shard.rows, tuple(entry.sha256 for entry in inputs),
        )  # fmt: skip

    return MadeWhenAsked(len(primary), unit)


def _composite_units(shared: str, params: Params, root: Path) -> Iterator[Unit]:
    backgrounds = [(shard, _splits(shard)) for shard in shards_of("plate", root)]
    for shard in shards_of("curate", root):
        chosen = choose_backgrounds(shard.lineage, backgrounds, params.pipeline.backgrounds_per_shard)
        inputs = [shard, *chosen]
        key = unit_key(shared, [entry.name for entry in inputs])
        yield Unit(
            "synthesize", "", key, shard.label, shard.lineage,
            tuple(entry.path for entry in inputs), shard.rows, tuple(entry.sha256 for entry in inputs),
        )  # fmt: skip


def choose_backgrounds(person: str, backgrounds: Sequence[tuple[Shard, frozenset[str]]], count: int) -> list[Shard]:
    """The `count` background shards per split that this person's shard composites on.

    Rendezvous hashing: a new background changes the choice of few persons, so few units are computed again. Shards are
    told apart by the ingest shard that they stem from: who stands before what is not dealt anew by a change of `plate`.
    """
    ranked = sorted(backgrounds, key=lambda entry: hashlib.sha256(f"{person}|{entry[0].lineage}".encode()).digest())
    chosen: dict[str, Shard] = {}
    for split in sorted({split for _, splits in backgrounds for split in splits}):
        for shard, _ in [entry for entry in ranked if split in entry[1]][:count]:
            chosen[shard.name] = shard
    return [chosen[name] for name in sorted(chosen)]


def _splits(shard: Shard) -> frozenset[str]:
    return frozenset(row.split for row in read_rows(shard.path, BackgroundRow, columns=["split"]))


def _decisions(root: Path) -> Mapping[str, str]:
    """Ingest shard name to the digest of the review decisions on its frames: of a long video, those on one shard."""
    last_words = last_word_digests(root / "data" / "reviews")
    if not last_words:
        return {}
    return {
        shard.lineage: decisions_digest(
            last_words,
            (row.frame_key for row in read_rows(shard.path, FrameRow, columns=["source", "time_us"])),
        )
        for shard in shards_of("ingest", root)
    }
