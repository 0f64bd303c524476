from __future__ import annotations

import cv2
import numpy as np
import pytest

from qa.annotation_case import Case, reference
from qa.annotation_signals import annotation_signals
from qa.annotations import SIGNS
from qa.view import Outline, View

SIZE = (144, 192)


def person(x: int = 96, y: int = 80, scale: float = 1.0) -> np.ndarray:
    """A smooth figure: head and body."""
    canvas = np.zeros(SIZE, np.uint8)
    cv2.ellipse(canvas, (x, y + 15), (round(26 * scale), round(40 * scale)), 0, 0, 360, 1, -1)
    cv2.circle(canvas, (x, y - 35), round(15 * scale), 1, -1)
    return canvas > 0


def picture(mask: np.ndarray, seed: int = 0) -> np.ndarray:
    """A reddish person before a greenish scene, both textured."""
    rng = np.random.default_rng(seed)
    texture = cv2.GaussianBlur(rng.uniform(0, 60, (*SIZE, 3)).astype(np.float32), (0, 0), 1.5)
    base = np.where(mask[..., None], (180, 60, 60), (60, 140, 80))
    return np.clip(base + texture, 0, 255).astype(np.uint8)


def view(annotation: np.ndarray | None, truth: np.ndarray, votes: list[np.ndarray] | None = None) -> View:
    """Three teachers see the truth a little too large, too small and as it is."""
    grown = cv2.dilate(truth.astype(np.uint8), np.ones((3, 3))) > 0
    shrunk = cv2.erode(truth.astype(np.uint8), np.ones((3, 3))) > 0
    seen = [truth, grown, shrunk] if votes is None else votes
    return View(
        image=picture(truth),
        trust=np.full(SIZE, 255, np.uint8),
        label=Outline(truth),
        votes={str(i): vote.astype(np.uint8) * 255 for i, vote in enumerate(seen)},
        annotation=annotation,
    )


def signals_of(annotation: np.ndarray, truth: np.ndarray) -> dict[str, float]:
    (found,) = annotation_signals([view(annotation, truth)])
    return found


TRUTH = person()
LIMB = np.zeros(SIZE, np.bool_)
LIMB[90:110, 60:132] = True


def test_a_perfect_mask_has_nothing_against_it():
    found = signals_of(TRUTH, TRUTH)
    for name in ("off", "off_edge", "excess", "added", "missing", "far", "colour", "shift", "shift_gain", "teeth"):
        assert found[name] == pytest.approx(0, abs=1e-6), name
    assert found["peer_gap"] < 0 and found["peer_best"] < 0  # closer to each teacher than they are to each other
    assert found["rough"] == 0


def test_every_signal_has_a_sign_and_every_sign_its_signal():
    truths = [person(90 + 2 * index) for index in range(3)]
    found = annotation_signals([view(truth, truth) for truth in truths])
    assert set(found[1]) | {"contested_edge"} == set(SIGNS)


def test_missing_and_added_are_told_apart():
    missing, added = signals_of(TRUTH & ~LIMB, TRUTH), signals_of(TRUTH | LIMB, TRUTH)
    assert missing["missing"] > 0.1 > missing["added"] == 0
    assert added["added"] > 0.03 > added["missing"] == 0
    assert missing["deep_missing"] > 0.02 and added["deep_added"] > 0.01
    assert missing["excess"] > 0.1 and added["excess"] > 0.05


def test_added_by_hand():
    truth, blob = np.zeros(SIZE, np.bool_), np.zeros(SIZE, np.bool_)
    truth[20:120, 20:100] = True
    blob[40:60, 140:160] = True
    (found,) = annotation_signals([view(truth | blob, truth, [truth, truth])])
    assert found["added"] == pytest.approx(400 / 8400)
    assert found["deep_added"] == pytest.approx(10 / 240, rel=0.1)
    assert found["off"] == pytest.approx(400 / 8400)


def test_colours_side_with_who_is_right():
    wrong = signals_of(TRUTH & ~LIMB, TRUTH)
    assert wrong["colour"] > 0.1 and wrong["colour_mean"] > 0.5
    # here the annotation is right and all the teachers lack the limb
    (right,) = annotation_signals([view(TRUTH, TRUTH, [TRUTH & ~LIMB] * 3)])
    assert right["colour"] < -0.1 and right["colour_mean"] < -0.5


def test_edges_side_with_who_is_right():
    wide = cv2.dilate(TRUTH.astype(np.uint8), np.ones((13, 13))) > 0
    assert signals_of(wide, TRUTH)["contested_edge"] > 0.1
    (right,) = annotation_signals([view(TRUTH, TRUTH, [wide] * 3)])
    assert right["contested_edge"] < -0.1 and right["edge_gap"] < 0


def test_a_shifted_mask_is_known_by_its_shift():
    found = signals_of(np.roll(TRUTH, (0, 7), (0, 1)), TRUTH)
    assert found["shift"] == pytest.approx(7 / np.hypot(*SIZE), abs=1.5 / np.hypot(*SIZE))
    assert found["shift_gain"] > 0.1
    assert signals_of(TRUTH & ~LIMB, TRUTH)["shift_gain"] < 0.03


