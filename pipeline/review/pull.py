"""`autoroto review pull`: what people submitted in Label Studio becomes decisions in `data/reviews/`."""

from __future__ import annotations

import contextlib
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from datasets.faults import fault_point
from datasets.images import Grey, decode_grey, encode_png
from datasets.reviews import Decision, append_decisions, known_decisions
from datasets.store import write_atomically
from pipeline.review.access import FOLDER
from pipeline.review.client import Json, Missing, Studio
from pipeline.review.interface import Annotation, annotations_of, verdict_of
from pipeline.review.project import Project, the_project
from pipeline.review.regions import AnnotationError, painted_mask
from pipeline.review.tasks import LABELS, key_of
from qa.curate import REVIEWS
from qa.review_masks import sized
from qa.verdicts import UnclearVerdict, settle

BATCH = 50
"""Tasks of one snapshot: what is in memory at once, and lost work where a pull is killed."""
OVERLAP = timedelta(minutes=2)
"""Looked at again: what was being saved while an earlier pull ran may have a time before that of what it saw."""
MEANWHILE = OVERLAP / 2
"""What is newer than its task was when listed, by more than this, is the next pull's: the times of what is written say
how far a pull came, and with this one it would seem to have come past tasks that it has not seen yet."""
UNCLEAR = FOLDER / "unclear.json"
"""Tasks with annotations that were no decision yet: every pull asks for them again."""
Progress = Callable[[int, int, str], None]


@dataclass
class Pulled:
    """What a pull found.

    Attributes:
        decisions: written down now, by verdict. known: were so before. skipped: tasks passed over by a reviewer.
        unclear: annotations that are no decision, with what their reviewers have to do.
        meanwhile: annotations submitted or changed while the pull ran, left to the next one.
        hard: decisions whose mask has no soft edge, as the label that was shown is not on this machine.
        files: written. frames: keys of the frames that were decided on.
    """

    decisions: Counter[str] = field(default_factory=Counter)
    known: int = 0
    skipped: int = 0
    unclear: list[str] = field(default_factory=list)
    meanwhile: int = 0
    hard: int = 0
    files: list[Path] = field(default_factory=list)
    frames: set[tuple[str, int]] = field(default_factory=set)

    def sentence(self) -> str:
        """For people."""
        verdicts = ", ".join(f"{count} {verdict}" for verdict, count in sorted(self.decisions.items()))
        parts = [f"{self.decisions.total()} new decisions{f' ({verdicts})' if verdicts else ''}"]
        rest = {
            "skipped by reviewers": self.skipped,
            "unclear": len(self.unclear),
            "changed meanwhile: pull again for them": self.meanwhile,
            "without the label's soft edge, which is not on this machine": self.hard,
        }
        return ", ".join([*parts, *(f"{count} {what}" for what, count in rest.items() if count)])


