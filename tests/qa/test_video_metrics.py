import cv2
import numpy as np
import pytest

from qa.video_metrics import dtssd, flicker, flicker_static
from stages.flow import track_pair


def test_dtssd_by_hand():
    still = np.zeros((4, 4))
    blink = still.copy()
    blink[0, 0] = 1
    # Frame 1 of the prediction gains a pixel the truth does not: sqrt(1 / 16) = 0.25 for both changes.
    assert dtssd([still, blink, still], [still, still, still]) == pytest.approx(25)
    # The first frame's constant error is no incoherence.
    assert dtssd([blink, blink], [still, still]) == 0
    # One changed pair of two: the mean runs over T - 1 = 2 pairs.
    assert dtssd([still, still, blink], [still, still, still]) == pytest.approx(12.5)


def test_dtssd_needs_two_frames():
    with pytest.raises(ValueError, match="length >= 2"):
        dtssd([np.zeros((4, 4))], [np.zeros((4, 4))])


def moving_square(step: int) -> tuple[np.ndarray, np.ndarray]:
    """A textured square on a textured ground, moved right by `step` px, and its mask."""
    rng = np.random.default_rng(3)
    texture = cv2.GaussianBlur(rng.integers(0, 256, (2, 120, 160, 3), dtype=np.uint8)[0], (0, 0), 2)
    patch = cv2.GaussianBlur(rng.integers(0, 256, (50, 50, 3), dtype=np.uint8), (0, 0), 2)
    image, mask = texture.copy(), np.zeros((120, 160), np.uint8)
    image[35:85, 40 + step : 90 + step] = patch
    mask[35:85, 40 + step : 90 + step] = 255
    return image, mask


def test_flicker_follows_motion_and_sees_what_does_not_move_along():
    (first, mask_first), (second, mask_second) = moving_square(0), moving_square(4)
    moving = flicker([mask_first, mask_second], [first, second])
    stuck = flicker([mask_first, mask_first], [first, second])
    assert moving < 0.01
    assert stuck > 1.5 * moving
    assert flicker_static([mask_first, mask_second]) == pytest.approx(2 * 4 * 50 / (120 * 160))
    assert flicker_static([mask_first, mask_first]) == 0


def test_flicker_of_a_blinking_alpha_in_a_still_picture_by_hand():
    image, mask = moving_square(0)
    assert flicker([mask, mask * 0, mask], [image] * 3) == pytest.approx(50 * 50 / (120 * 160), rel=0.02)


def test_flicker_names_what_does_not_fit():
    image, mask = moving_square(0)
    with pytest.raises(ValueError, match="as many alphas as images"):
        flicker([mask], [image])
    with pytest.raises(ValueError, match="images' size"):
        flicker([mask[:60], mask[:60]], [image, image])
    with pytest.raises(ValueError, match="at least two"):
        flicker_static([mask])


def test_dtssd_agrees_with_rvms_after_its_first_zero_is_taken_out():
    """RVM's evaluation: ((p_t - p_{t-1}) - (g_t - g_{t-1}))², mean, root, × 1e2; frame 0 counts as 0 in its average."""
    random = np.random.default_rng(7)
    preds, truths = (list(random.random((5, 12, 16))) for _ in range(2))
    frames = [0.0]
    for time in range(1, 5):
        change = (preds[time] - preds[time - 1]) - (truths[time] - truths[time - 1])
        frames.append(np.sqrt(np.mean(change**2)) * 1e2)
    assert dtssd(preds, truths) == pytest.approx(np.mean(frames) * 5 / 4, rel=1e-5)


def test_flicker_agrees_with_a_pixel_loop_over_the_same_flow():
    (first, alpha_first), (second, alpha_second) = moving_square(0), moving_square(3)
    _, back = track_pair(first, second)
    height, width = alpha_first.shape
    changes = []
    for y in range(height):
        for x in range(width):
            if not back.tracked[y, x]:
                continue
            u = np.clip(x + float(back.flow[y, x, 0]), 0, width - 1)
            v = np.clip(y + float(back.flow[y, x, 1]), 0, height - 1)
            left, top = min(int(u), width - 2), min(int(v), height - 2)
            a, b = u - left, v - top
            corner = alpha_first[top : top + 2, left : left + 2] / 255
            before = np.array([1 - b, b]) @ corner @ np.array([1 - a, a])
            changes.append(abs(alpha_second[y, x] / 255 - before))
    assert flicker([alpha_first, alpha_second], [first, second]) == pytest.approx(np.mean(changes), abs=2e-4)
