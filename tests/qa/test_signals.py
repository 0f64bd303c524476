from dataclasses import replace

import cv2
import numpy as np
import pytest

from qa.metrics import boundary_f, iou
from qa.signals import contacts, frame_signals
from qa.view import Outline, View

SIZE = (90, 120)


def block(top: int, left: int, bottom: int, right: int) -> np.ndarray:
    mask = np.zeros(SIZE, np.bool_)
    mask[top:bottom, left:right] = True
    return mask


PERSON = block(20, 40, 80, 80)


def view(label: np.ndarray, *votes: np.ndarray, **values: object) -> View:
    """A view whose picture shows PERSON, bright on dark."""
    image = np.repeat(np.where(PERSON, 200, 40).astype(np.uint8)[..., None], 3, axis=2)
    given = {str(i): vote.astype(np.uint8) * 255 for i, vote in enumerate(votes)}
    trust = np.full(SIZE, 255, np.uint8)
    return View(**{"image": image, "trust": trust, "label": Outline(label), "votes": given, **values})


def test_agreement_by_hand():
    half = block(20, 40, 50, 80)
    signals = frame_signals(view(PERSON, PERSON, half, PERSON))
    assert signals["teachers"] == 3
    assert signals["teacher_iou"] == pytest.approx((1 + 0.5 + 0.5) / 3)
    assert signals["teacher_iou_min"] == pytest.approx(0.5)
    assert signals["label_iou"] == 1 and signals["label_iou_best"] == 1
    assert signals["teacher_f"] == pytest.approx((1 + 2 * boundary_f(half, PERSON)) / 3)


def test_core_and_band_are_told_apart():
    # One of two teachers misses a hole deep in the core: half of the votes on 12 x 12 of the core's pixels.
    hollow = PERSON & ~block(44, 54, 56, 66)
    signals = frame_signals(view(PERSON, PERSON, hollow))
    core = PERSON & ~Outline(PERSON).band
    assert signals["core_doubt"] == pytest.approx(0.5 * 144 / core.sum())
    assert signals["band_doubt"] == 0
    # And one whose outline is 2 px off disagrees in the band alone.
    wide = frame_signals(view(PERSON, PERSON, block(18, 38, 82, 82)))
    assert wide["core_doubt"] == 0 and wide["band_doubt"] > 0 and wide["regions"] == 0


def test_regions_of_doubt_are_measured_against_the_outline():
    arm = block(30, 95, 60, 110)
    signals = frame_signals(view(PERSON, PERSON, PERSON | arm))
    edge, radius = Outline(PERSON).edge.sum(), Outline(PERSON).radius
    assert signals["regions"] == 1
    assert signals["region_largest"] == signals["region_area"] == pytest.approx(arm.sum() / (edge * radius))


def test_lone_dissent_below_the_share_is_no_doubt():
    arm = block(30, 95, 60, 110)
    assert frame_signals(view(PERSON, PERSON, PERSON, PERSON, PERSON | arm))["regions"] == 0


def test_components_and_holes():
    mask = (PERSON & ~block(40, 50, 50, 60)) | block(30, 95, 50, 110)
    signals = frame_signals(view(mask, boxes=[[0.3, 0.2, 0.7, 0.9]], scores=[0.9]))
    assert (signals["components"], signals["holes"]) == (2, 1)
    assert signals["stray_area"] == pytest.approx(300 / mask.sum())
    assert signals["hole_area"] == pytest.approx(100 / mask.sum())
    # Two persons may well be two components.
    two = frame_signals(view(mask, boxes=[[0.3, 0.2, 0.7, 0.9], [0.7, 0.2, 1, 0.9]], scores=[0.9, 0.8]))
    assert two["stray_area"] == 0


def test_a_bay_that_reaches_the_side_is_no_hole():
    mask = ~block(0, 50, 30, 60)
    assert frame_signals(view(mask))["holes"] == 0
    assert frame_signals(view(~block(10, 50, 30, 60)))["holes"] == 1


def test_edge_fit_prefers_the_true_edge():
    right = frame_signals(view(PERSON))["edge_fit"]
    shifted = frame_signals(view(block(20, 46, 80, 86)))["edge_fit"]
    flat = frame_signals(view(PERSON, image=np.full((*SIZE, 3), 90, np.uint8)))["edge_fit"]
    assert right > 0.75 and shifted < right - 0.1 and flat == 0.5


def test_boxes():
    exact = [40 / 120, 20 / 90, 80 / 120, 80 / 90]
    signals = frame_signals(view(PERSON, boxes=[exact], scores=[0.9]))
    assert signals["box_iou"] == 1 and signals["box_outside"] == 0 and signals["box_filled"] == 1
    left = [0, 20 / 90, 40 / 120, 80 / 90]
    two = frame_signals(view(PERSON, boxes=[exact, left], scores=[0.9, 0.6]))
    assert two["box_iou"] == pytest.approx(0.5) and two["box_filled"] == 0
    # A box the detector is not sure of may stay empty.
    assert frame_signals(view(PERSON, boxes=[exact, left], scores=[0.9, 0.3]))["box_filled"] == 1
    outside = frame_signals(view(PERSON, boxes=[left], scores=[0.9]))["box_outside"]
    assert outside == pytest.approx(1 - 4 / 40)


