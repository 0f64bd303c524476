from qa.report_findings import Cell, prior_sentences, retraining_rows

LOCK = {"iou": {"true": 0.95, "empty": 0.9}, "recovery_frames": 0.5, "verdict": "fine"}


def test_a_sentence_a_set_names_the_verdict_and_its_numbers() -> None:
    worst = {**LOCK, "recovery_frames": None, "verdict": "worships"}
    keyed, test = prior_sentences({"prior": {"test": worst, "keyed": LOCK}})
    assert keyed.startswith("On the set keyed the student uses its prior")
    assert "true 0.950, empty 0.900; 0.5 frames to recover" in keyed
    assert "worships" in test and "no cuts" in test
    assert prior_sentences({}) == []


def test_gains_carry_their_sign_and_losses_are_marked() -> None:
    metrics = {"retraining": {
        "keyed": {"iou": {"earlier": 0.9, "now": 0.95, "gained": 0.05}, "dtssd": {"gained": -0.2}},
        "test": {"iou": {"gained": -0.0001}},
    }}  # fmt: skip
    names, rows = retraining_rows(metrics)
    assert names == ["iou", "dtssd"]
    assert rows[0] == ("keyed", [Cell("+0.050", lost=False), Cell("-0.200", lost=True)])
    assert rows[1] == ("test", [Cell("-0.000", lost=False), Cell("–", lost=False)])
    assert retraining_rows({}) == ([], [])
