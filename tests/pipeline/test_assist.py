"""Requests of Label Studio's smart brush, answered: which mask is the base, what comes back, what is refused."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from datasets.brush_rle import decode_mask, encode_mask
from datasets.images import encode_png
from pipeline.assist import Assistant, AssistError, way_of
from pipeline.params import load_params
from pipeline.review.regions import NOT_PERSON, PERSON
from stages.scribbles import graph_cut

SIZE = (160, 120)
ROOT = Path(__file__).resolve().parents[2]


def rectangle(left: int, top: int, right: int, bottom: int) -> np.ndarray:
    return cv2.rectangle(np.zeros(SIZE[::-1], np.uint8), (left, top), (right, bottom), 1, -1).astype(bool)


BODY, ARM, WALL = rectangle(50, 20, 90, 119), rectangle(91, 50, 130, 66), rectangle(10, 90, 49, 110)
ALONG_THE_ARM, ALONG_THE_WALL = rectangle(93, 57, 128, 59), rectangle(12, 99, 47, 101)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Path:
    image = np.random.default_rng(0).integers(0, 40, (*SIZE[::-1], 3), dtype=np.uint8)
    image[~BODY & ~ARM] += np.array([20, 30, 160], np.uint8)
    image[BODY] += np.array([190, 30, 20], np.uint8)
    image[ARM] += np.array([30, 170, 20], np.uint8)
    folder = tmp_path_factory.mktemp("review") / "served"
    (folder / "autoroto").mkdir(parents=True)
    (folder / "autoroto" / "a b.png").write_bytes(encode_png(image))
    (folder.parent / "secret.png").write_bytes(encode_png(image))
    return folder


@pytest.fixture(scope="module")
def assistant(served: Path) -> Assistant:
    return Assistant(served)


def region(mask: np.ndarray, label: str, **values: object) -> dict:
    return {
        "type": "brushlabels", "from_name": "mask", "to_name": "image",
        "original_width": mask.shape[1], "original_height": mask.shape[0],
        "value": {"format": "rle", "rle": list(encode_mask(mask.astype(np.uint8) * 255)), "brushlabels": [label]},
    } | values  # fmt: skip


HERE = "/data/local-files/?d=autoroto/a%20b.png"


def request(strokes: list, *, address: str = HERE, drafts: bool = False, **values: object) -> dict:
    task: dict = {
        "id": 7,
        "data": {"image": address},
        "predictions": [{"id": 1, "result": [region(BODY | WALL, PERSON)]}, {"id": 4, "result": []}],
        "annotations": [{"id": 2, "result": [region(BODY, PERSON)]}],
    }
    if drafts:
        task["drafts"] = [{"id": 3, "result": [region(BODY | WALL, PERSON), region(WALL, NOT_PERSON)]}]
    return {"tasks": [task], "params": {"context": {"result": strokes, **values}}}


def answered(assistant: Assistant, asked: dict) -> dict[str, np.ndarray]:
    (answer,) = assistant.predict(asked)["results"]
    return {
        one["value"]["brushlabels"][0]: decode_mask(one["value"]["rle"], *SIZE) > 127
        for one in answer["result"]
        if (one["from_name"], one["to_name"], one["type"]) == ("mask", "image", "brushlabels")
        and (one["original_width"], one["original_height"]) == SIZE
    }


def test_an_adding_stroke_comes_back_as_the_region_it_means(assistant: Assistant) -> None:
    found = answered(assistant, request([region(ALONG_THE_ARM, PERSON)]))
    assert set(found) == {PERSON}
    gained = found[PERSON]
    assert (gained & ALONG_THE_ARM).sum() == ALONG_THE_ARM.sum()
    assert (gained & ARM).sum() > 3 * ALONG_THE_ARM.sum() and (gained & ~ARM & ~BODY).sum() < 0.05 * ARM.sum()


def test_what_is_taken_away_has_the_other_label(assistant: Assistant) -> None:
    found = answered(assistant, request([region(ALONG_THE_WALL, NOT_PERSON)]))
    assert set(found) == {NOT_PERSON}
    assert (found[NOT_PERSON] & WALL).sum() > 0.5 * WALL.sum() and not (found[NOT_PERSON] & ~WALL & ~BODY).any()
    assert (found[NOT_PERSON] & BODY).sum() < 0.02 * BODY.sum()


@pytest.mark.parametrize("chosen", [{"drafts": True}, {"drafts": True, "draft_id": 3}, {"annotation_id": 2}])
def test_the_draft_then_the_annotation_is_what_the_reviewer_has(assistant: Assistant, chosen: dict) -> None:
    """In both the wall is no person already: the stroke alone comes back."""
    found = answered(assistant, request([region(ALONG_THE_WALL, NOT_PERSON)], **chosen))
    assert np.array_equal(found[NOT_PERSON], ALONG_THE_WALL)


def test_of_all_that_comes_with_it_the_last_is_the_stroke(assistant: Assistant) -> None:
    """Label Studio sends every region of the stroke's label: the pre-annotation, accepted answers, the stroke."""
    shown = region(BODY | WALL, PERSON, id="person", origin="prediction")
    stroke = region(ALONG_THE_ARM, PERSON, id="stroke", origin="manual")
    alone = answered(assistant, request([stroke]))[PERSON]
    asked = request([shown, region(rectangle(0, 0, 30, 10), PERSON, id="assist-1", origin="manual"), stroke])
    assert np.array_equal(answered(assistant, asked)[PERSON], alone)
    (answer,) = assistant.predict(asked)["results"]
    assert answer["result"][0]["id"].startswith("assist-")
    # the stroke goes when its answer is accepted, and Label Studio asks once more with the rest
    for left in ([shown], [shown | {"origin": "prediction-changed"}], [shown, answer["result"][0]]):
        assert answered(assistant, request(left)) == {}


