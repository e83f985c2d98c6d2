"""``lightning-iit cost``: estimates the time of one Φ and whether the transitions of an epoch are enough."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import msgspec

from lightning_iit.commands.tables import print_json, seconds
from lightning_iit.errors import InvalidArgumentError
from lightning_iit.phi.cost import coin_flip_phi, seconds_per_structure, transitions_for, units_for
from lightning_iit.phi.registry import choose_engine
from lightning_iit.records import FORMALISM, FORMALISM_WORDS, PhiOptions
from lightning_iit.records.schema import symbol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from lightning_iit.records import Formalism


class Cost(msgspec.Struct, frozen=True, kw_only=True):
    """Holds the estimated cost of one Φ and what a number of transitions per epoch allows.

    Attributes:
        engine: the name of the engine.
        formalism: the version of the theory.
        units: the number of units of the system.
        seconds: the time of one analysis of a densely connected system on one core, in seconds.
        most_units: the largest number of units that the engine accepts.
        served: whether the engine accepts so many units.
        structure_seconds: of IIT 4.0 the time of one cause-effect structure, in seconds; None where none of so many units is
            computed.
        transitions: the number of transitions in one epoch; None if not given.
        transitions_wanted: 100 transitions for each of the ``2**units`` possible states.
        coin_flip_phi: the mean Φ of independent coin flips (true Φ = 0) with so many transitions; None if not given or unknown, as
            it is for IIT 4.0.
        units_that_do: the largest number of units, 2 to 6, for which the transitions suffice (2 if too few); None if not given.
        window_that_does: the number of epochs whose transitions together suffice for ``units``; None if not given.
    """

    engine: str
    formalism: str
    units: int
    seconds: float
    most_units: int
    served: bool
    structure_seconds: float | None = None
    transitions: int | None = None
    transitions_wanted: int
    coin_flip_phi: float | None = None
    units_that_do: int | None = None
    window_that_does: int | None = None


def cost(units: int, transitions: int | None, engine: str, formalism: Formalism = FORMALISM) -> Cost:
    """Estimates how long one Φ takes to compute, and whether the transitions of an epoch are enough to estimate its TPM.

    Where they are too few, the result says for how many units they are enough, and how many epochs (``window``) together have
    enough for ``units``.

    Args:
        units: the number of units of the system.
        transitions: the number of transitions in one epoch; None leaves the fields that depend on it None.
        engine: the name of the engine, or "auto".
        formalism: the version of the theory.

    Raises:
        InvalidArgumentError: fewer than two units, fewer than one transition, or no such engine of this formalism.
    """
    if units < 2:
        msg = f"--units {units}: Φ needs two units or more."
        raise InvalidArgumentError(msg)
    if transitions is not None and transitions < 1:
        msg = f"--transitions {transitions}: give how many transitions one epoch has, 1 or more."
        raise InvalidArgumentError(msg)
    chosen = choose_engine(engine, PhiOptions(formalism=formalism))
    wanted = transitions_for(units)
    of_iit3 = formalism == FORMALISM
    return Cost(
        engine=chosen.name,
        formalism=formalism,
        units=units,
        seconds=chosen.seconds(units),
        most_units=chosen.max_units,
        served=units <= chosen.max_units,
        structure_seconds=None if of_iit3 else seconds_per_structure(chosen.name, units),
        transitions=transitions,
        transitions_wanted=wanted,
        coin_flip_phi=coin_flip_phi(units, transitions) if of_iit3 and transitions is not None else None,
        units_that_do=None if transitions is None else units_for(transitions),
        window_that_does=None if transitions is None else math.ceil(wanted / transitions),
    )


def run_cost(
    units: int, transitions: int | None, engine: str, formalisms: Sequence[Formalism], as_json: bool, console: Console
) -> int:
    """Prints the estimated cost by each formalism, as sentences or as JSON (of several a list); returns the exit status 0.

    Raises:
        InvalidArgumentError: fewer than two units, fewer than one transition, or no such engine of a formalism.
    """
    found = [cost(units, transitions, engine, formalism) for formalism in formalisms]
    if as_json:
        document = found[0] if len(found) == 1 else found
        print_json(document)
        return 0
    for one in found:
        for line in words(one):
            console.print(line, highlight=False)
    return 0


def words(found: Cost) -> list[str]:
    """Returns the estimated cost as sentences for the terminal."""
    how = f"on one core ({FORMALISM_WORDS[found.formalism]}, {found.engine} engine, dense system)"
    took = f"One {symbol(found.formalism)} of {found.units} units takes about {seconds(found.seconds)} {how}"
    if not found.served:
        took += f"; the engine refuses more than {found.most_units} units"
    lines = [took + "."]
    if found.formalism != FORMALISM:
        lines.append(
            f"Its cause-effect structure is not computed: {found.units} units are too many, or their time was not measured."
            if found.structure_seconds is None
            else f"Its cause-effect structure takes about {seconds(found.structure_seconds)}."
        )
    enough = f"{found.units} units want {found.transitions_wanted:,} transitions (100 for each of {2**found.units} possible states)"
    if found.transitions is None:
        return [*lines, enough + "."]
    if found.formalism != FORMALISM:
        lines.append("What independent coin flips would read was simulated for Φ of IIT 3.0 only.")
        return [*lines, *_enough(found, enough)]
    flips = "an unknown Φ, larger than that of 6 units" if found.coin_flip_phi is None else f"Φ = {found.coin_flip_phi:.2g}"
    lines.append(f"With {found.transitions:,} transitions independent coin flips, whose true Φ is 0, would read {flips}.")
    return [*lines, *_enough(found, enough)]


def _enough(found: Cost, wanted: str) -> list[str]:
    """Returns whether the transitions suffice, and what would do where they do not."""
    if (found.transitions or 0) >= found.transitions_wanted:
        return [wanted + ": there are enough."]
    return [wanted + ".", f"What would do: {_advice(found)}."]


def _advice(found: Cost) -> str:
    """Returns the settings (fewer units, or a longer window) for which the transitions suffice."""
    window = f"window={found.window_that_does} (epochs whose counts make one TPM)"
    if found.units_that_do is None or found.units_that_do >= found.units:
        return window
    few = "" if (found.transitions or 0) >= transitions_for(found.units_that_do) else ", still with too few transitions"
    return f"units={found.units_that_do}{few}, or {window}"
