"""Labels and judges that have not seen what they are measured on, as the pipeline would make them from other truth.

`fuse` and the judge are fitted as `autoroto calibrate --truth DIR` does, once without each part of the sources, once
without each set (`pipeline/folds.py`). The keyed clip is in no fit; views of frames are fitted on and never measured.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from keyed_clip import keyed_bursts
from labels import spread
from rich.console import Console

from pipeline.calibrate_judge import expected_on, fit_on, labelled_for
from pipeline.calibration_data import Known, known_bursts, reserved_for_fitting, viewed
from pipeline.ensemble import Ensemble, link_models
from pipeline.folds import KEYED, REGIMES, configs_for, cross_fits, fit_names, fitted_on, folds
from pipeline.judge_data import KnownClip, Labelled, Spec, cut, label_all, with_votes
from pipeline.params import Params
from pipeline.progress import stage_progress
from qa.expected_error import ExpectedError
from qa.judge import Judge
from qa.view import View
from stages.fuse import FuseConfig

Fit = TypeVar("Fit")


@dataclass(frozen=True)
class HeldOut:
    """Footage of known truth, voted on, and how it is fused without its own truth.

    Attributes:
        clips: what is measured. views: what is fitted on besides.
        configs: regime to group to `fuse`, see `pipeline.folds`. dealt: group to fold. names: of the fits.
    """

    clips: Sequence[KnownClip]
    views: Sequence[KnownClip]
    configs: Mapping[str, Mapping[str, FuseConfig]]
    dealt: dict[str, int]
    names: Sequence[str]
    options: argparse.Namespace
    params: Params
    console: Console

    @classmethod
    def read(
        cls, options: argparse.Namespace, params: Params, console: Console, *, frames: int | None = None
    ) -> HeldOut:
        """The truth folder and the keyed clip; of each set, and of the views, about so many `frames`."""
        link_models(params, options.cache)
        known = known_bursts(options.truth, params.ingest) if options.truth else []
        dealt = folds(known)
        measured = [*(Known(KEYED, KEYED, burst) for burst in keyed_bursts(params.ingest)), *known]
        views = viewed(known, reserved_for_fitting())
        if frames:
            measured = spread(measured, frames)
        names = fit_names(measured, dealt)
        fits = cross_fits(known, names, dealt, params, options.cache, jobs=options.jobs, console=console, views=views)
        if frames:
            views = spread(views, frames)
        configs = {regime: configs_for([*measured, *views], regime, dealt, fits) for regime in REGIMES}
        ensemble = Ensemble(params, options.cache)
        clips = with_votes(measured, ensemble)
        return cls(clips, with_votes(views, ensemble, viewed=True), configs, dealt, names, options, params, console)

    def labelled(self, draws: Mapping[str, int] | None = None) -> list[Labelled]:
        """Natural labels and labels with injected errors, held out by source; see `labelled_for`."""
        with stage_progress("labels", self.console) as progress:
            return labelled_for(
                [*self.clips, *self.views], self.configs["sets"], draws=draws, progress=progress, **self._how()
            )

    def natural(self) -> list[Labelled]:
        """Those of `labelled` that nothing was done to."""
        work = [(piece, Spec()) for clip in [*self.clips, *self.views] for piece in cut(clip)]
        with stage_progress("labels", self.console) as progress:
            return label_all(work, self.configs["sets"], progress=progress, **self._how())

    def far(self) -> list[Labelled]:
        """Natural labels of the clips, by a `fuse` that saw no frame of their set."""
        work = [(piece, Spec()) for clip in self.clips for piece in cut(clip)]
        with stage_progress("labels, set left out", self.console) as progress:
            return label_all(work, self.configs["leave_one_out"], progress=progress, **self._how())

    def _how(self) -> dict[str, object]:
        return {
            "side": self.params.score.side,
            "cache": self.options.cache,
            "jobs": self.options.jobs,
            "rate": softmin,
        }


def judges(names: Sequence[str], labelled: Sequence[Labelled], dealt: dict[str, int]) -> dict[str, Judge]:
    """Fit name to the judge of the labels it may see: none of the keyed clip, all of views, of others first draws."""
    return _fitted(fit_on, names, [one for one in labelled if one.viewed or not one.spec.draw], dealt)


def expectations(names: Sequence[str], natural: Sequence[Labelled], dealt: dict[str, int]) -> dict[str, ExpectedError]:
    """Fit name to the `expected` of the judge of the labels it may see."""
    return _fitted(expected_on, names, natural, dealt)


def _fitted(
    fit: Callable[[Sequence[Labelled]], Fit], names: Sequence[str], labelled: Sequence[Labelled], dealt: dict[str, int]
) -> dict[str, Fit]:
    fitting = [one for one in labelled if one.collection != KEYED]
    return {name: fit([one for one in fitting if fitted_on(name, one.collection, one.group, dealt)]) for name in names}


def softmin(view: View) -> float:
    """cleanlab's label quality score: low is bad. The teachers' mean vote is the predicted probability."""
    from cleanlab.segmentation.rank import get_label_quality_scores

    if not view.votes:
        return 0.0
    chance = np.mean(list(view.votes.values()), axis=0) / 255
    scores, _ = get_label_quality_scores(
        view.label.mask.astype(np.int64)[None], np.stack([1 - chance, chance])[None], verbose=False
    )
    return float(scores[0])
