import numpy as np

from datasets.schema import ERROR_TYPES
from qa.errors import Finding, find_error, largest_region
from qa.view import Outline, View

SIZE = (90, 120)


def block(top: int, left: int, bottom: int, right: int) -> np.ndarray:
    mask = np.zeros(SIZE, np.bool_)
    mask[top:bottom, left:right] = True
    return mask


PERSON = block(20, 40, 80, 80)
ARM = block(30, 80, 45, 105)
LIMITS = {"min_iou": 0.85, "min_f": 0.6, "min_region": 0.02}


def view(label: np.ndarray, *votes: np.ndarray, annotation: np.ndarray | None = None) -> View:
    given = {str(i): vote.astype(np.uint8) * 255 for i, vote in enumerate(votes)}
    image, trust = np.zeros((*SIZE, 3), np.uint8), np.zeros(SIZE, np.uint8)
    return View(image=image, trust=trust, label=Outline(label), votes=given, annotation=annotation)


def overlap(box: list[float], mask: np.ndarray) -> float:
    """How much of the mask lies in the box."""
    rows, columns = SIZE
    x0, y0, x1, y1 = (round(v * n) for v, n in zip(box, (columns, rows, columns, rows), strict=True))
    return float(mask[y0:y1, x0:x1].sum() / mask.sum())


def test_a_region_that_some_teachers_see_and_the_label_lacks_is_missed():
    found = find_error(view(PERSON, PERSON, PERSON | ARM), {})
    assert found.error == "missed_region"
    assert overlap(found.box, ARM) > 0.7 and overlap(found.box, PERSON) < 0.1


def test_a_region_that_some_teachers_deny_is_over_segmentation():
    found = find_error(view(PERSON | ARM, PERSON, PERSON | ARM), {})
    assert found.error == "over_segmentation" and overlap(found.box, ARM) > 0.7


def test_another_object_altogether():
    found = find_error(view(block(0, 0, 30, 30), PERSON, PERSON), {})
    assert found.error == "wrong_object"
    assert overlap(found.box, PERSON) == 1 and overlap(found.box, block(0, 0, 30, 30)) == 1


def test_errors_of_the_whole_mask_are_as_the_judge_calls_them():
    for error in ("flicker", "lag", "wrong_object"):
        found = find_error(view(PERSON, PERSON, PERSON | ARM), {}, error)
        assert found.error == error and overlap(found.box, PERSON) == 1


def test_a_wrong_object_that_stands_apart_is_pointed_at():
    apart = block(5, 95, 30, 115)
    found = find_error(view(PERSON | apart, PERSON, PERSON), {}, "wrong_object")
    assert overlap(found.box, apart) == 1 and overlap(found.box, PERSON) == 0
    assert found.size == apart.sum() / (PERSON.sum() + apart.sum())


def test_the_heaviest_region_says_on_which_side_it_is_and_without_one_the_outline_is_shown():
    surplus, lacking = block(50, 20, 60, 40), ARM
    votes = (PERSON, PERSON | lacking, PERSON | surplus | lacking)
    for called in ("missed_region", "over_segmentation"):
        found = find_error(view(PERSON | surplus, *votes), {}, called)  # two of three deny the surplus: it weighs more
        assert found == find_error(view(PERSON | surplus, *votes), {})
        assert overlap(found.box, lacking if found.error == "missed_region" else surplus) > 0.7
    assert find_error(view(PERSON, PERSON), {}, "missed_region").error == "jagged_edge"


def test_a_label_that_loses_a_quarter_of_itself_for_a_frame_flickers_whatever_it_is_called():
    assert find_error(view(PERSON, PERSON), {"area_jump": 0.3}, "jagged_edge").error == "flicker"
    assert find_error(view(PERSON, PERSON), {"area_jump": 0.2}, "jagged_edge").error == "jagged_edge"


def test_without_a_region_the_outline_is_to_blame():
    wavy = PERSON.copy()
    wavy[20:80:4, 80:83] = True
    found = find_error(view(wavy, PERSON, PERSON), {})
    assert found.error == "jagged_edge"
    assert found.box[0] <= 80 / 120 <= found.box[2]


def test_every_error_has_its_name():
    assert {"missed_region", "over_segmentation", "wrong_object", "jagged_edge", "lag", "flicker"} == set(ERROR_TYPES)


def test_the_largest_of_two_regions_by_hand():
    big, small = block(30, 95, 60, 110), block(0, 0, 10, 10)
    found = largest_region(view(PERSON, PERSON | big | small), Outline(PERSON), share=0.5)
    total = PERSON.sum() + big.sum() + small.sum()
    assert found == Finding("missed_region", [92 / 120, 27 / 90, 113 / 120, 63 / 90], big.sum() / total)
    assert largest_region(view(PERSON, PERSON), Outline(PERSON), share=0.5) is None
