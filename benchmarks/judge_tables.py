"""Tables of judged labels, for people."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
from judge_figures import KINDS, Judged, auroc, calibration_error, compared, named, separations
from rich.table import Table

from pipeline.calibrate_judge import SIZES


def types_table(title: str, judged: Sequence[Judged]) -> Table:
    table = Table(title=f"AUROC, {title}", title_justify="left")
    for column in ("error", "bad", "good", "judge", "cleanlab", *sorted({one.labelled.collection for one in judged})):
        table.add_column(column, justify="left" if column == "error" else "right")
    ours, theirs = separations(judged), separations(judged, by="cleanlab")
    for kind in KINDS:
        bad, _ = compared(judged, kind)
        by_set = []
        for collection in sorted({one.labelled.collection for one in judged}):
            found = separations([one for one in judged if one.labelled.collection == collection], kinds=(kind,))
            by_set.append(f"{found[kind]:.3f}")
        table.add_row(
            kind, str(int(bad.sum())), str(int((~bad).sum())), f"{ours[kind]:.4f}", f"{theirs[kind]:.4f}", *by_set
        )
    return table


def sizes_table(judged: Sequence[Judged]) -> Table:
    table = Table(title="injected into good labels (frames)", title_justify="left")
    for column in ("error", "votes", "size", "labels", "spoilt", "P spoilt", "P still good", "named"):
        table.add_column(column, justify="left" if column == "error" else "right")
    groups = defaultdict(list)
    for one in judged:
        if one.labelled.spec.kind and (one.was_good if one.labelled.spec.pan else one.was_good_frame):
            spec = one.labelled.spec
            groups[list(SIZES).index(spec.kind), spec.kind, spec.share, spec.size].append(one)
    for (_, kind, share, size), found in sorted(groups.items()):
        spoilt = [one for one in found if not one.labelled.example.good]
        kept = [one for one in found if one.labelled.example.good]
        table.add_row(
            kind,
            {0.0: "one", 0.5: "most", 1.0: "all"}[share],
            f"{size:.2f}",
            str(len(found)),
            str(len(spoilt)),
            f"{np.mean([one.chance for one in spoilt]):.2f}" if spoilt else "",
            f"{np.mean([one.chance for one in kept]):.2f}" if kept else "",
            f"{named(spoilt):.0%}" if spoilt else "",
        )
    return table


def sets_table(judged: Sequence[Judged], out: Sequence[Judged]) -> Table:
    table = Table(title="natural labels", title_justify="left")
    for column in ("set", "labels", "good", "AUROC", "ECE", "AUROC left out", "ECE left out"):
        table.add_column(column, justify="left" if column == "set" else "right")
    sets = sorted({one.labelled.collection for one in judged})
    for name, chosen in [
        *((name, [name]) for name in sets),
        ("all", sets),
        ("all, fused alone", sets),
    ]:
        cells = []
        for found in (judged, out):
            natural = [
                one
                for one in found
                if one.labelled.natural
                and one.labelled.collection in chosen
                and not (one.labelled.teacher and "fused" in name)
            ]
            bad = np.asarray([not one.labelled.example.good for one in natural])
            cells.append((natural, bad, auroc(bad, -np.asarray([one.chance for one in natural]))))
        natural, bad, area = cells[0]
        table.add_row(
            name,
            str(len(natural)),
            f"{1 - bad.mean():.0%}",
            f"{area:.3f}",
            f"{calibration_error(natural):.3f}",
            f"{cells[1][2]:.3f}",
            f"{calibration_error(cells[1][0]):.3f}",
        )
    return table
