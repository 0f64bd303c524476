import pytest

from qa.standard import is_good


@pytest.mark.parametrize(
    ("iou", "boundary_f", "good"), [(0.95, 0.85, True), (0.949, 1.0, False), (1.0, 0.849, False), (1.0, 1.0, True)]
)
def test_what_is_good(iou: float, boundary_f: float, good: bool):
    assert is_good(iou, boundary_f) is good
