"""The comparison of trainings of the studio, by what they were asked for differently."""

from __future__ import annotations

import json
import os
import re
from typing import TYPE_CHECKING

from lightning_iit.compare import compare_each_scale
from lightning_iit.errors import InvalidArgumentError
from lightning_iit.report.cells import number
from lightning_iit.studio.messages import ComparedRow, ComparedRuns, ComparedScale
from lightning_iit.studio.records import read_job

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from lightning_iit.compare import RunComparison
    from lightning_iit.studio.records import Asked

_BEFORE = "before and after training"
MOST_COMPARED = 40
"""So many trainings are compared at once."""


def compared(runs: Sequence[Path]) -> ComparedRuns:
    """Compares trainings: by the first of network, task, their arguments, epochs and options that differs; else over their seeds.

    Args:
        runs: the folders of the runs.

    Raises:
        InvalidArgumentError: they cannot be compared.
        RecordError: a run has no record.
    """
    if not 2 <= len(set(runs)) <= MOST_COMPARED:
        msg = f"Choose 2 to {MOST_COMPARED} trainings to compare."
        raise InvalidArgumentError(msg)
    told = {os.path.normpath(run): _told(job.asked) for run in runs if (job := read_job(run)) is not None}
    told = {run: _short(one) for run, one in told.items()}
    differing = [name for name in dict.fromkeys(name for one in told.values() for name in one) if _differs(name, told)]
    by = differing[0] if differing else None
    # What was left at its default has no value of its own; beside runs that were given one it needs some.
    filled = {run: {name: one.get(name, "default") for name in differing} for run, one in told.items()}
    found = compare_each_scale(runs, by, filled)
    alone: dict[str, RunComparison | str] = {}
    if len(found) > 1 and by is not None:
        # Numbers of other scales are never put together; within a scale with one side training is compared with none.
        alone = compare_each_scale(runs, None, filled)
    said = _BEFORE if by is None else by
    if len(differing) > 1:
        said += f" (they also differ in {', '.join(differing[1:])})"
    scales = tuple(
        _scale(scale, said, one) if not isinstance(one, str) or scale not in alone else _scale(scale, _BEFORE, alone[scale])
        for scale, one in found.items()
    )
    return ComparedRuns(scales=tuple(sorted(scales, key=lambda one: one.is_statistical)), words=_which_have_some(scales))


def _which_have_some(scales: Sequence[ComparedScale]) -> str:
    """Returns which layers have Φ at all, where others have none by structure; that can be said of numbers of different kinds."""
    none = [row.layer for scale in scales if scale.is_statistical for row in scale.rows]
    some = [row for scale in scales if not scale.is_statistical for row in scale.rows]
    if not none or not some:
        return ""
    have = ", ".join(f"{row.layer} ({row.other}: {number(row.phi_other)})" for row in some)
    return (
        f"Only in {have} can Φ be above 0, since its units act on each other. In {', '.join(none)} no unit acts on another, "
        "so Φ is 0 by structure, whatever was learned; what was counted from the data, below, is no Φ."
    )


def _scale(scale: str, by: str, found: RunComparison | str) -> ComparedScale:
    """Returns what was found of one scale, with runs by their names."""
    is_statistical = scale.startswith("statistical")
    if isinstance(found, str):
        return ComparedScale(scale=_named(scale), by=by, rows=(), words=_named(found), is_statistical=is_statistical)
    rows = tuple(
        ComparedRow(
            layer=row.layer,
            one=row.one,
            other=row.other,
            phi_one=row.phi_one,
            phi_other=row.phi_other,
            difference=row.difference,
            p=row.p,
            words=row.words,
        )
        for row in found.layers
    )
    return ComparedScale(scale=_named(scale), by=by, rows=rows, words=_named(found.words), is_statistical=is_statistical)


def _named(words: str) -> str:
    """Returns words with the last part of each path only."""
    return re.sub(r"(?<![\w/])/(?:[^\s/'\"(),]+/)+([^\s/'\"(),]+)", r"\1", words)


def _told(asked: Asked) -> dict[str, str]:
    """Returns what was asked for as text, the most telling first."""
    parts = {
        "network": asked.network.name,
        "task": asked.task.name,
        **{f"network.{name}": value for name, value in asked.network.values.items()},
        **{f"task.{name}": value for name, value in asked.task.values.items()},
        "epochs": asked.epochs,
        **{f"iit.{name}": value for name, value in asked.iit.items()},
    }
    return {name: value if isinstance(value, str) else json.dumps(value) for name, value in parts.items()}


def _short(told: dict[str, str]) -> dict[str, str]:
    """Returns what was asked for with names without their first part, where no two are the same."""
    short = [name.rpartition(".")[2] for name in told]
    return {last if short.count(last) == 1 else name: value for (name, value), last in zip(told.items(), short, strict=True)}


def _differs(name: str, told: dict[str, dict[str, str]]) -> bool:
    """Returns whether trainings were asked for something differently."""
    return len({one.get(name) for one in told.values()}) > 1
