import pytest

from datasets.splits import Assignment, SplitError, assign_split, check_splits

RATIOS = {"train": 0.8, "val": 0.1, "test": 0.1}


def split_of(subject: str, **kwargs: object) -> str:
    return assign_split(subject, **{"pinned": "", "ratios": RATIOS, "salt": "s", **kwargs})


def test_splits_follow_the_ratios():
    splits = [split_of(f"person {i}") for i in range(2000)]
    assert splits.count("train") == pytest.approx(1600, abs=80)
    assert splits.count("val") == pytest.approx(200, abs=50)
    assert splits.count("test") == pytest.approx(200, abs=50)


def test_a_subject_keeps_its_split_and_another_salt_deals_anew():
    assert split_of("ann") == split_of("ann")
    subjects = [f"person {i}" for i in range(200)]
    assert [split_of(s) for s in subjects] != [split_of(s, salt="other") for s in subjects]


def test_raising_train_moves_nobody_out_of_train():
    more = {"train": 0.9, "val": 0.05, "test": 0.05}
    for i in range(200):
        if split_of(f"person {i}") == "train":
            assert split_of(f"person {i}", ratios=more) == "train"


def test_pinned_wins_and_must_be_a_split():
    assert {split_of(f"person {i}", pinned="test") for i in range(20)} == {"test"}
    with pytest.raises(SplitError, match=r"'holdout'.*train, val, test"):
        split_of("ann", pinned="holdout")


@pytest.mark.parametrize("ratios", [{"train": 1.0}, {"train": 0.5, "val": 0.5, "test": 0.5}])
def test_ratios_are_shares_of_all_splits(ratios: dict[str, float]):
    with pytest.raises(SplitError, match="add up to 1"):
        split_of("ann", ratios=ratios)


def test_one_subject_in_two_splits_names_both_files():
    both = [Assignment("ann", "train", "a/one.mp4"), Assignment("ann", "test", "two.mp4")]
    with pytest.raises(
        SplitError, match=r"(?s)a/one\.mp4 in train.*two\.mp4 in test|two\.mp4 in test.*one\.mp4"
    ) as error:
        check_splits(both)
    assert "a/one.yaml" in str(error.value) and "two.yaml" in str(error.value)


def test_an_empty_split_says_what_to_pin():
    people = [Assignment(f"p{i}", "train", f"p{i}.mp4") for i in range(3)] + [Assignment("q", "test", "q.mp4")]
    with pytest.raises(SplitError, match=r"split val is empty.*`split: val`.*p0\.yaml"):
        check_splits(people)
    check_splits(people, required=("train", "test"))


def test_too_few_subjects_asks_for_more_footage():
    with pytest.raises(SplitError, match=r"2 subject.*another person"):
        check_splits([Assignment("a", "train", "a.mp4"), Assignment("b", "val", "b.mp4")])
    with pytest.raises(SplitError, match="no frame was curated"):
        check_splits([])


def test_only_the_split_that_lacks_footage_is_complained_of():
    filled = [Assignment(s, s, f"{s}.mp4") for s in ("train", "val", "test")] * 2
    check_splits(filled)
    with pytest.raises(SplitError, match="val"):
        check_splits([entry for entry in filled if entry.split != "val"])