@dataclass(frozen=True)
class Pull:
    """A pull from one project. `everything`: not only what has changed since the last one."""

    root: Path
    studio: Studio
    title: str
    everything: bool = False
    progress: Progress = field(default=lambda done, total, what: None)

    def run(self) -> Pulled:
        """Write the new decisions.

        Tasks come in the order of their last change, a batch at a time, and each batch is one file that is there whole
        or not at all. What the folder holds says how far the last pull came, so a killed one just goes on.

        Raises:
            StudioError: Label Studio is away, or has no such project. ReviewError: a file of decisions is damaged.
        """
        project = the_project(self.studio, self.title)
        known = known_decisions(self.root / REVIEWS)
        done = Pulled()
        open_before = set(self._unclear().get(project.mark, []))
        listed = self._changed(project, known, open_before)
        tasks = list(listed)
        unclear: set[int] = set()
        for start in range(0, len(tasks), BATCH):
            batch = tasks[start : start + BATCH]
            decisions: list[Decision] = []
            for task in self.studio.snapshot(project.id, batch):
                until = listed[int(task["id"])] + MEANWHILE
                decisions += self._decisions(project, task, until, known, unclear, done)
            # before the decisions, which tell the next pull where to begin
            self._remember(project, unclear | (open_before & set(tasks[start + BATCH :])))
            if decisions:
                done.files.append(append_decisions(self.root / REVIEWS, decisions))
                done.decisions.update(decision.verdict for decision in decisions)
                done.frames.update(decision.key for decision in decisions)
            fault_point("review.pulled")
            self.progress(min(start + BATCH, len(tasks)), len(tasks), "decisions")
        if not tasks:
            self._remember(project, set())
        return done

    def _changed(
        self, project: Project, known: Mapping[str, datetime], open_before: Iterable[int]
    ) -> dict[int, datetime]:
        """Tasks that people have worked on since the last pull, and their last changes, in the order of these."""
        times = [time for name, time in known.items() if name.startswith(f"labelstudio:{project.mark}/")]
        filters = []
        if times and not self.everything:
            since = (max(times) - OVERLAP).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
            filters = [
                {
                    "filter": "filter:tasks:updated_at",
                    "operator": "greater_or_equal",
                    "type": "Datetime",
                    "value": since,
                }
            ]
        found = {
            int(task["id"]): datetime.fromisoformat(task["updated_at"])
            for task in self.studio.tasks(project.id, filters)
            if task.get("total_annotations") or task.get("cancelled_annotations")
        }
        for task in open_before:
            if task not in found:
                with contextlib.suppress(Missing):
                    found[task] = datetime.fromisoformat(self.studio.task(task)["updated_at"])
        return dict(sorted(found.items(), key=lambda item: (item[1], item[0])))

    def _decisions(
        self,
        project: Project,
        task: Json,
        until: datetime,
        known: Mapping[str, datetime],
        unclear: set[int],
        done: Pulled,
    ) -> Iterator[Decision]:
        """The new decisions among a task's annotations of that time and before."""
        key = key_of(task["data"])
        if key is None:
            return  # somebody's own task in our project
        for annotation in annotations_of(task):
            name = f"labelstudio:{project.mark}/project/{project.id}/task/{annotation.task}/annotation/{annotation.id}"
            if annotation.updated_at > until:
                done.meanwhile += 1
            elif annotation.skipped:
                done.skipped += 1
            elif name in known and known[name] >= annotation.updated_at:
                done.known += 1
            else:
                try:
                    yield self._decision(key, name, annotation, task["data"], done)
                except (AnnotationError, UnclearVerdict) as error:
                    unclear.add(annotation.task)
                    done.unclear.append(
                        f"{task['data'].get('name', key)} (task {annotation.task}, {annotation.reviewer}): {error}"
                    )

    def _decision(
        self, key: tuple[str, int], name: str, annotation: Annotation, data: Mapping[str, object], done: Pulled
    ) -> Decision:
        try:
            width, height = int(str(data["width"])), int(str(data["height"]))
            source_size = int(str(data["source_width"])), int(str(data["source_height"]))
            label = str(data["label"])
        except (KeyError, ValueError) as error:
            raise AnnotationError(f"the task's data were changed ({error}): delete the task and push again") from error
        chosen = verdict_of(annotation.result)
        painted = None if chosen == "reject" else painted_mask(annotation.result, width, height)
        alpha, soft = self._label(label, annotation.task, width, height)
        verdict = settle(chosen, painted, alpha, source_size)
        done.hard += not soft and verdict.alpha is not None
        return Decision(
            source=key[0],
            time_us=key[1],
            verdict=verdict.verdict,
            mask=b"" if verdict.alpha is None else encode_png(verdict.alpha),
            label=label,
            reviewer=annotation.reviewer,
            decided_at=annotation.updated_at,
            seconds=annotation.seconds,
            provenance=name,
        )

    def _label(self, digest: str, task: int, width: int, height: int) -> tuple[Grey, bool]:
        """The label at the size it was shown, and whether it is soft: as it was kept here, else the pre-annotation."""
        path = self.root / LABELS / digest[:2] / f"{digest}.png"
        if path.exists():
            return sized(decode_grey(path.read_bytes()), width, height), True
        for prediction in self.studio.predictions(task):
            mask = painted_mask(prediction["result"], width, height)
            if mask is not None:
                return mask.astype(np.uint8) * 255, False
        return np.zeros((height, width), np.uint8), False

    def _unclear(self) -> dict[str, list[int]]:
        path = self.root / UNCLEAR
        if not path.exists():
            return {}
        try:
            return {str(mark): [int(task) for task in tasks] for mark, tasks in json.loads(path.read_text()).items()}
        except (ValueError, AttributeError, TypeError):
            return {}  # only spares looking: `--all` finds them again

    def _remember(self, project: Project, unclear: set[int]) -> None:
        before = self._unclear()
        if set(before.get(project.mark, [])) != unclear:
            tasks = before | {project.mark: sorted(unclear)}
            write_atomically(self.root / UNCLEAR, json.dumps(tasks, indent=2, sort_keys=True).encode())
