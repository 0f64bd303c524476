"""Floor 3: is a label right? Metrics, signals, quality, groups, review, report; stages `score` and `curate`."""
