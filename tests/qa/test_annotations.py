from __future__ import annotations

import cv2
import numpy as np
import pytest

from datasets.schema import ERROR_TYPES
from qa.annotation_fit import COMMAND
from qa.annotations import FITTED, SIGNS, AnnotationJudge, Verdict, doubt, judge_annotations
from qa.logistic import Logistic, Term
from qa.view import Outline, View

SIZE = (144, 192)
JUDGE = AnnotationJudge(
    logistic=Logistic(intercept=-3, terms={"off": Term(weight=2, centre=0.05, spread=0.05)}),
    doubt_from=0.5,
    fitted_on="nothing",
    refit="by hand",
)
"""Doubts from 1 − IoU = .125 on."""


def person(x: int = 96) -> np.ndarray:
    canvas = np.zeros(SIZE, np.uint8)
    cv2.ellipse(canvas, (x, 95), (26, 40), 0, 0, 360, 1, -1)
    cv2.circle(canvas, (x, 45), 15, 1, -1)
    return canvas > 0


TRUTH = person()
LIMB = np.zeros(SIZE, np.bool_)
LIMB[85:115, 60:132] = True


def view(annotation: np.ndarray | None, votes: int = 3) -> View:
    rng = np.random.default_rng(0)
    noise = cv2.GaussianBlur(rng.uniform(0, 60, (*SIZE, 3)).astype(np.float32), (0, 0), 1.5)
    image = (np.where(TRUTH[..., None], (180, 60, 60), (60, 140, 80)) + noise).astype(np.uint8)
    return View(
        image=image,
        trust=np.full(SIZE, 255, np.uint8),
        label=Outline(TRUTH),
        votes={str(i): TRUTH.astype(np.uint8) * 255 for i in range(votes)},
        annotation=annotation,
    )


def judged(annotation: np.ndarray, judge: AnnotationJudge = JUDGE) -> Verdict:
    (verdict,) = judge_annotations([view(annotation)], judge)
    assert verdict is not None
    assert (verdict.finding is not None) == (verdict.doubt >= judge.doubt_from)
    return verdict


def error(annotation: np.ndarray) -> str:
    finding = judged(annotation).finding
    return finding.error if finding else ""


def test_errors_have_types():
    assert error(TRUTH) == ""
    assert error(TRUTH & ~LIMB) == "missed_region"
    assert error(TRUTH | np.roll(LIMB, -40, axis=0)) == "over_segmentation"
    assert error(np.roll(TRUTH, 70, axis=1)) == "wrong_object"
    thick = cv2.dilate(TRUTH.astype(np.uint8), np.ones((7, 7))) > 0
    assert error(thick) == "jagged_edge"
    assert {"missed_region", "over_segmentation", "wrong_object", "jagged_edge"} <= set(ERROR_TYPES)


def test_the_box_shows_where():
    finding = judged(TRUTH & ~LIMB).finding
    assert finding is not None
    x0, y0, x1, y1 = finding.box
    lost = np.argwhere(TRUTH & LIMB)
    inside = (lost[:, 1] >= x0 * 192) & (lost[:, 1] < x1 * 192) & (lost[:, 0] >= y0 * 144) & (lost[:, 0] < y1 * 144)
    assert inside.mean() > 0.8
    assert (x1 - x0) * (y1 - y0) < 0.3


def test_who_cannot_be_judged_is_not_doubted():
    assert judge_annotations([view(None)], JUDGE) == [None]
    assert judge_annotations([view(~TRUTH, votes=0)], JUDGE) == [None]


def test_the_shipped_judge_doubts_more_the_more_is_wrong():
    judge = AnnotationJudge.read(FITTED)
    assert "davis" in judge.fitted_on and "keyed" not in judge.fitted_on
    assert judge.refit == COMMAND
    for name, term in judge.logistic.terms.items():
        assert term.weight * SIGNS[name] >= 0, name
    everything = dict.fromkeys(SIGNS, 0.0)
    worse = {name: everything[name] + 0.2 * sign for name, sign in SIGNS.items()}
    assert doubt(everything, judge) < doubt(worse, judge)


def test_the_shipped_judge_finds_gross_errors_and_keeps_a_perfect_mask():
    judge = AnnotationJudge.read(FITTED)
    good = judged(TRUTH, judge)
    assert good.finding is None
    for bad in (TRUTH & ~LIMB, np.roll(TRUTH, 70, axis=1), TRUTH | np.roll(LIMB, -40, axis=0)):
        found = judged(bad, judge)
        assert found.finding is not None and found.doubt > good.doubt


def test_a_late_mask_is_lag():
    truths = [person(70 + 6 * index) for index in range(3)]
    views = []
    for index, truth in enumerate(truths):
        votes = {str(i): truth.astype(np.uint8) * 255 for i in range(3)}
        image = (np.where(truth[..., None], (180, 60, 60), (60, 140, 80))).astype(np.uint8)
        views.append(View(image, np.full(SIZE, 255, np.uint8), Outline(truth), votes=votes,
                          annotation=truths[max(0, index - 1)]))  # fmt: skip
    findings = [verdict.finding for verdict in judge_annotations(views, JUDGE) if verdict]
    assert findings[0] is None
    assert [one.error if one else "" for one in findings[1:]] == ["lag", "lag"]


def test_parameters_are_checked():
    with pytest.raises(ValueError, match="doubt_from"):
        JUDGE.model_validate({**JUDGE.model_dump(), "doubt_from": 1.5})
