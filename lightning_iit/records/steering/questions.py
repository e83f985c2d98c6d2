"""Questions to past epochs of a run, and their answers, which are kept in the run's log of commands."""

from __future__ import annotations

import time
import uuid
from typing import TYPE_CHECKING, Any

from lightning_iit.records.disk.owner import is_alive
from lightning_iit.records.steering.commands import Answer, Command
from lightning_iit.records.steering.folder import control_folder, write_answer

if TYPE_CHECKING:
    from pathlib import Path

    from lightning_iit.records import EpochRecord


def keep(run_dir: Path, record: EpochRecord, answer: str, *, done: bool, **asked: Any) -> Answer | None:
    """Keeps the answer to a question with the run; does nothing where a training runs that takes no commands.

    Args:
        run_dir: the run's directory.
        record: the record of the epoch that was asked about.
        answer: the answer, in a sentence.
        done: whether the question was answered.
        asked: further fields of :class:`Command`, but for its id, verb, epoch and layer.

    Returns:
        What is kept.

    Raises:
        OSError: it cannot be written.
    """
    command = Command(
        id=f"{time.time_ns():020d}-{uuid.uuid4().hex[:6]}",
        verb="phi",
        epochs=record.epoch,
        layer=record.layer,
        **({"target": str(run_dir)} | asked),
    )
    kept = Answer(
        id=command.id,
        outcome="done" if done else "refused",
        words=answer,
        epoch=record.epoch,
        step=record.global_step,
        answered=time.time(),
        command=command,
    )
    folder = control_folder(run_dir)
    if not folder.is_dir() and is_alive(folder.parent):
        return None  # a training that takes no commands has no such folder
    folder.mkdir(exist_ok=True)
    write_answer(folder, kept)
    return kept
