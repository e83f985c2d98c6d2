"""Causal TPMs for the layers of a run: keeps some calls of each layer that can be stepped, and perturbs it at an epoch's end."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal, TypeAlias

import torch

from lightning_iit.capture.choose.layers import find_layers
from lightning_iit.capture.count.binarize import needs_data
from lightning_iit.capture.count.coding import Coding
from lightning_iit.capture.count.epoch import dead_units
from lightning_iit.capture.count.transitions import pack
from lightning_iit.capture.options import refuse_given
from lightning_iit.capture.perturb.connectivity import weight_connectivity
from lightning_iit.capture.perturb.reservoir import Reservoir
from lightning_iit.capture.perturb.steps import StepFunction, step_for
from lightning_iit.capture.perturb.tpm import (
    Background,
    observe,
    observed_states,
    observed_thresholds,
    observed_values,
    perturbed_tpm,
)
from lightning_iit.errors import InvalidArgumentError, StepError
from lightning_iit.records import Perturbation, Skipped
from lightning_iit.tpm.states import state_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor, nn
    from torch.utils.hooks import RemovableHandle

    from lightning_iit.capture.count.epoch import LayerEpoch
    from lightning_iit.capture.hooks.gate import Gate
    from lightning_iit.capture.options import CaptureOptions
    from lightning_iit.capture.perturb.stepper import Direction, Observations, Stepper
    from lightning_iit.records import Counts

TpmSource: TypeAlias = Literal["auto", "perturb", "observe"]

_LOWER_LEVEL = (
    "A lower level of the layer was perturbed, whose units the layer's output does not show: what was watched, and what the "
    "units were chosen by, are the units of the last level with the same numbers."
)


@dataclass(frozen=True, kw_only=True)
class PerturbOptions:
    """How TPMs are made.

    Args:
        tpm: "perturb" (units are set into each state), "observe" (they are watched), or "auto": perturb where a step is known and
            transitions are of one step (lag 1).
        background: "sampled" (an average over observed ones) or "fixed" (IIT's background conditions, at the analysed state).
        draws: R, how many backgrounds are drawn.
        step: ``(module, state, input) -> state`` for modules whose step is not known.
        level: which of stacked recurrent layers.
        direction: which direction of a bidirectional layer.
        hidden_only: set the hidden state of an LSTM alone.
        cm: "full", or "weights": units with no recurrent weight between them (zero or pruned) have no connection; only where a
            layer is perturbed, since watched units share causes that no weight between them shows.
        calls: how many calls of a layer are kept for observations.
        seed: of the kept calls and the draws.

    Raises:
        InvalidArgumentError: a value that cannot be.
    """

    tpm: TpmSource = "auto"
    background: Background = "sampled"
    draws: int = 128
    step: StepFunction | None = None
    level: int = -1
    direction: Direction = "forward"
    hidden_only: bool = False
    cm: Literal["full", "weights"] = "full"
    calls: int = 8
    seed: int = 0

    def __post_init__(self) -> None:
        """Checks each value."""
        for name, choices in (
            ("tpm", ("auto", "perturb", "observe")),
            ("background", ("sampled", "fixed")),
            ("direction", ("forward", "backward")),
            ("cm", ("full", "weights")),
        ):
            if getattr(self, name) not in choices:
                msg = f"{name}={getattr(self, name)!r}: choose one of {', '.join(map(repr, choices))}."
                raise InvalidArgumentError(msg)
        if self.cm == "weights" and self.tpm == "observe":
            msg = (
                "cm='weights' with tpm='observe': units that are watched share causes that no weight between them shows, so "
                "weights cannot say which connections they have. Use tpm='perturb' or 'auto', or leave cm out."
            )
            raise InvalidArgumentError(msg)
        if isinstance(self.draws, bool) or not isinstance(self.draws, int) or self.draws < 1:
            msg = f"draws={self.draws!r}: give the number of observed backgrounds to average over, 1 or more."
            raise InvalidArgumentError(msg)

    def check_for_depth(self) -> None:
        """Checks these options where blocks are perturbed, and no recurrent layer.

        Raises:
            InvalidArgumentError: an option that says how a recurrent layer is stepped or wired.
        """
        refuse_given(
            *(self, ("step", "level", "direction", "hidden_only", "cm")),
            why="it is about recurrent layers; with transitions='depth' whole blocks are perturbed",
        )

    def over(self, lag: int) -> PerturbOptions:
        """These options for transitions that span so many steps: a perturbation is of one step, so more of them are watched.

        Raises:
            InvalidArgumentError: a perturbation is asked for, or what only a perturbation has.
        """
        if lag == 1:
            return self
        if self.tpm == "perturb" or self.cm == "weights":
            what = "tpm='perturb'" if self.tpm == "perturb" else "cm='weights'"
            msg = (
                f"lag={lag} with {what}: a layer that is perturbed makes one step, so its TPM would be that of lag=1 whatever the "
                "lag. Use lag=1, or tpm='observe' without cm."
            )
            raise InvalidArgumentError(msg)
        return replace(self, tpm="observe")


@dataclass
class _Watched:
    module: nn.Module
    stepper: Stepper
    reservoir: Reservoir
    handle: RemovableHandle | None = field(default=None)
    observed: tuple[int, Observations | None] | None = None
    """Where it was seen in an epoch, with the number of its calls by then."""


class Perturber:
    """Perturbs the layers that can be stepped.

    Args:
        model: where the layers are.
        layers: their names.
        options: how.

    Raises:
        InvalidArgumentError: ``tpm="perturb"`` for a layer whose step is not known.
    """

    def __init__(self, model: nn.Module, layers: Sequence[str], options: PerturbOptions) -> None:
        self._options = options
        self._layers = tuple(layers)
        self._watched: dict[str, _Watched] = {}
        self._find(model)
        if options.tpm == "perturb" and (unknown := [name for name in layers if name not in self._watched]):
            msg = (
                f"tpm='perturb': no step is known for {', '.join(map(repr, unknown))}. Known are nn.RNN, nn.GRU, nn.LSTM and their "
                "cells; give step=, a function (module, state, input) -> state, register the kind of layer with its step "
                "(register_layer_kind), or use tpm='auto' or 'observe'."
            )
            raise InvalidArgumentError(msg)

    @property
    def layers(self) -> tuple[str, ...]:
        """The layers that are perturbed."""
        return tuple(self._watched)

    @property
    def among(self) -> dict[str, range]:
        """The units of each layer that make its step, for layers of which only some do: one direction is stepped at a time."""
        found = {name: watched.stepper.among for name, watched in self._watched.items()}
        return {name: among for name, among in found.items() if among is not None}

    def check(self, capture: CaptureOptions) -> None:
        """Checks what is captured against the steps that are made.

        Raises:
            InvalidArgumentError: units that are not of the direction that is stepped, or a choice of units or thresholds from the
                layer's output for a lower level, which it does not show.
        """
        for name, watched in self._watched.items():
            among = watched.stepper.among
            if among is not None and not isinstance(capture.units, (int, str)) and not set(capture.units) <= set(among):
                msg = (
                    f"units={list(capture.units)}: of layer {name!r} the direction {self._options.direction!r} is stepped, which "
                    f"has the units {among.start} to {among.stop - 1}. Choose among these, the other direction, or tpm='observe'."
                )
                raise InvalidArgumentError(msg)
            frozen = capture.freeze_threshold and needs_data(capture.threshold)
            if not watched.stepper.shown and (frozen or capture.selection == "clusters"):
                what = "freeze_threshold=True" if frozen else "selection='clusters'"
                msg = (
                    f"{what}, level={self._options.level}: it goes by the output of layer {name!r}, which shows only the last "
                    "level. Leave it out, or perturb the last level (level=-1)."
                )
                raise InvalidArgumentError(msg)

    def attach(self, model: nn.Module, gate: Gate | None = None) -> None:
        """Watches the calls of the layers of this model, while a gate is open (None: all calls)."""
        self.detach()
        self._find(model)
        for watched in self._watched.values():
            watched.handle = watched.reservoir.attach(watched.module, gate)

    def detach(self) -> None:
        """Watches no more."""
        for watched in self._watched.values():
            if watched.handle is not None:
                watched.handle.remove()
                watched.handle = None

    def begin_epoch(self) -> None:
        """Forgets the calls of the epoch before."""
        for watched in self._watched.values():
            watched.reservoir.clear()
            watched.observed = None

    def observed(self, captured: LayerEpoch) -> LayerEpoch:
        """What was captured of a layer as it is to be perturbed: coded as it is seen with its weights of now.

        Thresholds that were calibrated on data are calibrated on the layer's states at the epoch's end, since those of its
        beginning may by now leave a unit always OFF, and since those of the output are not those of a lower level. What may be
        analysed are then the states in which the layer was seen with these thresholds.
        """
        watched = self._watched.get(captured.layer)
        if watched is None or captured.units is None or captured.thresholds is None:
            return captured
        try:
            observations = self._observe(watched)
            if observations is None:
                return captured
            coding, thresholds = Coding.of(captured.units), captured.thresholds
            if not thresholds.frozen:
                thresholds = observed_thresholds(observations, watched.stepper, coding, thresholds.strategy)
            codes = pack(observed_states(observations, watched.stepper, coding, thresholds))
        except Exception:  # noqa: BLE001  a user's step may raise anything; to perturb will say what is wrong
            return captured
        return replace(
            captured,
            thresholds=thresholds,
            watched_thresholds=captured.thresholds,
            seen=tuple(torch.bincount(codes, minlength=2**coding.elements).tolist()),
            last_state=state_of(int(codes[-1]), coding.elements),
            notes=_notes(captured, watched.stepper),
        )

    def values(self, captured: LayerEpoch) -> Tensor | None:
        """What the elements ``[row, element]`` of a layer were compared by where it was seen; None where it was not."""
        watched = self._watched.get(captured.layer)
        observations = None if watched is None else self._observe(watched)
        if watched is None or captured.units is None or observations is None:
            return None
        return observed_values(observations, watched.stepper, Coding.of(captured.units))

    def perturb(self, captured: LayerEpoch, state: tuple[int, ...] | None) -> tuple[Counts, Perturbation] | Skipped | None:
        """The causal counts of a layer with the units and thresholds of its capture.

        Args:
            captured: of the epoch that ends, as :meth:`observed` returned it.
            state: the state that is analysed, at which a "fixed" background is held.

        Returns:
            The counts (as many draws after each of the 2^n states) and how they were made; Skipped with the reason where they
            could not be made; None where the layer is not perturbed.
        """
        watched = self._watched.get(captured.layer)
        if watched is None or captured.units is None or captured.thresholds is None:
            return None
        options, coding = self._options, Coding.of(captured.units)
        try:
            found = perturbed_tpm(
                watched.module,
                watched.stepper,
                coding,
                captured.thresholds,
                self._observe(watched),
                background=options.background,
                draws=options.draws,
                hidden_only=options.hidden_only,
                at=state,
                seed=options.seed,
            )
            if isinstance(found, Skipped):
                return found
            how = Perturbation(
                background=options.background,
                draws=found.draws,
                observed=found.observed,
                off=found.off,
                on=found.on,
                between=found.between,
                cm=self._connectivity(watched, coding),
                seed=options.seed,
            )
        except StepError as error:
            return Skipped(code="step_failed", reason=str(error))
        except Exception as error:  # noqa: BLE001  a user's step may raise anything, and training goes on
            reason = f"Layer {captured.layer!r} could not be perturbed: {type(error).__name__}: {error}."
            return Skipped(code="step_failed", reason=reason)
        return found.counts, how

    def _observe(self, watched: _Watched) -> Observations | None:
        """Where the layer was seen, once for each epoch: its sequences are run again for it."""
        calls = watched.reservoir.calls
        if watched.observed is None or watched.observed[0] != watched.reservoir.seen:
            found = observe(watched.module, watched.stepper, calls, seed=self._options.seed)
            watched.observed = (watched.reservoir.seen, found)
        return watched.observed[1]

    def _connectivity(self, watched: _Watched, coding: Coding) -> tuple[tuple[int, ...], ...] | None:
        if self._options.cm == "full":
            return None
        columns = weight_connectivity(watched.module, watched.stepper, coding.columns, hidden_only=self._options.hidden_only)
        return coding.connected(columns)

    def _find(self, model: nn.Module) -> None:
        options = self._options
        if options.tpm == "observe":
            return
        found = {}
        for layer in find_layers(model, self._layers):
            stepper = step_for(layer.module, step=options.step, level=options.level, direction=options.direction)
            if stepper is not None:
                reservoir = Reservoir(size=options.calls, with_output=stepper.needs_outputs, seed=options.seed)
                found[layer.name] = _Watched(layer.module, stepper, reservoir)
        self._watched = found


def _notes(captured: LayerEpoch, stepper: Stepper) -> tuple[str, ...]:
    """Without those that are true of the watched counts and their thresholds only."""
    of_watched = set() if captured.units is None or captured.counts is None else set(dead_units(captured.units, captured.counts))
    notes = tuple(note for note in captured.notes if note not in of_watched)
    return notes if stepper.shown else (*notes, _LOWER_LEVEL)
