"""What one worker of a stage needs, and how many of them a cluster holds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from stages.base import Config


class Resources(Config):
    """CPUs, GPUs and memory of one worker; at most `max_workers` of them (0: as many as fit)."""

    cpus: float = Field(1, gt=0)
    gpus: float = Field(0, ge=0)
    memory_gb: float = Field(0, ge=0)
    max_workers: int = Field(0, ge=0)

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
        count = max(1, int(min(fits)))
        return min(count, self.max_workers) if self.max_workers else count
