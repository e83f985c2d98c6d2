"""How far the trainings of the studio are, for its list."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from lightning_iit.errors import RecordError
from lightning_iit.studio.messages import JobState, LayerCourse
from lightning_iit.studio.processes import stage
from lightning_iit.studio.records import last_output, read_job, read_outcome, read_progress

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lightning_iit.records.steering.status import TrainingStatus
    from lightning_iit.studio.messages import JobPhase
    from lightning_iit.studio.queue import TrainingQueue
    from lightning_iit.studio.records import Job, Progress
    from lightning_iit.viewer.live.trainings import Trainings
    from lightning_iit.viewer.logdir import LogDirSource
    from lightning_iit.viewer.protocol import IndexRow

MOST_LISTED = 300
"""So many trainings are listed, the latest ones."""
_LOSS, _ACCURACY = ("loss_epoch", "train_loss_epoch", "loss", "train_loss", "val_loss"), "acc"
_NAMES = {
    "loss": "Loss, mean of the latest epoch",
    "accuracy": "Accuracy on held-out data, latest epoch",
    "train_accuracy": "Accuracy in training, latest epoch",
}
"""What the numbers are that the studio's own networks log."""
_SETTLED = {"done", "failed", "stopped", "killed"}


class Listing:
    """Tells how far trainings are.

    Args:
        queue: has the trainings.
        source: has their records.
        trainings: has how far those are that run.
    """

    def __init__(self, queue: TrainingQueue, source: LogDirSource, trainings: Trainings) -> None:
        self._queue, self._source, self._trainings = queue, source, trainings
        self._settled: dict[str, JobState] = {}

    def jobs(self, *, look: bool = False) -> tuple[JobState, ...]:
        """Returns the trainings, the latest first.

        Args:
            look: says to those that run that somebody looks, so that they say how far they are.
        """
        names = self._queue.names()[-MOST_LISTED:]
        return tuple(found for name in reversed(names) if (found := self._state(name, look)) is not None)

    def _state(self, name: str, look: bool) -> JobState | None:
        """Returns how far a training is; what has ended is read once."""
        if (known := self._settled.get(name)) is not None:
            return known
        run = self._queue.root / name
        at = stage(run)
        job = read_job(run)
        if job is None:  # it has just gone
            return None
        found = self._read(job, "running" if at == "lost" else at, look)
        if found.phase in _SETTLED and read_outcome(run) is not None and not self._is_open(name):
            self._settled[name] = found
        return found

    def _read(self, job: Job, at: JobPhase, look: bool) -> JobState:
        """Reads how far a training is."""
        run = self._queue.root / job.name
        status = self._status(job.name, look) if at in {"running", "done"} else None
        if at == "done" and status is not None and status.pace != "ending":  # what it said while somebody looked, not its last word
            status = None
        progress = read_progress(run)
        outcome = read_outcome(run)
        rows = self._rows(job.name)
        ended_badly = at in {"failed", "killed"}
        loss, accuracy = loss_of(job, status, progress), accuracy_of(job, progress)
        return JobState(
            name=job.name,
            phase=status.pace if status and at == "running" else at,
            network=job.asked.network.name,
            task=job.asked.task.name,
            seed=job.seed,
            created=job.created,
            asked=job.asked,
            epochs=(status.epochs if status and status.epochs else job.asked.epochs),
            epoch=epoch_of(status, progress),
            step=status.step if status else None,
            loss=loss[1],
            loss_name=loss[0],
            accuracy=accuracy[1],
            accuracy_name=accuracy[0],
            courses=courses(rows),
            reason=outcome.reason if outcome else "",
            output=last_output(run) if ended_badly else "",
            viewable=bool(rows),
        )

    def _status(self, name: str, look: bool) -> TrainingStatus | None:
        """Returns what a training that runs last said of itself."""
        try:
            if look:
                self._trainings.look(name)
            return self._trainings.state(name).status
        except LookupError:  # its first batch is still to come
            return None

    def _rows(self, name: str) -> tuple[IndexRow, ...]:
        """Returns the records of a run."""
        try:
            return self._source.index(name).rows
        except (LookupError, RecordError):
            return ()

    def _is_open(self, name: str) -> bool:
        """Returns whether analyses of a run have not ended."""
        return any(row.status == "open" for row in self._rows(name))


def epoch_of(status: TrainingStatus | None, progress: Progress | None) -> int | None:
    """Returns the epoch that a training is in; of one that makes no step any more the last one, which its trainer has passed."""
    if progress is not None and (status is None or status.pace == "ending"):
        return progress.epoch
    return None if status is None else status.epoch


def courses(rows: Iterable[IndexRow]) -> tuple[LayerCourse, ...]:
    """Returns Φ of each layer over epochs, by the first formalism of each."""
    found: dict[str, LayerCourse] = {}
    for row in rows:
        phi = row.phi if row.phi_layer is None else row.phi_layer
        if phi is None:
            continue
        course = found.get(row.layer) or LayerCourse(layer=row.layer, epochs=(), phis=(), kind=row.kind, formalism=row.formalism)
        found[row.layer] = msgspec.structs.replace(course, epochs=(*course.epochs, row.epoch), phis=(*course.phis, phi))
    return tuple(found.values())


def loss_of(job: Job, status: TrainingStatus | None, progress: Progress | None) -> tuple[str, float | None]:
    """Returns what the loss of a training is of, in words, and the loss: of its latest epoch, before that of its last batch."""
    metrics = {} if progress is None else progress.metrics
    logged = next((name for name in _LOSS if name in metrics), None)
    if logged is not None:
        return _name(job, "loss", logged), metrics[logged]
    return "Loss of the last batch", None if status is None else status.loss


def accuracy_of(job: Job, progress: Progress | None) -> tuple[str, float | None]:
    """Returns what the logged accuracy of a training is of, in words, and the accuracy; that of held-out data before others."""
    metrics = {} if progress is None else progress.metrics
    named = [name for name in metrics if _ACCURACY in name.lower()]
    best = sorted(named, key=lambda name: (name != "accuracy", "val" not in name.lower(), name))
    return (_name(job, "accuracy", best[0]), metrics[best[0]]) if best else ("Accuracy", None)


def _name(job: Job, what: str, logged: str) -> str:
    """Returns the words for a number; of a network of the user's own the name under which it is logged says what it is of."""
    own = ":" in job.asked.network.name
    return f"{what.capitalize()} ({logged}, as it was logged last)" if own or logged not in _NAMES else _NAMES[logged]