def test_a_stroke_that_is_in_the_draft_already_is_no_part_of_the_mask_before(assistant: Assistant) -> None:
    stroke = region(ALONG_THE_ARM, PERSON, id="stroke")
    asked = request([stroke])
    wanted = answered(assistant, asked)[PERSON]
    asked["tasks"][0]["drafts"] = [{"id": 3, "result": [region(BODY | WALL, PERSON, id="person"), stroke]}]
    assert np.array_equal(answered(assistant, asked)[PERSON], wanted)
    asked["tasks"][0]["drafts"] = [{"id": 3, "result": [region(BODY | ARM, PERSON, id="person"), stroke]}]
    assert np.array_equal(answered(assistant, asked)[PERSON], ALONG_THE_ARM)


def test_without_a_stroke_nothing_is_said(assistant: Assistant) -> None:
    for asked in ({"tasks": [{"id": 1}]}, request([]), request([{"type": "choices"}])):
        assert assistant.predict(asked)["results"] == [{"model_version": "autoroto-assist", "score": 0.0, "result": []}]
    assert answered(assistant, request([region(np.zeros_like(BODY), PERSON)])) == {}


@pytest.mark.parametrize(
    "address",
    ["", "/data/local-files/?d=../secret.png", "/data/local-files/?d=/etc/passwd", "/data/local-files/?d=no.png"],
)
def test_pictures_come_from_the_served_folder_alone(assistant: Assistant, address: str) -> None:
    with pytest.raises(AssistError, match="task 7: its picture"):
        assistant.predict(request([region(ALONG_THE_ARM, PERSON)], address=address))


def test_a_stroke_of_another_size_or_without_bytes_is_refused(assistant: Assistant) -> None:
    with pytest.raises(AssistError, match="32x24, the picture 160x120"):
        assistant.predict(request([region(np.ones((24, 32), bool), PERSON)]))
    damaged = region(ALONG_THE_ARM, PERSON, value={"rle": [1, 2, 3], "brushlabels": [PERSON]})
    with pytest.raises(AssistError, match="cannot be read"):
        assistant.predict(request([damaged]))
    with pytest.raises(AssistError, match="list of tasks"):
        assistant.predict({})


def test_what_an_earlier_region_cannot_be_read_as_is_said(assistant: Assistant) -> None:
    asked = request([region(ALONG_THE_ARM, PERSON)])
    asked["tasks"][0]["drafts"] = [{"id": 3, "result": [region(np.ones((24, 32), bool), PERSON)]}]
    with pytest.raises(AssistError, match="32x24, the picture 160x120"):
        assistant.predict(asked)


def test_sam_answers_where_it_is_enabled_and_graph_cut_otherwise() -> None:
    params = load_params(ROOT / "params.yaml")
    assert way_of(params, ROOT) == (graph_cut, 320, "graph cut")
    sam = params.vote.teachers["sam"].model_copy(update={"enabled": True})
    teachers = {**params.vote.teachers, "sam": sam}
    with pytest.raises(FileNotFoundError, match="no such checkpoint"):
        way_of(params.model_copy(update={"vote": params.vote.model_copy(update={"teachers": teachers})}), ROOT)
