"""The part of the report that says what a training was told and asked while it ran, with its answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lightning_iit.report.markup import code, table, text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lightning_iit.records.steering.commands import Answer


def steered(told: Sequence[Answer]) -> list[str]:
    """Writes what the training was told while it ran, and its answers; nothing where it was told nothing."""
    questions = [one for one in told if one.command is not None and one.command.verb == "phi"]
    told = [one for one in told if one not in questions]
    asked = ["## Questions", "What was asked of epochs of this run while it went on.", _table(questions)] if questions else []
    if not told:
        return asked
    done = sum(one.outcome == "done" for one in told)
    words = f"This training was steered: of {len(told)} commands that came while it ran, {done} were obeyed."
    return ["## Commands", words, _table(told), *asked]


def _table(told: Sequence[Answer]) -> str:
    """Writes the table of commands, or of questions, with their answers."""
    columns = ("epoch", "step", "command", "from", "answer")
    rows = [
        (
            *(str(one.epoch), str(one.step)),
            code(one.id if one.command is None else one.command.words),
            text("unknown" if one.command is None else one.command.sender or "unknown"),
            text(one.words),
        )
        for one in told
    ]
    return table(columns, rows)
