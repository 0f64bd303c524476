"""Weights of groups that follow the training: a group counts for less the less its gradient points where gold's does.

The start weights come from an audit, which sees a few per cent of the labels; gold labels are seen all along. A group
whose labels are wrong in a way that matters pulls the student elsewhere than gold does, and one scalar a group is
enough to say so. It can only lower a weight, and never by more than a fixed factor: the group with the highest loss is
not helped (that would be group DRO, which up-weights the noisiest labels), and a few gold labels silence no group.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from datasets.schema import GROUPS
from training.collate import Batch
from training.config import WeightingConfig
from training.losses import weighted_mean

GOLD = GROUPS.index("gold")


class GroupWeighting:
    """The factors on the groups' weights, 1 at first, and the running gradients that they follow.

    Args:
        layer: whose gradients are compared. The head's are nearly free, and every error of a mask passes through it.
    """

    def __init__(self, config: WeightingConfig, layer: nn.Module) -> None:
        self._config = config
        self._parameters = list(layer.parameters())
        size = sum(parameter.numel() for parameter in self._parameters)
        self.gradients = torch.zeros(len(GROUPS), size)
        self.seen = torch.zeros(len(GROUPS))

    @property
    def factors(self) -> Tensor:
        """`(G,)` float32: on the weight of each group of `GROUPS`."""
        if not self._config.learn:
            return torch.ones(len(GROUPS))
        return factors(self.gradients, self.seen >= 1 / (1 - self._config.memory), self._config.least)

    def weigh(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """`(B,)` weights of the batch's frames, in the core and in the band."""
        each = self.factors[batch.group]
        return batch.weight * each, batch.band_weight * each

    def follow(self, step: int, logits: Tensor, alpha: Tensor, trust: Tensor, group: Tensor) -> None:
        """Take in the gradients of a step's batch, every `every` steps. The graph stays for the step's own backward."""
        if not self._config.learn or step % self._config.every:
            return
        for index, gradient in group_gradients(logits, alpha, trust, group, self._parameters).items():
            self.seen[index] += 1
            # a plain mean at first, so that the zeros of the start are soon forgotten
            share = max(1 - self._config.memory, 1 / float(self.seen[index]))
            self.gradients[index].lerp_(gradient, share)

    def tensors(self) -> dict[str, Tensor]:
        """The state, for a checkpoint."""
        return {"gradients": self.gradients, "seen": self.seen}

    def restore(self, tensors: Mapping[str, Tensor]) -> None:
        """Undo `tensors`."""
        self.gradients, self.seen = tensors["gradients"].clone(), tensors["seen"].clone()


def group_gradients(
    logits: Tensor, alpha: Tensor, trust: Tensor, group: Tensor, parameters: Sequence[Tensor]
) -> dict[int, Tensor]:
    """Gradient `(P,)` on the CPU of each group's own trusted cross entropy, by the group's index.

    Args:
        logits, alpha, trust: `(B, 1, H, W)` float. group: `(B,)` int64. parameters: with P numbers together.
    """
    entropy = functional.binary_cross_entropy_with_logits(logits, alpha, reduction="none")
    found = {}
    for index in sorted(set(group.tolist())):
        loss = weighted_mean(entropy[group == index], trust[group == index])
        gradients = torch.autograd.grad(loss, list(parameters), retain_graph=True)
        found[index] = torch.cat([gradient.flatten() for gradient in gradients]).float().cpu()
    return found


def factors(gradients: Tensor, known: Tensor, least: float) -> Tensor:
    """`(G,)`: a group's cosine with gold over the best other group's, within `least` and 1; 1 where either is unknown.

    The comparison is among groups: how noisy gradients are lowers all cosines alike, and says nothing about labels.

    Args:
        gradients: `(G, P)`. known: `(G,)` bool, which of them have been seen often enough.
    """
    result = torch.ones(len(gradients))
    others = known.clone()
    others[GOLD] = False
    if not bool(known[GOLD]) or not bool(others.any()):
        return result
    cosines = functional.cosine_similarity(gradients, gradients[GOLD : GOLD + 1], dim=1)
    best = cosines[others].max()
    if best <= 0:
        return result  # nothing agrees with gold: gold is too few to tell
    result[others] = (cosines[others] / best).clamp(least, 1.0)
    return result
