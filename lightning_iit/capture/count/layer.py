"""The capture of one layer: units are chosen once, thresholds and counts are made for each epoch."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass
from functools import partial
from itertools import chain, zip_longest
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
import numpy as np
import torch
from torch import Tensor, nn

from lightning_iit.capture.choose.clusters import MOST_ROWS, correlation_clusters
from lightning_iit.capture.choose.scores import state_entropy, weight_norm
from lightning_iit.capture.choose.units import Moments, auto_units, choose, further_groups, units_record
from lightning_iit.capture.count.binarize import threshold_values
from lightning_iit.capture.count.coding import Coding
from lightning_iit.capture.count.counter import GroupCounter
from lightning_iit.capture.count.first_rows import FirstRows
from lightning_iit.capture.hooks.reading import OutputReader
from lightning_iit.capture.options import SURVEYED_ELEMENTS
from lightning_iit.records import Thresholds, Units

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from lightning_iit.capture.choose.layers import Layer
    from lightning_iit.capture.count.transitions import TransitionCounts
    from lightning_iit.capture.hooks.depths import Recorded
    from lightning_iit.capture.options import CaptureOptions

_SURVEYED_ROWS = 2**15
"""So many rows of an epoch are counted of each further group of a survey, so that a survey costs a long epoch little."""
_UNITS_OF_UNKNOWN_LENGTH = 4
"""How many elements ``units="auto"`` takes where the length of an epoch is not known."""


@dataclass(frozen=True)
class FirstData:
    """Holds the first data of a layer on one rank, from which units are chosen.

    Args:
        moments: the moments of each unit's activations.
        rows: how many rows were recorded.
        transitions: how many transitions these rows have.
        activations: ``[row, unit]``, for the selections that need activations; else None.
    """

    moments: Moments
    rows: int
    transitions: int
    activations: np.ndarray | None = None


class HeldCounts(NamedTuple):
    """Holds the counts and the recorded activations of a layer while copies of them are used; see :meth:`LayerCapture.hold`."""

    sources: list[tuple[GroupCounter, ...]]
    streams: list[list[Recorded]]
    error: Exception | None
    calibrated: bool
    recorded: tuple[int, ...]


class LayerCapture:
    """Captures one layer: chooses its units, calibrates thresholds and counts transitions.

    Args:
        layer: the layer.
        options: the options of the capture.
        stepped: whether the user gave a step for the layer.

    Attributes:
        layer: the layer.
        reading: reads the layer's outputs.
        among: the units that may be chosen; None for all.
        first_only: whether only the first group is counted, as the layer is perturbed.
        sources: for each source of data that is counted one counter for each group of units. A source is a call of the layer within
            a step, with data of its own. One source is always there; without counters until the units are chosen.
        calibrated: whether thresholds are known for the current epoch. A group that had no finite row in the calibration has no
            thresholds in this epoch even so.
        notes: sentences on the choice of units.
    """

    def __init__(self, layer: Layer, options: CaptureOptions, *, stepped: bool = False) -> None:
        self.layer = layer
        self.reading: OutputReader = OutputReader(layer, options, stepped=stepped)
        self.among: range | None = None
        self.first_only: bool = False
        self.sources: list[tuple[GroupCounter, ...]] = [()]
        self.calibrated: bool = False
        self.notes: tuple[str, ...] = ()
        self._options = options
        self._recorded: tuple[int, ...] = ()

    @property
    def counters(self) -> tuple[GroupCounter, ...]:
        """Returns the counters of the first source that is counted, one for each group of units."""
        return self.sources[0]

    def has_sources(self, number: int) -> None:
        """Adds counters, with the units of the first source, until there are this many sources."""
        while len(self.sources) < number:
            self.sources.append(self._new_counters([counter.units for counter in self.counters]))
            self._read_from(self.sources[-1])

    def _new_counters(self, units: Sequence[Units], frozen: Sequence[Thresholds | None] = ()) -> tuple[GroupCounter, ...]:
        """Returns a counter for each group; of further groups the first rows are counted, and none where the layer is perturbed."""
        further = FirstRows(0 if self.first_only else _SURVEYED_ROWS)
        return tuple(
            GroupCounter(each, self._options, thresholds, first_rows=further if number else None)
            for number, (each, thresholds) in enumerate(zip_longest(units, frozen))
        )

    @property
    def units(self) -> Units | None:
        """Returns the units of the first group; None until they are chosen."""
        return self.counters[0].units if self.counters else None

    @property
    def columns(self) -> tuple[int, ...]:
        """Returns the layer's units whose activations are recorded: all units that some group needs as yet."""
        if len(self.counters) == 1 or (self.calibrated and self._further_groups_have_enough):
            return self.counters[0].coding.columns
        return tuple(sorted({unit for counter in self.counters for unit in counter.coding.columns}))

    @property
    def _further_groups_have_enough(self) -> bool:
        """Returns whether further groups need no more rows of this epoch; further sources may come later, and are then recorded."""
        rows = self.counters[1].first_rows
        return self.first_only or (self._options.sources != "pooled" and rows is not None and rows.are_enough)

    def begin_epoch(self) -> None:
        """Starts an epoch: resets the counts, and also the thresholds unless the thresholds are frozen or need no data."""
        self.reading.restart(self.layer)
        for counter in chain.from_iterable(self.sources):
            counter.begin_epoch()
            if counter.first_rows is not None:
                counter.first_rows.restart()
        self._note_fixed()
        self._narrow()

    def _narrow(self) -> None:
        """Limits the recording to the chosen units."""
        if self.counters:
            self._recorded = self.columns
            self.reading.narrow(self._recorded)
            self._read_from(chain.from_iterable(self.sources))

    def _read_from(self, counters: Iterable[GroupCounter]) -> None:
        """Tells counters which units are recorded from now on, except those that get nothing more in this epoch."""
        for counter in counters:
            if set(counter.coding.columns) <= set(self._recorded):
                counter.read_from(self._recorded)

    def _note_fixed(self) -> None:
        """Sets ``calibrated`` to whether all groups have thresholds before any data of this epoch."""
        self.calibrated = bool(self.counters) and all(counter.thresholds is not None for counter in self.counters)

    # --- resuming ---

    def state_dict(self) -> dict[str, Any]:
        """Returns the units and frozen thresholds as plain data: the first group at the top, further groups under "groups"."""
        mine, *others = [
            {"units": msgspec.to_builtins(counter.units), "thresholds": msgspec.to_builtins(counter.frozen)}
            for counter in self.counters
        ] or [{"units": None, "thresholds": None}]
        return {**mine, "groups": others}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continues with the units and the frozen thresholds of an earlier part of the run, whatever the options say now.

        A note tells where the options ask for other units.
        """
        stored = [part for part in (state, *state.get("groups", ())) if part["units"] is not None]
        units = [msgspec.convert(part["units"], Units) for part in stored]
        self.sources = [self._new_counters(units, [msgspec.convert(part["thresholds"], Thresholds | None) for part in stored])]
        asked = other_units_asked(self._options, self.counters[0].units, groups=len(self.counters)) if self.counters else ""
        self.notes = (asked,) if asked else ()

    def take_units(self, other: LayerCapture, *, frozen: bool) -> None:
        """Continues with the units and the notes of another capture of the layer, and with its ``frozen`` thresholds if wanted."""
        thresholds = [counter.frozen if frozen else None for counter in other.counters]
        self.sources = [self._new_counters([counter.units for counter in other.counters], thresholds)]
        self.notes = other.notes

    # --- units ---

    def first_data(self) -> FirstData | None:
        """Returns the data that this rank recorded before the units were chosen; None where nothing was recorded."""
        rows = self.reading.rows()
        if rows is None:
            return None
        transitions = len(rows)
        if self.reading.axis != "stream":
            transitions -= self._options.lag * sum(len(values) for values, _ in self.reading.kept())
        kept = {"entropy": rows, "clusters": rows[:: max(1, len(rows) // MOST_ROWS)]}.get(self._options.selection)
        activations = None if kept is None else kept.cpu().double().numpy()
        return FirstData(Moments.of(rows), len(rows), max(transitions, 0), activations)

    def choose_units(self, parts: Sequence[FirstData], *, steps: int, expected_batches: int | None) -> None:
        """Chooses the units from the first data of all ranks, and limits the recording to these units.

        Args:
            parts: the first data of each rank.
            steps: in how many steps the data were recorded.
            expected_batches: how many batches an epoch has; None where not known (used for ``units="auto"``).

        Raises:
            InvalidArgumentError: the layer does not have the given units, or the selection cannot be made in this layer.
        """
        wanted = self._options.units
        if wanted == "auto":
            wanted = self._auto_units(sum(part.transitions for part in parts) / steps, expected_batches)
        groups = self._chosen(wanted, parts)
        self.sources = [self._new_counters(groups)]
        self.notes = tuple(self._shortfalls(wanted, groups))
        self._narrow()
        self._note_fixed()

    def _chosen(self, wanted: int | Sequence[int], parts: Sequence[FirstData]) -> list[Units]:
        """Returns the record of units of each group."""
        options = self._options
        moments = Moments.merged(part.moments for part in parts)
        width = len(moments.mean)
        among = range(width) if self.among is None else self.among
        seen = [part.activations for part in parts if part.activations is not None]
        if isinstance(wanted, int) and options.selection == "clusters":
            members = correlation_clusters(np.concatenate(seen), wanted, among=among)
            return [units_record(members, width, "clusters", bits=options.bits)]
        scores = None
        if options.selection == "weight_norm":
            scores = weight_norm(self.layer.module, width)
        elif seen:
            scores = state_entropy(np.concatenate(seen), partial(threshold_values, options.threshold))
        selection, seed = options.selection, options.seed
        first = choose(wanted, selection=selection, seed=seed, moments=moments, scores=scores, among=among, bits=options.bits)
        number = options.most_groups(len(first.indices) // options.bits)
        varying = [unit for unit in among if moments.variance[unit] > 0.0]
        return [first, *further_groups(first, number, among=varying, seed=seed)]

    def _shortfalls(self, wanted: int | Sequence[int], groups: Sequence[Units]) -> list[str]:
        """Returns a sentence for each of: fewer units than asked for, fewer groups than asked for."""
        notes = []
        n = len(self.counters[0].coding.members)
        if isinstance(wanted, int) and wanted > n:
            what = "that vary" if self._options.selection == "clusters" else "that can be chosen"
            whole = n == groups[0].width
            notes.append(
                f"{wanted} units were asked for; the layer has {n}{'' if whole else f' {what}'}, and all of them are analysed."
            )
        if isinstance(self._options.groups, int) and self._options.groups > len(groups):
            asked = self._options.groups
            notes.append(f"{asked} groups of {n} units were asked for; there are only {len(groups)} different ones.")
        return notes

    def _auto_units(self, transitions_per_step: float, expected_batches: int | None) -> int:
        """Returns how many units ``units="auto"`` takes, from the transitions that one window of epochs will have."""
        most, bits = min(self._options.max_units, SURVEYED_ELEMENTS), self._options.bits
        if expected_batches is None:
            most = min(_UNITS_OF_UNKNOWN_LENGTH, most)
            return max(most // bits, 1)
        return auto_units(transitions_per_step * expected_batches * self._options.window, most=most, bits=bits)

    # --- thresholds ---

    def samples(self) -> list[list[np.ndarray]] | None:
        """Returns for each source the finite values ``[row, element]`` (float64) of each group recorded so far.

        None where nothing was recorded.
        """
        found = [self.reading.rows(number) for number in range(len(self.reading.recorder.streams))]
        samples = [[counter.samples(rows) for counter in self.counters] for rows in found if rows is not None]
        return samples or None

    def calibrate(self, parts: Sequence[list[list[np.ndarray]]], *, initial: bool) -> None:
        """Computes the thresholds of this epoch, for each source and group that has none yet.

        Args:
            parts: for each rank and source, the values ``[row, element]`` of each group.
            initial: whether the network is untrained; its thresholds are never frozen.
        """
        self.has_sources(max(map(len, parts)))
        for counters, ranks in zip(self.sources, zip_longest(*parts), strict=False):
            known = [rank for rank in ranks if rank is not None]
            for counter, samples in zip(counters, zip(*known, strict=True), strict=True):
                if counter.thresholds is None:
                    counter.calibrate(samples, initial=initial)
        self.calibrated = any(counter.thresholds is not None for counter in self.counters)

    # --- counts ---

    def flush(self) -> int:
        """Counts the recorded activations and forgets them.

        Returns:
            How many activation values were counted or left out.
        """
        numbers = 0
        streams = self.reading.recorder.streams
        self.has_sources(len(streams))
        for number, counters in enumerate(self.sources):
            for values, lengths in self.reading.kept(number):
                numbers += values.numel()
                counters[0].count(values, lengths)
                if len(counters) > 1 and (rows := counters[1].first_rows) is not None:  # those of all further groups
                    rows.add(values, lengths)
        for stream in streams:
            stream.clear()
        if self._recorded != self.columns:
            self._narrow()  # the further groups have what they need
        return numbers

    def hold(self) -> HeldCounts:
        """Goes on with copies of all counts and of the recorded activations, until :meth:`put_back`."""
        recorder = self.reading.recorder
        held = HeldCounts(self.sources, recorder.streams, recorder.error, self.calibrated, self._recorded)
        self.sources = deepcopy(self.sources, {id(self._options): self._options})
        recorder.streams = [list(stream) for stream in recorder.streams]
        return held

    def put_back(self, held: HeldCounts) -> None:
        """Goes on with the counts and activations that :meth:`hold` has put aside, as if nothing had happened since."""
        recorder = self.reading.recorder
        self.sources, self.calibrated, self._recorded = held.sources, held.calibrated, held.recorded
        recorder.streams = [[]]  # what was put aside is narrowed already
        self.reading.narrow(self._recorded)
        recorder.streams, recorder.error = held.streams, held.error

    def end_stretch(self) -> None:
        """Ends a stretch of the data: no transition goes from the activations that were counted to those that follow."""
        for counter in chain.from_iterable(self.sources):
            (counter if counter.first_rows is None else counter.first_rows).end_stretch()

    def summed(self, sources: int) -> list[list[TransitionCounts]]:
        """Returns the transition counts of each source and group, summed over all ranks; every rank must call this method.

        Args:
            sources: how many sources there are, over all ranks.
        """
        self.has_sources(sources)
        device = _device_of(self.layer.ancestors[0])
        uncounted = None if self.calibrated else self.reading.rows()
        first, *others = self.sources
        return [
            [counter.summed(uncounted, device) for counter in first],
            *([counter.summed(None, device) for counter in counters] for counters in others),
        ]


def _device_of(model: nn.Module) -> torch.device:
    """Returns the device of the model's first parameter or buffer; the CPU where there are none."""
    tensor: Tensor | None = next(chain(model.parameters(), model.buffers()), None)
    return torch.device("cpu") if tensor is None else tensor.device


def other_units_asked(options: CaptureOptions, units: Units, *, groups: int = 1) -> str:
    """Returns a sentence where the options ask for other units than those that a resumed run goes on with; else an empty text."""
    n = len(Coding.of(units).members)
    if options.bits != units.bits or (options.groups not in {groups, "auto"} and n < units.width):
        other = True
    elif isinstance(options.units, int):
        other = options.units != n < units.width
    else:
        other = options.units != "auto" and tuple(options.units) != units.indices[:: units.bits]
    asked = f"units={options.units!r}, bits={options.bits}, groups={options.groups}"
    return f"{asked} was asked for; the run was resumed with the units that it began with." if other else ""


def unreadable_units(error: Exception) -> str:
    """Returns a sentence on units of a resumed run that cannot be restored."""
    return (
        f"its units and thresholds in the state of the resumed run cannot be read ({type(error).__name__}: {error}), so its units "
        "are chosen anew."
    )
