"""What a good label is: the standard that the judge, the audit and the benchmarks share."""

GOOD_IOU, GOOD_F = 0.95, 0.85
"""A label is good from this IoU and this boundary F with truth."""


def is_good(iou: float, boundary_f: float) -> bool:
    """Whether a label with this agreement with truth is good."""
    return iou >= GOOD_IOU and boundary_f >= GOOD_F
