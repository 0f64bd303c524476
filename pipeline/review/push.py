"""`autoroto review push`: doubtful labels become tasks of Label Studio. Pushing twice changes nothing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any

from datasets.faults import fault_point
from datasets.reviews import latest, read_decisions
from pipeline.params import Params
from pipeline.review.access import Access
from pipeline.review.backend import find_backend
from pipeline.review.client import Json, Missing, Studio
from pipeline.review.project import Project, ensure_project
from pipeline.review.queue import FrameKey, Queued, Scored
from pipeline.review.tasks import Task, TaskMaker, key_of
from qa.curate import REVIEWS

BATCH = 50
"""Tasks that are uploaded in one request."""
Progress = Callable[[int, int, str], None]


@dataclass
class Pushed:
    """What a push did, in tasks.

    Attributes:
        created: new. updated: their label, or what is said of it, had changed. unchanged.
        kept: a person has worked on them: they stay as they are, though their label has changed.
        doubled: copies that were taken away. gone: tasks whose frame is no longer in the data.
    """

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    kept: int = 0
    doubled: int = 0
    gone: int = 0

    def sentence(self) -> str:
        """For people."""
        parts = [f"{self.created} tasks created", f"{self.updated} updated", f"{self.unchanged} unchanged"]
        rest = {
            "kept as people have worked on them": self.kept,
            "doubled ones removed": self.doubled,
            "of frames that are no longer in the data": self.gone,
        }
        return ", ".join([*parts, *(f"{count} {what}" for what, count in rest.items() if count)])


@dataclass(frozen=True)
class Push:
    """A push to one project.

    Attributes:
        limit: doubtful labels at most. audit: the audit's whole sample too.
    """

    root: Path
    params: Params
    access: Access
    studio: Studio
    title: str
    limit: int
    audit: bool
    progress: Progress = field(default=lambda done, total, what: None)

    def run(self) -> Pushed:
        """Create and update the tasks.

        A killed push is simply run again: what is there is recognised by its review key, and what a broken request left
        twice is taken away. New tasks are uploaded worst first.

        Raises:
            StudioError: Label Studio is away, or refuses. FileNotFoundError: the pipeline has not run.
        """
        scored = Scored(self.root, self.params)  # before anything is touched
        backend = find_backend(self.root) if self.access.own else None
        project = ensure_project(self.studio, self.title, self.access, backend)
        done = Pushed()
        known = self._known(project, done)
        decisions = latest(read_decisions(self.root / REVIEWS))
        queue, others = scored.queue(
            decisions, limit=self.limit, audit=self.audit, also=known.keys(), progress=self.progress
        )
        done.gone = len(known) - len({place.key for place in chain(queue, others)} & known.keys())
        new = list(self._refresh(scored, queue, others, known, done))
        order = {place.key: rank for rank, place in enumerate(queue)}
        new.sort(key=lambda task: order[task.key])
        for batch in _batches(new, BATCH):
            self.studio.import_tasks(project.id, [_as_json(task) for task in batch])
            done.created += len(batch)
            fault_point("review.uploaded")
            self.progress(done.created, len(new), "uploading")
        return done

    def _known(self, project: Project, done: Pushed) -> dict[FrameKey, Json]:
        """The project's tasks by frame; of those that a broken upload left twice, the one people worked on."""
        found: dict[FrameKey, list[Json]] = defaultdict(list)
        for task in self.studio.tasks(project.id):
            key = key_of(task["data"])
            if key is not None:
                found[key].append(task)
        for tasks in found.values():
            tasks.sort(key=lambda task: (-_work(task), task["id"]))
            for copy in tasks[1:]:
                if not _work(copy) and not self._drafted(copy):
                    self.studio.delete_task(copy["id"])
                    done.doubled += 1
        return {key: tasks[0] for key, tasks in found.items()}

    def _refresh(
        self,
        scored: Scored,
        queue: Sequence[Queued],
        others: Sequence[Queued],
        known: Mapping[FrameKey, Json],
        done: Pushed,
    ) -> Iterator[Task]:
        """Bring the tasks that are there up to date; yield those that are not."""
        maker = TaskMaker(self.root, self.access)
        drawn = {place.key for place in chain(queue, others) if place.drawn}
        total = len(queue) + len(others)
        below = self.params.score.doubtful_below
        for at, shown in enumerate(scored.show(chain(queue, others))):
            task = maker.make(shown, drawn=shown.frame.frame_key in drawn, doubtful_below=below)
            self.progress(at + 1, total, "drawing frames")
            if task.key not in known:
                yield task
            else:
                self._update(known[task.key], task, done)

    def _update(self, known: Json, task: Task, done: Pushed) -> None:
        if known["data"] == task.data:
            done.unchanged += 1
        elif _work(known) or self._drafted(known):
            done.kept += 1
        else:
            same = all(known["data"].get(name) == task.data[name] for name in ("label", "width", "height"))
            if not same:
                self.studio.set_prediction(known["id"], task.prediction)
                fault_point("review.prediction")
            # last: the task says of which label it is only once it shows that label
            self.studio.update_task(known["id"], task.data)
            done.updated += 1

    def _drafted(self, task: Json) -> bool:
        """Whether a person has begun on the task, or finished since it was listed."""
        try:
            now = self.studio.task(task["id"])
        except Missing:
            return False
        return bool(now.get("drafts") or now.get("annotations"))


def _work(task: Json) -> int:
    return int(task.get("total_annotations") or 0) + int(task.get("cancelled_annotations") or 0)


def _as_json(task: Task) -> dict[str, Any]:
    return {"data": dict(task.data), "predictions": [task.prediction]}


def _batches(tasks: Sequence[Task], size: int) -> Iterator[Sequence[Task]]:
    for start in range(0, len(tasks), size):
        yield tasks[start : start + size]
