"""Causal TPMs for the layers of a run: keeps some calls of each layer, and perturbs the layer at the end of an epoch."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import torch

from lightning_iit.capture.choose.layers import find_layers
from lightning_iit.capture.count.binarize import needs_data
from lightning_iit.capture.count.coding import Coding
from lightning_iit.capture.count.transitions import pack
from lightning_iit.capture.perturb.connectivity import weight_connectivity
from lightning_iit.capture.perturb.reservoir import Reservoir
from lightning_iit.capture.perturb.steps import step_for
from lightning_iit.capture.perturb.tpm import (
    observe,
    observed_states,
    observed_thresholds,
    observed_values,
    perturbed_tpm,
)
from lightning_iit.errors import InvalidArgumentError, StepError
from lightning_iit.records import Perturbation, Skipped
from lightning_iit.tpm.dead_units import dead_units
from lightning_iit.tpm.states import state_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor, nn

    from lightning_iit.capture.count.epoch import LayerEpoch
    from lightning_iit.capture.hooks.attached import AttachedHook
    from lightning_iit.capture.hooks.gate import Gate
    from lightning_iit.capture.options import CaptureOptions
    from lightning_iit.capture.perturb.options import PerturbOptions
    from lightning_iit.capture.perturb.stepper import Observations, Stepper
    from lightning_iit.records import Counts

_LOWER_LEVEL = (
    "A lower level of the layer was perturbed, whose units the layer's output does not show: what was watched, and what the "
    "units were chosen by, are the units of the last level with the same numbers."
)
"""The note on a perturbed lower level of stacked recurrent layers."""


@dataclass
class _Watched:
    """Holds a layer that can be stepped, its stepper and its kept calls."""

    module: nn.Module
    stepper: Stepper
    reservoir: Reservoir
    handle: AttachedHook | None = field(default=None)
    observed: tuple[int, Observations | None] | None = None
    """The number of the layer's calls at which the observations were made, and the observations (None where no step was seen)."""


class Perturber:
    """Perturbs the layers of a run that can be stepped.

    Args:
        model: the model that has the layers.
        layers: the names of the layers.
        options: how TPMs are made.

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
        """Returns the names of the layers that are perturbed."""
        return tuple(self._watched)

    @property
    def among(self) -> dict[str, range]:
        """Returns, for bidirectional layers, the range of unit indices of the direction that is perturbed.

        Layers in which all units are perturbed are not in the mapping.
        """
        found = {name: watched.stepper.among for name, watched in self._watched.items()}
        return {name: among for name, among in found.items() if among is not None}

    def check(self, capture: CaptureOptions) -> None:
        """Checks the options of the capture against the layers that are perturbed.

        Raises:
            InvalidArgumentError: given units are outside the direction that is perturbed; or a lower level is perturbed, while
                clusters of units or frozen thresholds would come from the layer's output, which shows only the last level.
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
        """Hooks the layers of this model, in place of any earlier model.

        Args:
            model: the model, or a copy of it.
            gate: decides which calls count; None for all calls.
        """
        self.detach()
        self._find(model)
        for watched in self._watched.values():
            watched.handle = watched.reservoir.attach(watched.module, gate)

    def detach(self) -> None:
        """Removes all hooks."""
        for watched in self._watched.values():
            if watched.handle is not None:
                watched.handle.remove()
                watched.handle = None

    def end_step(self) -> None:
        """Ends a step: the next call of a layer is the first of a new step."""
        for watched in self._watched.values():
            watched.reservoir.step_calls.end_step()

    def begin_epoch(self) -> None:
        """Starts an epoch: forgets the calls and observations of the last epoch."""
        for watched in self._watched.values():
            watched.reservoir.clear()
            watched.observed = None

    def observed(self, captured: LayerEpoch) -> LayerEpoch:
        """Returns the capture of a layer with the thresholds and states that a perturbation uses.

        Thresholds that are not frozen are calibrated again, on the states that the layer goes through with its weights at the end
        of the epoch: with the thresholds of the start of the epoch a unit may by now be always OFF, and the output does not show
        the values of a lower level. Only states in which the layer was observed with the new thresholds may be analysed (``seen``).
        The capture is returned unchanged where the layer is not perturbed, was not observed, or cannot be stepped (:meth:`perturb`
        then gives the reason).

        Args:
            captured: the capture of the epoch that ends.
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
        except Exception:  # noqa: BLE001  a user's step may raise anything; perturb() reports the error
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
        """Computes the element values ``[row, element]`` of a layer in the states in which the layer was observed.

        Args:
            captured: the capture of the epoch that ends.

        Returns:
            The values; None where the layer is not perturbed or was not observed.
        """
        watched = self._watched.get(captured.layer)
        observations = None if watched is None else self._observe(watched)
        if watched is None or captured.units is None or observations is None:
            return None
        return observed_values(observations, watched.stepper, Coding.of(captured.units))

    def perturb(self, captured: LayerEpoch, state: tuple[int, ...] | None) -> tuple[Counts, Perturbation] | Skipped | None:
        """Makes the causal counts of a layer, with the units and thresholds of its capture.

        Args:
            captured: the capture of the epoch that ends, as :meth:`observed` returned it.
            state: the analysed state, at which a "fixed" background is held.

        Returns:
            The counts (as many draws after each of the 2^n states) and how they were made; Skipped with the reason where the layer
            could not be perturbed; None where the layer is not to be perturbed.
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
        """Returns the observations of a layer, made once in an epoch, because the layer's sequences must be run again for them."""
        calls = watched.reservoir.calls
        if watched.observed is None or watched.observed[0] != watched.reservoir.seen:
            found = observe(watched.module, watched.stepper, calls, seed=self._options.seed)
            watched.observed = (watched.reservoir.seen, found)
        return watched.observed[1]

    def _connectivity(self, watched: _Watched, coding: Coding) -> tuple[tuple[int, ...], ...] | None:
        """Returns the connectivity matrix of the elements; None where all are connected to all."""
        if self._options.cm == "full":
            return None
        columns = weight_connectivity(watched.module, watched.stepper, coding.columns, hidden_only=self._options.hidden_only)
        return coding.connected(columns)

    def _find(self, model: nn.Module) -> None:
        """Finds the layers of the model that can be stepped, each with an empty reservoir."""
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
    """Returns the capture's notes without dead units (found in watched counts), and with a note if a lower level is perturbed."""
    of_watched = set() if captured.units is None or captured.counts is None else set(dead_units(captured.units, captured.counts))
    notes = tuple(note for note in captured.notes if note not in of_watched)
    return notes if stepper.shown else (*notes, _LOWER_LEVEL)
