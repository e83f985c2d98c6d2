"""The units of a watched layer that are analysed: those that changed at all in the window of the first analysed epoch."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import msgspec

from lightning_iit.capture.count.coding import Coding
from lightning_iit.capture.count.recent import RecentActivations
from lightning_iit.tpm.dead_units import dead_units
from lightning_iit.tpm.varying import constant_states, counts_of, dynamics_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lightning_iit.capture.count.epoch import LayerEpoch
    from lightning_iit.records import Counts, Units
    from lightning_iit.run.windows import Watched

NO_UNIT_VARIES = "no_unit_varies"
"""The code of an epoch in which no unit of a watched layer changed."""
_FEWEST = 2
"""The choice is kept once so many units vary; of fewer the Φ is 0 whatever they do."""


class VaryingUnits:
    """Keeps, for each watched layer and group of units, which units are analysed.

    A unit that never changed in the window of the first analysed epoch is left out, in this and in all later epochs. (While fewer
    than two units vary, the next analysed epoch chooses again.) A unit that stops changing later stays in, so that the curve is of
    the same units; the record says so.

    Args:
        chosen: the units that an earlier part of the run has chosen.
    """

    def __init__(self, chosen: Mapping[Watched, Units] | None = None) -> None:
        self._chosen: dict[Watched, Units] = dict(chosen or {})

    @property
    def chosen(self) -> dict[Watched, Units]:
        """Returns the units that are analysed, by layer or group of a layer's units."""
        return dict(self._chosen)

    def limit(self, key: Watched, captured: LayerEpoch, counts: Counts | None) -> tuple[LayerEpoch, Counts | None]:
        """Limits a watched capture and its counts to the units that are analysed, and adds the notes on units that never changed.

        Args:
            key: the layer, or group of a layer's units.
            captured: the capture of the epoch.
            counts: the transitions over the window.

        Returns:
            The capture (with the problem ``no_unit_varies`` where none changed in the window) and the counts.
        """
        if captured.units is None or counts is None or not counts.transitions or captured.problem is not None:
            return captured, counts
        units, coding = captured.units, Coding.of(captured.units)
        of_epoch = set() if captured.counts is None else set(dead_units(units, captured.counts))
        captured = replace(captured, notes=tuple(note for note in captured.notes if note not in of_epoch))
        constant = constant_states(counts) >= 0
        varies = [not constant[unit * units.bits : (unit + 1) * units.bits].all() for unit in range(len(coding.members))]
        if not any(varies):
            reason = f"Layer {captured.layer!r}: none of the {len(varies)} units changed its state in the whole window. "
            hint = "Watch other units or another layer, or choose another threshold."
            return replace(captured, problem=(NO_UNIT_VARIES, reason + hint)), counts
        chosen = self._chosen.get(key)
        members = None if chosen is None else Coding.of(chosen).members
        if members is None or not set(members) <= set(coding.members):
            members = tuple(each for each, changed in zip(coding.members, varies, strict=True) if changed)
        kept = [unit for unit, each in enumerate(coding.members) if each in members]
        if not any(varies[unit] for unit in kept):
            kept = [unit for unit, changed in enumerate(varies) if changed]
        elements = [unit * units.bits + bit for unit in kept for bit in range(units.bits)]
        if len(kept) < len(varies):
            captured, counts = _limited(captured, elements), counts_of(counts, elements)
            left_out = [name for unit, name in enumerate(coding.names) if unit not in kept]
            captured = replace(captured, notes=(*captured.notes, _left_out(left_out)))
        if key not in self._chosen and len(kept) >= _FEWEST and captured.units is not None:
            self._chosen[key] = captured.units
        if captured.units is not None:
            captured = replace(captured, notes=(*captured.notes, *dead_units(captured.units, counts, during="in this window")))
        return captured, counts


def _left_out(names: Sequence[str]) -> str:
    which = ", ".join(names)
    why = "as it never changed in the window of the first analysed epoch and takes no part in any integration"
    return f"Left out, {why}: unit {which}."


def _limited(captured: LayerEpoch, elements: Sequence[int]) -> LayerEpoch:
    """Returns the capture of some of its elements only."""
    units, thresholds = captured.units, captured.thresholds
    assert units is not None
    changes: dict[str, Any] = {
        "units": msgspec.structs.replace(
            units,
            indices=tuple(units.indices[element] for element in elements),
            clusters=tuple(units.clusters[element] for element in elements) if units.clusters else (),
        ),
        "kept": tuple(elements),
        "counts": None if captured.counts is None else counts_of(captured.counts, elements),
        "dynamics": None if captured.dynamics is None else dynamics_of(captured.dynamics, elements),
        "recent": None if captured.recent is None else RecentActivations.of(captured.recent, elements),
        "last_state": None if captured.last_state is None else tuple(captured.last_state[element] for element in elements),
    }
    if thresholds is not None:
        upper = tuple(thresholds.upper[element] for element in elements) if thresholds.upper else ()
        values = tuple(thresholds.values[element] for element in elements)
        changes["thresholds"] = msgspec.structs.replace(thresholds, values=values, upper=upper)
    if blocks := getattr(captured, "blocks", ()):
        changes["blocks"] = tuple(counts_of(block, elements) for block in blocks)
    return replace(captured, **changes)
