"""The guard of one part of a task, which fails without costing the others."""

from __future__ import annotations


class Part:
    """Guards one part of a task: an exception inside the ``with`` block becomes a note, and the task goes on."""

    def __init__(self, what: str, notes: list[str]) -> None:
        self._what = what
        self._notes = notes

    def __enter__(self) -> None:
        """Does nothing."""

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> bool:
        """Turns an Exception into a note and suppresses it; other exceptions (such as KeyboardInterrupt) pass."""
        if not isinstance(error, Exception):
            return False
        self._notes.append(f"Could not make {self._what}: {type(error).__name__}: {error}")
        return True
