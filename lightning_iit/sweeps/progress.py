"""How far a sweep is, and about how long it still takes: a bar in a terminal, and lines in a file."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from lightning_iit.report.terminal import one_line, shortened

if TYPE_CHECKING:
    from types import TracebackType

    from typing_extensions import Self

_EVERY = 30.0
"""Seconds between two lines in a file."""
_MINUTE, _HOUR = 60.0, 3600.0
_MANY_SECONDS, _MANY_MINUTES = 90.0, 90.0
"""From so many of the smaller unit on, the time left is told in the larger one."""


class SweepProgress:
    """Shows on standard error how many analyses of a sweep have ended, while it is a context.

    Args:
        shown: False shows nothing.
        console: where it is shown; None for standard error.
    """

    def __init__(self, *, shown: bool = True, console: Console | None = None) -> None:
        self._console = console or Console(file=sys.stderr)
        moves = shown and self._console.is_terminal
        self._lines = shown and not moves
        self._width = max(16, self._console.width - 60)
        self._bar = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(20),
            MofNCompleteColumn(),
            TextColumn("{task.fields[left]}", markup=False),
            console=self._console,
            transient=True,
            disable=not moves,
        )
        self._task = self._bar.add_task("reading checkpoints", total=None, left="")
        self._began = self._said = time.monotonic()

    def __enter__(self) -> Self:
        """Begins to show the bar."""
        self._bar.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Ends the bar."""
        self._bar.stop()

    def now(self, name: str) -> None:
        """Names the checkpoint that is run."""
        self._bar.update(self._task, description=shortened(one_line(name), self._width))

    def update(self, done: int, total: int, *, new: int) -> None:
        """Says how many analyses have ended.

        Args:
            done: how many have ended, with those that were there before.
            total: how many there are.
            new: how many have ended since the sweep began.
        """
        now = time.monotonic()
        left = time_left(total - done, new=new, seconds=now - self._began)
        self._bar.update(self._task, completed=done, total=total, left=left)
        if self._lines and now - self._said >= _EVERY:
            self._said = now
            words = f"{done} of {total} analyses{f', {left}' if left else ''}"
            self._console.print(words, highlight=False)


def time_left(further: int, *, new: int, seconds: float) -> str:
    """Returns about how long further analyses take, in words; empty where none has ended yet, or none is to come.

    Args:
        further: how many analyses are to come.
        new: how many have ended since the sweep began.
        seconds: the seconds since then.

    Example:
        >>> time_left(28, new=10, seconds=60)
        'about 2.8 min left'
    """
    if new <= 0 or further <= 0:
        return ""
    left = seconds / new * further
    if left < _MANY_SECONDS:
        return f"about {max(1, round(left))} s left"
    minutes = left / _MINUTE
    return f"about {minutes:.2g} min left" if minutes < _MANY_MINUTES else f"about {left / _HOUR:.2g} h left"
