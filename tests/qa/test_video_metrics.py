import numpy as np
import pytest

from qa.video_metrics import dtssd


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
