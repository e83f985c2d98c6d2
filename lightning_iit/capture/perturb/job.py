"""The perturbation of one layer with the weights and the data of one moment, which can be done in another thread."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

from lightning_iit.capture.count.coding import Coding
from lightning_iit.capture.count.transitions import pack
from lightning_iit.capture.perturb.allowance import Allowance, Share, work_of_row
from lightning_iit.capture.perturb.backgrounds import most_backgrounds
from lightning_iit.capture.perturb.cells import WeightsCopy
from lightning_iit.capture.perturb.connectivity import weight_connectivity
from lightning_iit.capture.perturb.reservoir import bytes_of
from lightning_iit.capture.perturb.tpm import (
    MOST_OBSERVATIONS,
    PerturbedTpm,
    observe,
    observed_states,
    observed_thresholds,
    observed_values,
    perturbed_tpms,
    still,
)
from lightning_iit.errors import StepError
from lightning_iit.records import Perturbation, Skipped
from lightning_iit.tpm.dead_units import dead_units
from lightning_iit.tpm.states import state_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lightning_iit.capture.count.epoch import LayerEpoch
    from lightning_iit.capture.perturb.options import PerturbOptions
    from lightning_iit.capture.perturb.reservoir import Call
    from lightning_iit.capture.perturb.stepper import Observations, Stepper
    from lightning_iit.records import Counts
    from lightning_iit.records import State as UnitState
    from lightning_iit.tpm.sequences import NextBits

_LOWER_LEVEL = (
    "A lower level of the layer was perturbed, whose units the layer's output does not show: what was watched, and what the "
    "units were chosen by, are the units of the last level with the same numbers."
)
"""The note on a perturbed lower level of stacked recurrent layers."""


@dataclass(frozen=True)
class Perturbed:
    """Holds what a perturbation found for one group of units.

    Args:
        captured: the capture with the thresholds and states that the perturbation used.
        causal: the counts and how they were made; Skipped with the reason why there are none; None without units.
        bits: the next state in each background; None where there are no counts.
    """

    captured: LayerEpoch
    causal: tuple[Counts, Perturbation] | Skipped | None
    bits: NextBits | None = None


@dataclass
class PerturbJob:
    """Perturbs a layer with its weights of one moment, in the states in which the layer was observed until then.

    With a copy of the weights (:class:`~lightning_iit.capture.perturb.cells.WeightsCopy`) a job needs nothing of the model: it may
    run in another thread while training goes on, be pickled, and be moved to another device. On the same device the result is the
    same to the bit wherever the job runs. A job that holds the module itself must run on the thread that trains.

    Args:
        layer: the layer's name.
        module: a copy of the layer's weights, or the layer itself where its step needs the module.
        stepper: steps the layer.
        calls: the calls in which the layer is observed.
        options: how TPMs are made.
        broken: why the layer cannot be perturbed, e.g. since its calls could not be kept; empty where it can.
    """

    layer: str
    module: nn.Module
    stepper: Stepper
    calls: tuple[Call, ...]
    options: PerturbOptions
    broken: str = ""
    _observations: list[Observations | None] = field(default_factory=list, init=False)
    """What was observed, once that is known: the layer's sequences are run again for it."""
    _limit: tuple[Allowance, int, int] | None = field(default=None, init=False)
    """What the layer may cost, with the rows that it computed in how many steps; None without a limit."""
    _share: Share | None = field(default=None, init=False)
    """What the layer was given, once that is known."""
    _of: int = field(default=0, init=False)
    """How many groups the layer has."""

    @property
    def resamples(self) -> bool:
        """Says whether groups share their backgrounds, so that :meth:`run` serves all of them."""
        return self.options.background == "sampled"

    @property
    def needs_module(self) -> bool:
        """Says whether the job holds the layer itself, so that it must run on the thread that trains."""
        return not isinstance(self.module, WeightsCopy)

    def limit(self, allowance: Allowance, seen: int, steps: int) -> None:
        """Limits the work of :meth:`run`, unless a number of backgrounds is asked for (``draws``).

        Args:
            allowance: of the layer, in the whole run.
            seen: how many rows the layer computed so far in the epoch.
            steps: in how many training steps.
        """
        self._limit = None if self.options.draws is not None else (allowance, seen, steps)

    @property
    def size(self) -> int:
        """Returns how many bytes the calls and the copy of the weights take."""
        weights = 0 if self.needs_module else sum(part.numel() * part.element_size() for part in self.module.buffers())
        return weights + sum(bytes_of((call.args, call.kwargs, call.output)) for call in self.calls)

    def to(self, device: torch.device | str) -> PerturbJob:
        """Returns this job with the weights and calls on another device; for copies of weights only."""
        calls = tuple(replace(call, args=_moved(call.args, device), kwargs=_moved(call.kwargs, device)) for call in self.calls)
        return PerturbJob(self.layer, deepcopy(self.module).to(device), self.stepper, calls, self.options)

    def run(self, groups: Sequence[LayerEpoch]) -> list[Perturbed]:
        """Perturbs several groups of the layer's units in the same backgrounds, which must be "sampled".

        Args:
            groups: the capture of each group.

        Returns:
            What was found for each group, with the next state in each background. Where the work is limited (:meth:`limit`), the
            last groups may be Skipped with the code ``not_perturbed``.
        """
        self._share, self._of = self._shared_out(groups), len(groups)
        kept = len(groups) if self._share is None else self._share.groups
        observed = [self.observed(group) for group in groups[:kept]]
        found = iter(self._perturb([group for group in observed if _has_units(group)], with_bits=True))
        reason = f"Only {kept} of {len(groups)} groups are perturbed, since training waits meanwhile; draws= has all perturbed."
        return [
            *(next(found) if _has_units(group) else Perturbed(group, None) for group in observed),
            *(Perturbed(group, Skipped(code="not_perturbed", reason=reason)) for group in groups[kept:]),
        ]

    def _shared_out(self, groups: Sequence[LayerEpoch]) -> Share | None:
        """Returns how many groups are perturbed in how many backgrounds; None without a limit, and where a fault will be said."""
        elements = [Coding.of(group.units).elements for group in groups if group.units is not None]
        if self._limit is None or not elements:
            return None
        allowance, seen, steps = self._limit
        try:
            observations = self._observe()
            if observations is None:
                return None
            if allowance.rows is None:
                with still(self.module) as module:
                    allowance.fix(seen, steps, work_of_row(module, self.stepper, observations))
        except Exception:  # noqa: BLE001  a user's step may raise anything; perturbing reports the error
            return None
        most = min(len(observations.inputs), most_backgrounds(self.stepper, observations, max(elements)))
        return allowance.share(len(groups), max(elements), most)

    def observed(self, captured: LayerEpoch) -> LayerEpoch:
        """Returns the capture of a group with the thresholds and states that a perturbation uses.

        See :meth:`~lightning_iit.capture.perturb.perturber.Perturber.observed`.
        """
        try:
            observations = self._observe()
            if observations is None or captured.units is None or captured.thresholds is None:
                return captured
            coding, thresholds = Coding.of(captured.units), captured.thresholds
            if not thresholds.frozen:
                thresholds = observed_thresholds(observations, self.stepper, coding, thresholds.strategy)
            codes = pack(observed_states(observations, self.stepper, coding, thresholds))
        except Exception:  # noqa: BLE001  a user's step may raise anything; perturb() reports the error
            return captured
        return replace(
            captured,
            thresholds=thresholds,
            watched_thresholds=captured.thresholds,
            seen=tuple(torch.bincount(codes, minlength=2**coding.elements).tolist()),
            last_state=state_of(int(codes[-1]), coding.elements),
            notes=(*_own_notes(captured), *self._notes(observations, coding)),
        )

    def values(self, captured: LayerEpoch) -> Tensor | None:
        """Computes the element values ``[row, element]`` of a group in the observed states; None where none was observed."""
        observations = self._observe()
        if captured.units is None or observations is None:
            return None
        return observed_values(observations, self.stepper, Coding.of(captured.units))

    def perturb(self, captured: LayerEpoch, state: UnitState | None) -> tuple[Counts, Perturbation] | Skipped | None:
        """Makes the causal counts of one group; see :meth:`~lightning_iit.capture.perturb.perturber.Perturber.perturb`."""
        (found,) = self._perturb([captured], at=[state])
        return found.causal

    def _perturb(
        self, groups: Sequence[LayerEpoch], *, at: Sequence[UnitState | None] = (), with_bits: bool = False
    ) -> list[Perturbed]:
        """Makes the causal counts of groups that have units, and the next states in each background where wanted."""
        known = [(Coding.of(group.units), group.thresholds) for group in groups if group.units and group.thresholds]
        options = self.options
        try:
            found = perturbed_tpms(
                self.module,
                self.stepper,
                known,
                self._observe(),
                background=options.background,
                draws=options.draws if self._share is None else self._share.backgrounds,
                hidden_only=options.hidden_only,
                at=at,
                seed=options.seed,
                with_bits=with_bits,
            )
            return [
                Perturbed(group, one)
                if isinstance(one, Skipped)
                else Perturbed(group, (one.counts, self._how(one, coding)), one.bits)
                for group, one, (coding, _) in zip(groups, found, known, strict=True)
            ]
        except StepError as error:
            reason = str(error)
        except Exception as error:  # noqa: BLE001  a user's step may raise anything, and training goes on
            reason = f"Layer {self.layer!r} could not be perturbed: {type(error).__name__}: {error}."
        return [Perturbed(group, Skipped(code="step_failed", reason=reason)) for group in groups]

    def _how(self, found: PerturbedTpm, coding: Coding) -> Perturbation:
        """Returns how a TPM was made, for the record."""
        cm = None
        if self.options.cm == "weights":
            hidden_only = self.options.hidden_only
            cm = coding.connected(weight_connectivity(self.module, self.stepper, coding.columns, hidden_only=hidden_only))
        return Perturbation(
            background=found.background,
            draws=found.draws,
            observed=found.observed,
            off=found.off,
            on=found.on,
            between=found.between,
            cm=cm,
            seed=self.options.seed,
            sequences=found.sequences,
        )

    def _observe(self) -> Observations | None:
        """Returns the observations, made once.

        Raises:
            StepError: a call could not be kept.
        """
        if self.broken:
            raise StepError(self.broken)
        if not self._observations:
            limit = max(MOST_OBSERVATIONS, self.options.draws or 0)
            self._observations.append(observe(self.module, self.stepper, self.calls, limit=limit, seed=self.options.seed))
        return self._observations[0]

    def _notes(self, observations: Observations, coding: Coding) -> Sequence[str]:
        """Returns the notes on a lower level, and on backgrounds that could not be had or were left out."""
        notes = [] if self.stepper.shown else [_LOWER_LEVEL]
        observed, draws = len(observations.inputs), self.options.draws
        if self.options.background == "fixed":
            return notes
        if draws is not None and draws > observed:
            notes.append(
                f"{draws:,} backgrounds were asked for (draws); {observed:,} were observed and kept, and all of these are used."
            )
        most = most_backgrounds(self.stepper, observations, coding.elements)
        if self._share is not None:
            if (self._share.backgrounds, self._share.groups) != (observed, self._of):
                notes.append(
                    "The layer is stepped by its module itself, on the thread that trains, so its work is limited: of "
                    f"{observed:,} observed backgrounds {self._share.backgrounds:,} are used, and of {self._of} groups of units "
                    f"{self._share.groups} are perturbed. draws= sets another number of backgrounds, for all groups."
                )
        elif draws is None and most < observed:
            notes.append(
                f"Of {observed:,} observed backgrounds {most:,} are used, since all of them would take too long for units of this "
                "number and a layer of this width; draws= sets another number."
            )
        return notes


def _has_units(group: LayerEpoch) -> bool:
    """Returns whether a group has units and thresholds, as all have that were seen in a call."""
    return group.units is not None and group.thresholds is not None


def _own_notes(captured: LayerEpoch) -> tuple[str, ...]:
    """Returns the capture's notes without dead units, which were found in the watched counts."""
    of_watched = set() if captured.units is None or captured.counts is None else set(dead_units(captured.units, captured.counts))
    return tuple(note for note in captured.notes if note not in of_watched)


def _moved(value: Any, device: torch.device | str) -> Any:
    """Returns nested tuples and mappings with every tensor on a device."""
    if isinstance(value, Tensor):
        return value.to(device)
    if isinstance(value, PackedSequence):
        return value.to(torch.device(device))  # type: ignore[arg-type]
    if isinstance(value, tuple):
        return tuple(_moved(part, device) for part in value)
    return {key: _moved(part, device) for key, part in value.items()} if isinstance(value, dict) else value
