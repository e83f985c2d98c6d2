"""Waits at the end of a training, and says for what: which layers and epochs, and that code is compiled."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from lightning.pytorch.utilities import rank_zero_info
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from lightning_iit.report.terminal import one_line, shortened

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from lightning_iit.phi.engine import PhiEngine
    from lightning_iit.phi.pool.pool import PhiPool
    from lightning_iit.records.schema import Key

_COMPILING = "The engine's code is compiled first, which takes some ten seconds and is done once on a machine."
"""The sentence for a wait in which the engine's code is compiled."""


def drain_in_sight(pool: PhiPool, timeout: float, keys: Sequence[Key], *, compiles: bool) -> bool:
    """Waits for the open tasks of a pool, and shows how far they are: as a line that moves, or in a file as one sentence.

    Args:
        pool: computes the tasks.
        timeout: the longest wait in seconds.
        keys: the key of each open task.
        compiles: whether the engine's code is compiled first.

    Returns:
        True where all tasks ended by themselves, False where some were still open after ``timeout`` seconds.
    """
    total = len(keys)
    console = Console(file=sys.stderr)
    what = f"Φ of {one_line(layers_and_epochs(keys))}"
    if not console.is_terminal:  # a line that moves is not seen in a file
        compiling = f" {_COMPILING}" if compiles else ""
        rank_zero_info(f"IITCallback: waiting for {total} open analyses, at most {timeout:g} s: {what}.{compiling}")
    elif compiles:
        console.print(_COMPILING, highlight=False)
    columns = (
        *(TextColumn(shortened(what, max(20, console.width - 50)), markup=False), BarColumn(20)),
        *(MofNCompleteColumn(), TimeElapsedColumn()),
    )
    with Progress(*columns, console=console, transient=True) as progress:
        bar = progress.add_task("", total=total)
        return pool.drain(timeout, lambda pending: progress.update(bar, completed=max(0, total - pending)))


def layers_and_epochs(keys: Iterable[Key]) -> str:
    """Names layers with their epochs.

    Args:
        keys: the key of each record; of those within an epoch the epoch is named.

    Example:
        >>> layers_and_epochs([("gru", 3), ("gru", 4), ("gru", 5), ("head", 5), ("head", 2)])
        'gru, epochs 3 to 5; head, epochs 2, 5'
    """
    layers: dict[str, list[int]] = {}
    for layer, epoch in sorted({(key[0], key[1]) for key in keys}):
        layers.setdefault(layer or "(the whole model)", []).append(epoch)
    return "; ".join(f"{layer}, {_epochs(epochs)}" for layer, epochs in layers.items())


def compiles_first(engine: PhiEngine) -> bool:
    """Says whether the engine's code is still to be compiled on this machine; False for an engine that does not say so."""
    is_compiled = getattr(engine, "is_compiled", None)
    return is_compiled is not None and not is_compiled()


def _epochs(epochs: list[int]) -> str:
    """Names epochs, in ascending order, one by one or as a range."""
    if len(epochs) == 1:
        return f"epoch {epochs[0]}"
    if epochs[-1] - epochs[0] == len(epochs) - 1:
        return f"epochs {epochs[0]} to {epochs[-1]}"
    return f"epochs {', '.join(map(str, epochs))}" if len(epochs) <= 8 else f"{len(epochs)} epochs from {epochs[0]} to {epochs[-1]}"
