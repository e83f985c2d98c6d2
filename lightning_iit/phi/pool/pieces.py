"""The pieces of a task that are computed one by one: its parts, by any workers, and then the task itself with what they found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from lightning_iit.records import Failed, Skipped, TaskResult
from lightning_iit.records.split.parts import Found

if TYPE_CHECKING:
    from concurrent.futures import Future

    from lightning_iit.phi.pool.open_task import OpenTask
    from lightning_iit.records import PhiResult, PhiTask
    from lightning_iit.records.split.parts import TaskPart

ATTEMPTS = 2
"""How often a piece is handed over: once more where its worker was lost."""


@dataclass(eq=False)
class Piece:
    """Holds one piece of an open task.

    Args:
        entry: the open task.
        task: what a worker is given.
        part: the part of the task that is computed; None for the task itself.
        attempts: how often the piece was handed over.
        inner: an executor's future of the last time.
    """

    entry: OpenTask
    task: PhiTask
    part: TaskPart | None = None
    attempts: int = 0
    inner: Future[bytes] | None = None


def pieces_of(entry: OpenTask, workers: int) -> list[Piece]:
    """Returns the pieces of a task that are computed first: its parts, or the task where it has none or one worker computes all."""
    task = entry.task
    if workers < 2 or not task.split:
        return [Piece(entry, msgspec.structs.replace(task, split=()) if task.split else task)]
    entry.left = len(task.split)
    return [Piece(entry, task.of_part(part), part) for part in task.split if part.waits is None]


def died(piece: Piece, result: TaskResult | PhiResult) -> bool:
    """Says whether the worker of a part died, so that another attempt may help."""
    lost = isinstance(result, Failed) and result.code == "worker_died"
    return lost and piece.part is not None and piece.attempts < ATTEMPTS and not piece.entry.stopped


def ended(entry: OpenTask) -> PhiResult:
    """Returns the result of a task that the host has ended or cancelled while a part of it was computed."""
    return Skipped(code="cancelled", reason="It was cancelled.") if entry.end is None else entry.end(entry)


def followed_by(piece: Piece, result: TaskResult | PhiResult) -> list[Piece]:
    """Keeps what came of a part in its task, and returns the pieces that can be computed now.

    These are the parts that waited for this one, unless it found nothing; or the task itself, where no part is open.

    Only one thread at a time may call this for a task.

    Args:
        piece: a part.
        result: what the worker returned, or why it returned nothing.
    """
    assert piece.part is not None
    entry = piece.entry
    found = result.found if isinstance(result, TaskResult) else ()
    if not found:
        why = _reason(result)
        found = tuple(Found(stretch=stretch, reason=why, lost=True) for stretch in piece.part.stretches)
    entry.found[piece.part] = found
    entry.left -= 1
    works = {one.stretch.work for one in found}
    waited = [part for part in entry.task.split if part.waits in works]
    if waited and not any(one.whole is not None and one.whole.measures for one in found):  # there is nothing that they judge
        entry.found |= {part: tuple(Found(stretch=stretch) for stretch in part.stretches) for part in waited}
        entry.left -= len(waited)
        waited = []
    entry.fraction = max(entry.fraction, len(entry.found) / (len(entry.found) + entry.left + 1))
    if waited:
        return [Piece(entry, msgspec.structs.replace(entry.task.of_part(part), found=_needed(found)), part) for part in waited]
    if entry.left:
        return []
    return [Piece(entry, entry.task.with_found(tuple(one for part in entry.task.split for one in entry.found[part])))]


def _needed(found: tuple[Found, ...]) -> tuple[Found, ...]:
    """Returns what a part found without what no other part needs: the numbers of pairs of units, and what they are judged by."""
    return tuple(
        msgspec.structs.replace(one, whole=msgspec.structs.replace(one.whole, pairs=None)) for one in found if one.whole is not None
    )


def _reason(result: TaskResult | PhiResult) -> str:
    """Returns in words why a part found nothing."""
    if not isinstance(result, TaskResult):
        return result.reason
    return result.states[0].result.reason if result.states else "the worker returned nothing"