def test_teeth_and_corners():
    teeth = TRUTH.copy()
    rows = np.arange(SIZE[0]) // 2 % 2 == 0
    teeth[rows] = (cv2.dilate(TRUTH.astype(np.uint8), np.ones((1, 9))) > 0)[rows]
    assert signals_of(teeth, TRUTH)["teeth"] > 0.2 and signals_of(teeth, TRUTH)["rough"] > 0.3
    drawn = np.zeros(SIZE, np.uint8)
    (contour, *_), _ = cv2.findContours(TRUTH.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    cv2.fillPoly(drawn, [cv2.approxPolyDP(contour, 6.0, closed=True)], 1)
    polygon = signals_of(drawn > 0, TRUTH)
    assert polygon["corners"] < -0.1


def test_flipping_the_frame_changes_nothing():
    bad = np.roll(TRUTH & ~LIMB, 4, axis=1)
    one = view(bad, TRUTH)
    flipped = View(
        image=np.ascontiguousarray(one.image[:, ::-1]),
        trust=one.trust,
        label=Outline(TRUTH[:, ::-1]),
        votes={name: np.ascontiguousarray(vote[:, ::-1]) for name, vote in one.votes.items()},
        annotation=np.ascontiguousarray(bad[:, ::-1]),
    )
    # a DAVIS boundary is drawn on the left of an edge, so counts along it move by a pixel
    for name, value in annotation_signals([flipped])[0].items():
        assert value == pytest.approx(annotation_signals([one])[0][name], abs=0.06), name


def test_the_order_of_teachers_is_no_matter():
    votes = [TRUTH, TRUTH & ~LIMB, TRUTH | LIMB]
    first, second = ({**annotation_signals([view(TRUTH, TRUTH, order)])[0]} for order in (votes, votes[::-1]))
    assert first == pytest.approx(second, abs=1e-6)


def burst(shift: int, annotations: list[np.ndarray], truths: list[np.ndarray]) -> list[View]:
    """The scene stands, the person moves with its own texture."""
    rng = np.random.default_rng(1)
    scene, own = (cv2.GaussianBlur(rng.uniform(0, 255, (*SIZE, 3)).astype(np.float32), (0, 0), 2) for _ in range(2))
    views = []
    for index, (annotation, truth) in enumerate(zip(annotations, truths, strict=True)):
        moved = np.roll(own, shift * index, axis=1) * (1.2, 0.6, 0.6)
        image = np.where(truth[..., None], moved, scene * (0.5, 1.1, 0.7)).clip(0, 255).astype(np.uint8)
        one = view(annotation, truth)
        views.append(View(image=image, trust=one.trust, label=one.label, votes=one.votes, annotation=annotation))
    return views


def test_a_mask_of_the_frame_before_is_late():
    truths = [person(70 + 5 * index) for index in range(4)]
    late = annotation_signals(burst(5, [truths[0], *truths[:-1]], truths))
    good = annotation_signals(burst(5, truths, truths))
    for index in (1, 2, 3):
        assert late[index]["late"] > 0.1 > 0 > good[index]["late"]


def test_one_bad_mask_of_a_burst_is_named_and_not_its_neighbours():
    truths = [person(80 + 2 * index) for index in range(5)]
    masks = [*truths[:2], truths[2] & ~LIMB, *truths[3:]]
    found = annotation_signals(burst(2, masks, truths))
    unsteady = [one["unsteady"] for one in found]
    assert unsteady[2] > 0.1 and max(unsteady[:2] + unsteady[3:]) < 0.07


def test_a_mask_that_stands_still_while_the_person_walks_is_stuck():
    truths = [person(70 + 5 * index) for index in range(4)]
    stuck = annotation_signals(burst(5, [truths[0]] * 4, truths))
    moving = annotation_signals(burst(5, truths, truths))
    assert min(one["stuck"] for one in stuck[1:]) > 0.05 > 0 > max(one["stuck"] for one in moving)


def test_a_whole_bad_clip_tells_on_each_of_its_frames():
    truths = [person(90 + index) for index in range(3)]
    found = annotation_signals(burst(1, [truth & ~LIMB for truth in truths], truths))
    assert all(one["burst_off"] > 0.1 and one["burst_excess"] > 0.1 for one in found)


def test_who_has_no_mask_or_no_votes_has_no_signals():
    blank = view(None, TRUTH)
    unseen = View(image=blank.image, trust=blank.trust, label=blank.label, annotation=TRUTH)
    assert annotation_signals([blank]) == annotation_signals([unseen]) == [{}]
    with pytest.raises(ValueError, match="vote"):
        Case.of(unseen)


def test_empty_masks_are_judged_too():
    nothing = np.zeros(SIZE, np.bool_)
    assert signals_of(nothing, TRUTH)["off"] == 1 and signals_of(nothing, TRUTH)["missing"] > 0.8
    (found,) = annotation_signals([view(TRUTH, TRUTH, [nothing, nothing])])
    assert np.isfinite(list(found.values())).all()
    (found,) = annotation_signals([view(nothing, TRUTH, [nothing, nothing])])
    assert found["off"] == found["excess"] == 0


def test_the_reference_hears_no_annotation():
    assert (reference(view(None, TRUTH)) == reference(view(~TRUTH, TRUTH))).all()
