"""Train the student: seeded, resumable to the bit, validated on whole clips, stopped when it no longer improves."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor

from training.batches import BatchMaker, batches
from training.checkpoint import Progress, load_checkpoint, optimizer_tensors, restore_optimizer, save_checkpoint
from training.collate import Batch
from training.config import TrainConfig
from training.data import read_band_weights, read_weights
from training.history import write_history
from training.losses import student_losses
from training.models import make_model
from training.models.recurrent import Recurrent
from training.optimizer import make_optimizers
from training.passes import Matte, run_passes
from training.rows import TrainingRows, run_identity
from training.schedule import rate_share, training_size
from training.validate import ValidationClip, read_validation, validation_iou
from training.waiting import DataWait, write_wait
from training.weighting import GroupWeighting
from training.weights import save_student, start_from


@dataclass(frozen=True)
class TrainResult:
    """How a training run ended: steps done, the best validation (its weights are the student) and why it stopped.

    `data_wait` is the share of the time, 0-1, in which the network stood still for want of data; as a time it differs
    from run to run, and says nothing about the student.
    """

    steps: int
    best_iou: float
    best_step: int
    stopped_early: bool
    data_wait: float = field(default=0.0, compare=False)


def train(
    *,
    config: TrainConfig,
    clips: Sequence[Path],
    curated: Sequence[Path],
    weights: Path | None,
    out: Path,
    checkpoints: Path,
    init_from: Path | None = None,
    progress: Callable[[int, int, Mapping[str, float]], None] | None = None,
) -> TrainResult:
    """Train a student from shards and write `student.safetensors`, `student.json`, `history.csv` and `dvclive/`.

    Killed at any time and called again with the same arguments, it goes on from its last checkpoint and, on a CPU,
    ends with the same bytes.

    Args:
        clips, curated: shards of ClipRow and of CuratedRow; rows of split train are learnt, of val validated.
        weights: `weights.parquet` of the curate stage (group to weight), or None for equal weights.
        out: folder for the student. checkpoints: folder for this run's checkpoint.
        init_from: folder of an earlier student to start from, of the same architecture or a shallower one.
        progress: called with (step, steps, last losses and `wait`, the share of time spent waiting for data) after
            every step.

    Raises:
        ValueError: too few rows to train on, none to validate on, or `init_from` has another architecture.
        ShardError: a file is no shard of the expected kind.
    """
    group_weights, band_weights = read_weights(weights), read_band_weights(weights)
    rows = TrainingRows.find(config, clips, curated, group_weights)
    size = (config.model.height, config.model.width)
    maker = BatchMaker(
        clips=rows.train_clips,
        curated=rows.train_curated,
        weights=group_weights,
        band_weights=band_weights,
        size_at=functools.partial(training_size, config=config),
        config=config,
    )
    validation = read_validation(rows.val_clips, rows.val_curated, size, limit=config.validation_clips)
    identity = run_identity(config, [*clips, *curated], [group_weights, band_weights], init_from)
    with _threads(config.threads):
        run = _Run(config, identity, init_from, checkpoints)
        stopped = run.steps(maker, validation, progress)
    return run.finish(out, stopped)


class _Run:
    """The state of one training run: networks, optimizer, progress."""

    def __init__(self, config: TrainConfig, identity: str, init_from: Path | None, checkpoints: Path) -> None:
        self.config, self.checkpoints = config, checkpoints
        cuda = config.device == "cuda" or (config.device == "auto" and torch.cuda.is_available())
        self.device = torch.device("cuda" if cuda else "cpu")
        with torch.random.fork_rng():
            torch.manual_seed(config.seed)
            self.model = make_model(config.model)
            self.average = make_model(config.model)
        if init_from is not None:
            start_from(self.model, init_from)
        self.average.load_state_dict(self.model.state_dict())
        self.best = {name: tensor.clone() for name, tensor in self.model.state_dict().items()}
        for network in (self.model, self.average):
            network.to(self.device)
            network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.advance = torch.compile(self.model.step) if config.compile and cuda else self.model.step
        self.matte: Matte | None = None
        if config.loss.foreground:
            assert isinstance(self.model, Recurrent)  # as the config has checked
            self.matte = torch.compile(self.model.matte) if config.compile and cuda else self.model.matte
        self.optimizers = make_optimizers(self.model, config)
        self.weighting = GroupWeighting(config.weighting, self.model.head)
        self.progress = Progress(identity)
        self.waiting = DataWait()
        self._resume()

    def steps(
        self,
        maker: BatchMaker,
        validation: Sequence[ValidationClip],
        progress: Callable[[int, int, Mapping[str, float]], None] | None,
    ) -> bool:
        """Train to the last step or until validation no longer improves; True in the latter case."""
        config, state = self.config, self.progress
        if state.stale > config.patience:
            return True
        stream = batches(maker, state.step, config.steps, config=config.batch)
        with contextlib.closing(stream):
            self.waiting = DataWait()
            for batch in self.waiting.watch(stream):
                losses = self._step(batch)
                state.step += 1
                if progress is not None:
                    progress(state.step, config.steps, {**losses, "wait": self.waiting.share})
                if state.step % config.validate_every == 0 or state.step == config.steps:
                    self._validate(validation)
                    if state.stale > config.patience:
                        self._save()
                        return True
                if state.step % config.checkpoint_every == 0:
                    self._save()
        return False

    def finish(self, out: Path, stopped: bool) -> TrainResult:
        """Write the best student, its history and its plots into `out`."""
        state = self.progress
        self.average.load_state_dict(self.best)
        description = {
            "val_iou": state.best_iou,
            "step": state.best_step,
            "config": self.config.model_dump(mode="json"),
        }
        save_student(out, self.average, description)
        write_history(out, state.history)
        waited = self.waiting.share  # the clock goes on: asked once
        write_wait(self.checkpoints, state.step, waited)
        return TrainResult(state.step, state.best_iou, state.best_step, stopped, waited)

    def _step(self, batch: Batch) -> dict[str, float]:
        config = self.config
        share = rate_share(self.progress.step, config)
        for optimizer in self.optimizers.values():
            for group in optimizer.param_groups:
                group["lr"] = optimizer.defaults["lr"] * share
        frames = self._floats(batch.frames)
        with self._autocast():
            if len(batch.own):
                frames[batch.own.to(self.device), 3:] = self._own_output(self._floats(batch.before))
            self.model.train()
            earlier, second = self._floats(batch.earlier), self._floats(batch.second)
            passes = run_passes(self.advance, frames, earlier, second, batch.carried.to(self.device), matte=self.matte)
        logits, alpha, trust = passes.logits.float(), self._floats(batch.alpha), self._floats(batch.trust)
        weight, band_weight = (each.to(self.device) for each in self.weighting.weigh(batch))
        losses = student_losses(
            logits,
            alpha,
            trust,
            weight,
            config.loss,
            band_weight,
            earlier=None if passes.earlier is None else (passes.earlier.float(), self._floats(batch.earlier_alpha)),
            second=None if passes.second is None else passes.second.float(),
            painted=None if passes.painted is None else (passes.painted.float(), self._floats(batch.foreground)),
        )
        self.weighting.follow(self.progress.step, logits, alpha, trust, batch.group.to(self.device))
        self.model.zero_grad(set_to_none=True)
        losses["loss"].backward()  # type: ignore[no-untyped-call]
        for optimizer in self.optimizers.values():
            optimizer.step()
        self._update_average()
        values = {name: value.item() for name, value in losses.items()}
        for name, value in values.items():
            self.progress.totals[name] = self.progress.totals.get(name, 0.0) + value
        self.progress.counted += 1
        return values

    @torch.no_grad()
    def _own_output(self, before: Tensor) -> Tensor:
        """Alpha of the frame before as the running average sees it; its batch statistics stay untouched."""
        self.average.eval()
        alpha: Tensor = self.average(before).float().sigmoid()
        return alpha

    @torch.no_grad()
    def _update_average(self) -> None:
        # A young average follows quickly, so that the random start is soon forgotten.
        keep = min(self.config.ema, (1 + self.progress.step) / (10 + self.progress.step))
        averages, tensors = self.average.state_dict(), self.model.state_dict()
        floats = [name for name, tensor in tensors.items() if tensor.dtype.is_floating_point]
        torch._foreach_lerp_([averages[name] for name in floats], [tensors[name] for name in floats], 1 - keep)
        for name in tensors.keys() - set(floats):
            averages[name].copy_(tensors[name])

    def _validate(self, clips: Sequence[ValidationClip]) -> None:
        state = self.progress
        iou = validation_iou(self.average, clips)
        means = {name: total / state.counted for name, total in state.totals.items()}
        lr = self.config.learning_rate * rate_share(state.step - 1, self.config)
        state.history.append({"step": state.step, "lr": lr, **means, "val_iou": iou})
        state.totals, state.counted = {}, 0
        if state.step <= self.config.coarse_steps:
            return  # a student of half frames competes with nobody
        if iou > state.best_iou:
            state.best_iou, state.best_step, state.stale = iou, state.step, 0
            self.best = {name: tensor.detach().cpu().clone() for name, tensor in self.average.state_dict().items()}
        else:
            state.stale += 1

    def _save(self) -> None:
        tensors = {
            "model": self.model.state_dict(),
            "average": self.average.state_dict(),
            "best": self.best,
            "weighting": self.weighting.tensors(),
            **{name: optimizer_tensors(optimizer) for name, optimizer in self.optimizers.items()},
        }
        save_checkpoint(self.checkpoints, tensors, self.progress)

    def _resume(self) -> None:
        found = load_checkpoint(self.checkpoints, self.progress.identity)
        if found is None:
            return
        tensors, self.progress = found
        self.model.load_state_dict(tensors["model"])
        self.average.load_state_dict(tensors["average"])
        self.best = tensors["best"]
        self.weighting.restore(tensors["weighting"])
        for name, optimizer in self.optimizers.items():
            restore_optimizer(optimizer, tensors[name])

    def _autocast(self) -> torch.autocast:
        half = self.config.amp and self.device.type == "cuda"
        return torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=half)

    def _floats(self, bytes_: Tensor) -> Tensor:
        moved = bytes_.to(self.device, memory_format=torch.channels_last)
        return moved.float().div_(255)


@contextlib.contextmanager
def _threads(count: int) -> Iterator[None]:
    """As many torch threads as configured: how sums are split over threads is part of the numbers."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
