"""An analysis that somebody asks for while training goes on: of which layers, units and states, and by which formalism."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import msgspec

from lightning_iit.capture.choose.units import checked_indices, units_record
from lightning_iit.errors import InvalidArgumentError
from lightning_iit.run.commands.steering import Refused
from lightning_iit.run.run import Asked
from lightning_iit.tpm.states import index_of

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from lightning_iit.capture.count.epoch import LayerEpoch
    from lightning_iit.records import State
    from lightning_iit.records.steering.commands import Command
    from lightning_iit.run.options import RunOptions

_FEWEST = 2


def asked_of(command: Command, options: RunOptions, *, step: int) -> Asked:
    """Returns what a command asks of an analysis.

    Args:
        command: of the verb "analyse".
        options: the run's.
        step: the trainer's global step.

    Raises:
        Refused: the state is none, or the formalism cannot be computed.
    """
    nodes = options.nodes if command.units is None else None  # a candidate system is one of the run's own units
    state: State | None = None
    if command.state is not None:
        if not command.state or set(command.state) - {"0", "1"}:
            msg = f"state {command.state!r}: give a 0 or 1 for each unit, as in 0110."
            raise Refused(msg)
        state = tuple(map(int, command.state))
    try:
        wanted = replace(options, formalism=command.formalism or options.formalism, nodes=nodes)
        wanted.check()
    except InvalidArgumentError as error:
        raise Refused(str(error)) from error
    who = command.sender or "somebody"
    note = f"Analysed on a command of {who}, at step {step}: it is no epoch of the curve, and no change is told by it."
    return Asked(wanted, state, note)


def layers_of(command: Command, layers: Sequence[str]) -> tuple[str, ...]:
    """Returns the names of the layers that a command is about.

    Raises:
        Refused: the layer is not watched; or units are given while several layers are watched, and none is named.
    """
    if command.layer is not None and command.layer not in layers:
        msg = f"layer {command.layer!r} is not watched; watched are {', '.join(map(repr, layers))}."
        raise Refused(msg)
    if command.layer is None and command.units is not None and len(layers) > 1:
        msg = f"units are those of one layer: name it, of {', '.join(map(repr, layers))}."
        raise Refused(msg)
    return tuple(layers) if command.layer is None else (command.layer,)


def with_units(captured: LayerEpoch, units: Sequence[int], *, most: int) -> LayerEpoch:
    """Returns the capture of a perturbed layer with other units, whose thresholds and states the perturbation finds.

    Args:
        captured: the capture of the run's own units.
        units: the indices of the other ones.
        most: the most units that the engines take.

    Raises:
        Refused: the layer has no such units, or they are too few, too many, or the same twice.
    """
    known, thresholds = captured.units, captured.thresholds
    if known is None or thresholds is None:
        msg = f"layer {captured.layer!r} has no thresholds yet."
        raise Refused(msg)
    check_number(units, most)
    try:
        chosen = checked_indices(units, known.width, captured.layer)
    except InvalidArgumentError as error:
        raise Refused(str(error)) from error
    zeros = msgspec.structs.replace(thresholds, values=(0.0,) * len(chosen), upper=(), frozen=False)
    return replace(
        captured,
        units=units_record([(unit,) for unit in chosen], known.width, "given"),
        thresholds=zeros,
        counts=None,
        dynamics=None,
        recent=None,
        last_state=None,
        kept=None,
        groups=(),
        problem=None,
    )


def check_number(units: Sequence[int], most: int) -> None:
    """Checks how many units are given, and that they differ.

    Raises:
        Refused: there are too few, too many, or the same twice.
    """
    if not _FEWEST <= len(units) <= most or len(set(units)) < len(units):
        msg = f"units {', '.join(map(str, units))}: give {_FEWEST} to {most} different units."
        raise Refused(msg)


def in_state(captured: LayerEpoch, state: State, perturbed: Collection[str]) -> LayerEpoch:
    """Returns the capture of the first group of units alone, which is to be analysed in a state.

    Raises:
        Refused: the state has another number of units; or the layer is watched, and was not seen in the state.
    """
    n = 0 if captured.units is None else len(captured.units.indices)
    if len(state) != n:
        msg = f"state {''.join(map(str, state))} has {len(state)} places, and {n} units of layer {captured.layer!r} are analysed."
        raise Refused(msg)
    if captured.layer not in perturbed and captured.counts is not None and not captured.counts.visits[index_of(state)]:
        msg = f"state {''.join(map(str, state))} of layer {captured.layer!r} was not seen in this epoch so far."
        raise Refused(msg)
    return replace(captured, groups=())
