"""What only the whole curated set can tell: that its splits hold, and the table of group weights."""

from __future__ import annotations

import collections
import os
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from datasets.faults import fault_point
from datasets.schema import CuratedRow
from datasets.shards import read_rows
from datasets.splits import Assignment, check_splits
from qa.audit import FILE, read_audit, write_audit
from qa.curate import REVIEWS, CurateConfig
from qa.weighting import weight_rows

WEIGHTS = "weights.parquet"
_SCHEMA = pa.schema(
    [
        ("group", pa.string()),
        ("weight", pa.float64()),
        ("band_weight", pa.float64()),
        ("count", pa.int64()),
        ("expected_error", pa.float64()),
        ("expected_band_error", pa.float64()),
        ("audited", pa.int64()),
    ]
)


def finish(shards: Sequence[Path], out: Path, config: CurateConfig) -> None:
    """Check the splits of all curated shards together, then write `weights.parquet` (one row a group) into `out`.

    The bytes depend on the rows and on the audit table alone, not on the order of the shards. `count` is of training
    labels. The audit table is the one in the folder of decisions beside `out`; a copy is left for the report.

    Raises:
        SplitError: a subject is in two splits, or a required split is empty.
        AuditError: the audit table is damaged.
    """
    assignments: set[Assignment] = set()
    counts: collections.Counter[str] = collections.Counter()
    for shard in shards:
        for row in read_rows(shard, CuratedRow, columns=["subject", "split", "path", "group"]):
            assignments.add(Assignment(row.subject, row.split, row.path))
            counts[row.group] += row.split == "train"
    check_splits(assignments, required=config.required_splits)
    audit = read_audit(out.parent / REVIEWS.name / FILE)
    table = pa.Table.from_pylist(weight_rows(counts, config.groups, audit), schema=_SCHEMA)
    if audit:
        write_audit(out / FILE, audit)  # for the report, which reads this folder
    unfinished = out / f".{WEIGHTS}.{os.getpid()}"
    pq.write_table(table, unfinished, compression="none", write_statistics=False)
    fault_point("weights.temporary")
    unfinished.rename(out / WEIGHTS)
    fault_point("weights.renamed")
