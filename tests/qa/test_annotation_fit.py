"""The judge of imported masks finds what it was shown, keeps to its share of doubts and says what it saw."""

from __future__ import annotations

import numpy as np
import pytest

from qa.annotation_fit import COMMAND, DOUBTED, AnnotationSample, fit_annotation_judge
from qa.annotations import doubt


def samples(collection: str, count: int, seed: int, shift: float = 0.0) -> list[AnnotationSample]:
    rng = np.random.default_rng(seed)
    made = []
    for index in range(count):
        bad = index % 2 == 0
        off = shift + (0.2 if bad else 0.05) + 0.03 * rng.normal()
        made.append(AnnotationSample(collection, f"{collection}/{index // 2}", {"off": off}, bad))
    return made


def test_the_damaged_are_found_and_few_good_ones_doubted() -> None:
    judge = fit_annotation_judge(samples("a", 400, 0) + samples("b", 200, 1))
    fresh = samples("a", 400, 2) + samples("b", 200, 3)
    verdicts = np.array([doubt(one.signals, judge) >= judge.doubt_from for one in fresh])
    bad = np.array([one.bad for one in fresh])
    assert verdicts[bad].mean() > 0.9 and verdicts[~bad].mean() <= DOUBTED + 0.03


def test_it_says_what_it_saw_and_how_to_refit_it() -> None:
    judge = fit_annotation_judge([*samples("b", 10, 0), *samples("a", 20, 1), AnnotationSample("a", "a/x", {}, True)])
    assert judge.fitted_on == "a: 10 sources; b: 5 sources; 30 masks, 15 of them damaged"
    assert judge.refit == COMMAND


def test_every_set_counts_alike() -> None:
    small, large = samples("small", 20, 0, shift=0.4), samples("large", 400, 1)
    once = fit_annotation_judge(small + large)
    thrice = fit_annotation_judge(small * 3 + large)
    assert thrice.logistic.terms["off"].weight == pytest.approx(once.logistic.terms["off"].weight, rel=0.25)


def test_a_set_without_good_masks_is_named() -> None:
    bad = [one for one in samples("b", 10, 0) if one.bad]
    with pytest.raises(ValueError, match="set b has no good mask"):
        fit_annotation_judge(samples("a", 10, 1) + bad)