def test_contacts_by_hand():
    assert contacts(block(45, 0, 90, 60)) == pytest.approx((0.5, 0, 0, 0.5))
    assert contacts(PERSON) == (0, 0, 0, 0)


def test_trust_and_unknown_width():
    trust = np.where(Outline(PERSON).band, 51, 204).astype(np.uint8)
    signals = frame_signals(view(PERSON, trust=trust, unknown=0.1))
    assert signals["core_trust"] == pytest.approx(0.8) and signals["band_trust"] == pytest.approx(0.2)
    assert signals["unknown_width"] == pytest.approx(0.1 * PERSON.size / Outline(PERSON).edge.sum() / np.hypot(*SIZE))


def test_what_cannot_be_known_is_left_out():
    empty = frame_signals(view(np.zeros(SIZE, np.bool_)))
    assert not {"label_iou", "core_trust", "edge_fit", "box_iou", "hole_area"} & set(empty)
    assert empty["area"] == 0 and empty["components"] == 0
    alone = frame_signals(view(PERSON, PERSON))
    assert "label_iou" in alone and "teacher_iou" not in alone


def test_signals_hardly_depend_on_resolution():
    vote = block(24, 44, 84, 84)
    small = frame_signals(view(PERSON, PERSON, vote))

    def doubled(mask: np.ndarray) -> np.ndarray:
        return np.kron(mask, np.ones((2, 2), np.bool_))

    image = cv2.resize(view(PERSON).image, None, fx=2, fy=2, interpolation=cv2.INTER_NEAREST)
    votes = {"0": doubled(PERSON).astype(np.uint8) * 255, "1": doubled(vote).astype(np.uint8) * 255}
    large = frame_signals(
        View(image=image, trust=np.full(image.shape[:2], 255, np.uint8), label=Outline(doubled(PERSON)), votes=votes)
    )
    assert large["label_iou"] == pytest.approx(np.median([1, iou(PERSON, vote)]))
    for name in ("core_doubt", "band_doubt", "region_area", "area"):
        assert large[name] == pytest.approx(small[name], abs=0.06), name


class TestFourByFour:
    """A square of four pixels in the middle of sixteen; one of two teachers sees two pixels more, right of it."""

    SQUARE = np.zeros((4, 4), np.bool_)
    SQUARE[1:3, 1:3] = True
    WIDE = SQUARE.copy()
    WIDE[1:3, 3] = True

    def signals(self, label: np.ndarray, *votes: np.ndarray, **values: object) -> dict[str, float]:
        given = {str(i): vote.astype(np.uint8) * 255 for i, vote in enumerate(votes)}
        image, trust = np.full((4, 4, 3), 90, np.uint8), np.full((4, 4), 102, np.uint8)
        return frame_signals(View(image=image, trust=trust, label=Outline(label), votes=given, **values))

    def test_agreement_and_doubt(self):
        found = self.signals(self.SQUARE, self.SQUARE, self.WIDE)
        assert found["label_iou"] == pytest.approx((1 + 4 / 6) / 2)
        assert (found["label_iou_best"], found["label_iou_worst"]) == pytest.approx((1, 4 / 6))
        assert found["teacher_iou"] == pytest.approx(4 / 6)
        # All sixteen pixels lie within two of the outline: half of the votes doubts two of them.
        assert found["band_doubt"] == pytest.approx(0.5 * 2 / 16) and found["core_doubt"] == 0
        assert found["band_trust"] == pytest.approx(0.4) and found["area"] == pytest.approx(4 / 16)

    def test_a_hole_and_a_speck_apart(self):
        ring = np.ones((4, 4), np.bool_)
        ring[1, 1] = False
        assert self.signals(ring)["hole_area"] == pytest.approx(1 / 15)
        parts = self.SQUARE.copy()
        parts[0, 3] = parts[2, 2] = False
        parts[3, 3] = True
        assert self.signals(parts)["components"] == 2
        assert self.signals(parts)["stray_area"] == pytest.approx(1 / 4)

    def test_boxes(self):
        found = self.signals(self.SQUARE, boxes=[[0.25, 0.0, 0.75, 1.0]], scores=[0.9])
        assert found["box_iou"] == pytest.approx(4 / 8) and found["box_filled"] == pytest.approx(4 / 8)
        assert found["box_outside"] == 0
        assert found["box_short"] == pytest.approx(1 / 4) and found["box_over"] == 0


def test_mirrored_evidence_says_the_same():
    arm, leg = block(30, 80, 45, 105), block(60, 40, 80, 55)
    given = view(PERSON & ~leg, PERSON, PERSON | arm, PERSON & ~leg, boxes=[[0.3, 0.2, 0.75, 0.9]], scores=[0.9])
    turned = replace(
        given,
        image=given.image[:, ::-1].copy(),
        label=Outline(given.label.mask[:, ::-1].copy()),
        votes={name: vote[:, ::-1].copy() for name, vote in given.votes.items()},
        boxes=[[0.25, 0.2, 0.7, 0.9]],
    )
    first, second = frame_signals(given), frame_signals(turned)
    assert first.pop("contact_left") == second.pop("contact_right")
    assert first.pop("contact_right") == second.pop("contact_left")
    # A boundary lies on one side of its pixels, so a mirrored one lies a pixel further.
    assert second == {name: pytest.approx(value, abs=0.12) for name, value in first.items()}
