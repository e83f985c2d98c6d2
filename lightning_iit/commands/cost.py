"""``lightning-iit cost``: estimates the time of one Φ and whether the transitions of an epoch are enough."""

from __future__ import annotations

import math
import sys
from typing import TYPE_CHECKING

import msgspec

from lightning_iit.commands.tables import seconds
from lightning_iit.errors import InvalidArgumentError
from lightning_iit.phi.cost import coin_flip_phi, seconds_per_phi, transitions_for, units_for
from lightning_iit.phi.registry import get_engine

if TYPE_CHECKING:
    from rich.console import Console


class Cost(msgspec.Struct, frozen=True, kw_only=True):
    """Holds the estimated cost of one Φ and what a number of transitions per epoch allows.

    Attributes:
        engine: the name of the engine.
        units: the number of units of the system.
        seconds: the time of one analysis of a densely connected system on one core, in seconds.
        served: whether the engine accepts so many units.
        transitions: the number of transitions in one epoch; None if not given.
        transitions_wanted: 100 transitions for each of the ``2**units`` possible states.
        coin_flip_phi: the mean Φ of independent coin flips (true Φ = 0) with so many transitions; None if not given or unknown.
        units_that_do: the largest number of units, 2 to 6, for which the transitions suffice (2 if too few); None if not given.
        window_that_does: the number of epochs whose transitions together suffice for ``units``; None if not given.
    """

    engine: str
    units: int
    seconds: float
    served: bool
    transitions: int | None = None
    transitions_wanted: int
    coin_flip_phi: float | None = None
    units_that_do: int | None = None
    window_that_does: int | None = None


def cost(units: int, transitions: int | None, engine: str) -> Cost:
    """Estimates how long one Φ takes to compute, and whether the transitions of an epoch are enough to estimate its TPM.

    Where they are too few, the result says for how many units they are enough, and how many epochs (``window``) together have
    enough for ``units``.

    Args:
        units: the number of units of the system.
        transitions: the number of transitions in one epoch; None leaves the fields that depend on it None.
        engine: the name of the engine, or "auto".

    Raises:
        InvalidArgumentError: fewer than two units, fewer than one transition, or no such engine.
    """
    if units < 2:
        msg = f"--units {units}: Φ needs two units or more."
        raise InvalidArgumentError(msg)
    if transitions is not None and transitions < 1:
        msg = f"--transitions {transitions}: give how many transitions one epoch has, 1 or more."
        raise InvalidArgumentError(msg)
    chosen = get_engine(engine)
    wanted = transitions_for(units)
    return Cost(
        engine=chosen.name,
        units=units,
        seconds=seconds_per_phi(engine, units),
        served=units <= chosen.max_units,
        transitions=transitions,
        transitions_wanted=wanted,
        coin_flip_phi=None if transitions is None else coin_flip_phi(units, transitions),
        units_that_do=None if transitions is None else units_for(transitions),
        window_that_does=None if transitions is None else math.ceil(wanted / transitions),
    )


def run_cost(units: int, transitions: int | None, engine: str, as_json: bool, console: Console) -> int:
    """Prints the estimated cost, as sentences or as JSON; returns the exit status 0.

    Raises:
        InvalidArgumentError: fewer than two units, fewer than one transition, or no such engine.
    """
    found = cost(units, transitions, engine)
    if as_json:
        sys.stdout.buffer.write(msgspec.json.format(msgspec.json.encode(found)) + b"\n")
        return 0
    for line in words(found):
        console.print(line, highlight=False)
    return 0


def words(found: Cost) -> list[str]:
    """Returns the estimated cost as sentences for the terminal."""
    took = f"One Φ of {found.units} units takes about {seconds(found.seconds)} on one core ({found.engine} engine, dense system)"
    if not found.served:
        took += f"; the engine refuses more than {get_engine(found.engine).max_units} units"
    lines = [took + "."]
    enough = f"{found.units} units want {found.transitions_wanted:,} transitions (100 for each of {2**found.units} possible states)"
    if found.transitions is None:
        return [*lines, enough + "."]
    flips = "an unknown Φ, larger than that of 6 units" if found.coin_flip_phi is None else f"Φ = {found.coin_flip_phi:.2g}"
    lines.append(f"With {found.transitions:,} transitions independent coin flips, whose true Φ is 0, would read {flips}.")
    if found.transitions >= found.transitions_wanted:
        return [*lines, enough + ": there are enough."]
    return [*lines, enough + ".", f"What would do: {_advice(found)}."]


def _advice(found: Cost) -> str:
    """Returns the settings (fewer units, or a longer window) for which the transitions suffice."""
    window = f"window={found.window_that_does} (epochs whose counts make one TPM)"
    if found.units_that_do is None or found.units_that_do >= found.units:
        return window
    few = "" if (found.transitions or 0) >= transitions_for(found.units_that_do) else ", still with too few transitions"
    return f"units={found.units_that_do}{few}, or {window}"
