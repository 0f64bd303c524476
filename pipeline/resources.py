"""What one worker of a stage needs, and how many of them a cluster holds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field, model_validator

from stages.base import Config


class Resources(Config):
    """What one worker of a stage needs, and how many there are.

    Attributes:
        cpus, gpus, memory_gb: of one worker; 0 asks for nothing.
        gpu_optional: do without GPUs where the cluster has none; otherwise the stage waits for one, and says so.
        min_workers: ask for so many, also where fewer fit: an autoscaler then adds nodes.
        max_workers: at most so many; 0: as many as fit.
    """

    cpus: float = Field(1, gt=0)
    gpus: float = Field(0, ge=0)
    memory_gb: float = Field(0, ge=0)
    gpu_optional: bool = False
    min_workers: int = Field(0, ge=0)
    max_workers: int = Field(0, ge=0)

    @model_validator(mode="after")
    def _at_least_is_not_more_than_at_most(self) -> Resources:
        if self.max_workers and self.min_workers > self.max_workers:
            raise ValueError(f"min_workers ({self.min_workers}) exceeds max_workers ({self.max_workers})")
        return self

    def on(self, cluster: Mapping[str, float]) -> Resources:
        """What to ask for on a cluster with these total resources.

        >>> Resources(gpus=1, gpu_optional=True).on({"CPU": 2.0}).gpus
        0.0
        """
        return self.model_copy(update={"gpus": 0.0}) if self.gpu_optional and not cluster.get("GPU") else self

    def ray(self) -> dict[str, Any]:
        """Options of a Ray actor. Memory is only asked for where it is set: Ray's accounting is advisory."""
        options: dict[str, Any] = {"num_cpus": self.cpus, "num_gpus": self.gpus}
        if self.memory_gb:
            options["memory"] = int(self.memory_gb * 2**30)
        return options

    def workers(self, cluster: Mapping[str, float]) -> int:
        """How many workers fit on a cluster with these total resources; at least one, so that it can say why not.

        >>> Resources(cpus=1).workers({"CPU": 2.0})
        2
        """
        fits = [cluster.get("CPU", 1) / self.cpus]
        if self.gpus:
            fits.append(cluster.get("GPU", 0) / self.gpus)
        if self.memory_gb:
            fits.append(cluster.get("memory", 0) / (self.memory_gb * 2**30))
        count = max(1, self.min_workers, int(min(fits)))
        return min(count, self.max_workers) if self.max_workers else count
