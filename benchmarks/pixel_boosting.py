"""A design that was tried: gradient boosting per pixel over the combiner's planes and their surroundings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from stages.combiner_planes import Scene, planes
from stages.reliability import Expertise
from training.combiner_samples import Sample
from training.fit_combiner import FitConfig

_PIXELS = 300
"""Drawn of a frame to fit on; half of them where the teachers disagree."""
_REACHES = (2.0, 6.0, 16.0)
"""Standard deviations in pixels of the surroundings that a pixel sees."""


class PixelBoosting:
    """P(foreground) of every pixel from histogram gradient boosting."""

    def __init__(self, samples: Sequence[Sample], expertise: Mapping[str, Expertise], config: FitConfig) -> None:
        from sklearn.ensemble import HistGradientBoostingClassifier

        self._slots = tuple(sorted({teacher for sample in samples for teacher in sample.teachers}))
        rng = np.random.default_rng(config.seed)
        rows, targets = [], []
        for sample in samples:
            seen = self._seen(sample.scene(expertise, edge_gain=config.edge_gain))
            doubt = seen[:, 2 * len(self._slots) + 1].astype(np.float64) + 0.02
            chosen = np.concatenate(
                [rng.choice(len(seen), _PIXELS // 2), rng.choice(len(seen), _PIXELS // 2, p=doubt / doubt.sum())]
            )
            rows.append(seen[chosen])
            targets.append(sample.truth.ravel()[chosen] >= 128)
        self._model = HistGradientBoostingClassifier(
            max_iter=150, learning_rate=0.1, max_leaf_nodes=24, l2_regularization=1.0, random_state=config.seed
        )
        self._model.fit(np.concatenate(rows), np.concatenate(targets))

    def __call__(self, scene: Scene) -> NDArray[np.float32]:
        """`(H, W)` 0-1."""
        found = self._model.predict_proba(self._seen(scene))[:, 1]
        return np.asarray(found.reshape(scene.image.shape[:2]), np.float32)

    def _seen(self, scene: Scene) -> NDArray[np.float32]:
        """`(H·W, F)`: the planes of a pixel, and votes, colour and edges about it."""
        own = planes(scene, self._slots)
        slots = len(self._slots)
        wide = [*range(slots), 2 * slots, 2 * slots + 1, 2 * slots + 5, 2 * slots + 6]
        around = [cv2.GaussianBlur(own[index], (0, 0), reach) for reach in _REACHES for index in wide]
        return np.stack([*own, *around]).reshape(len(own) + len(around), -1).T
