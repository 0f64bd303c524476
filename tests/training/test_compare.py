import time

from training.compare import interleaved_medians


def test_calls_take_turns_and_medians_are_milliseconds() -> None:
    order: list[str] = []

    def slow() -> None:
        order.append("slow")
        time.sleep(0.004)

    medians = interleaved_medians({"quick": lambda: order.append("quick"), "slow": slow}, rounds=9, warmup=1)
    rounds = [tuple(order[start : start + 2]) for start in range(0, 20, 2)]
    assert len(order) == 20 and set(rounds) == {("quick", "slow"), ("slow", "quick")}
    assert medians["slow"] > 3.9 and medians["quick"] < medians["slow"]
