"""Causal TPMs for the layers of a run: keeps some calls of each layer, and perturbs the layer at the end of an epoch."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lightning_iit.capture.choose.layers import find_layers
from lightning_iit.capture.count.binarize import needs_data
from lightning_iit.capture.perturb.allowance import Allowance
from lightning_iit.capture.perturb.cells import WeightsCopy
from lightning_iit.capture.perturb.job import PerturbJob
from lightning_iit.capture.perturb.reservoir import WANTED_ROWS, Reservoir
from lightning_iit.capture.perturb.steps import step_for
from lightning_iit.capture.preserved import preserved, unwrapped
from lightning_iit.capture.sharded import is_spread, spread_words
from lightning_iit.errors import InvalidArgumentError, StepError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from torch import Tensor, nn

    from lightning_iit.capture.count.epoch import LayerEpoch
    from lightning_iit.capture.hooks.attached import AttachedHook
    from lightning_iit.capture.hooks.gate import Gate
    from lightning_iit.capture.options import CaptureOptions
    from lightning_iit.capture.perturb.options import PerturbOptions
    from lightning_iit.capture.perturb.stepper import Stepper
    from lightning_iit.records import Counts, Perturbation, Skipped


@dataclass
class _Watched:
    """Holds a layer that can be stepped, its stepper and its kept calls."""

    module: nn.Module
    stepper: Stepper
    reservoir: Reservoir
    handle: AttachedHook | None = field(default=None)
    job: tuple[int, PerturbJob] | None = None
    """The number of the layer's calls at which a job was made, and the job."""


class Perturber:
    """Perturbs the layers of a run that can be stepped.

    Args:
        model: the model that has the layers.
        layers: the names of the layers.
        options: how TPMs are made.
        source: which source is perturbed: 0 is a layer's first call on a batch.

    Attributes:
        limited: whether the work of layers is limited that must be stepped on the thread that trains. To be set False where nothing
            is trained.

    Raises:
        InvalidArgumentError: ``tpm="perturb"`` for a layer whose step is not known.
    """

    def __init__(self, model: nn.Module, layers: Sequence[str], options: PerturbOptions, *, source: int = 0) -> None:
        self._options = options
        self._source = source
        self._layers = tuple(layers)
        self._watched: dict[str, _Watched] = {}
        self._steps = 0
        self.limited: bool = True
        self._find(model)
        stepped = [name for name, watched in self._watched.items() if not hasattr(watched.stepper, "weights")]
        self._allowances = {name: Allowance(len(stepped)) for name in stepped}
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
        self._steps += 1
        for watched in self._watched.values():
            watched.reservoir.end_step()

    def begin_epoch(self, batches: float = 0) -> None:
        """Starts an epoch: forgets the calls of the last epoch.

        Args:
            batches: how many batches the epoch has; infinite where not known.
        """
        self._steps = 0
        for allowance in self._allowances.values():
            allowance.begin_epoch(batches)
        for watched in self._watched.values():
            watched.reservoir.clear()
            watched.job = None

    def share_allowances(self, other: Perturber) -> None:
        """Has layers cost the same here as with another perturber of the same run, since both are compared."""
        self._allowances = other._allowances

    def state_dict(self) -> dict[str, int]:
        """Returns what a resumed run must keep: how many rows each layer may be stepped by, where that is known."""
        return {name: allowance.rows for name, allowance in self._allowances.items() if allowance.rows is not None}

    def load_state_dict(self, state: Mapping[str, int]) -> None:
        """Restores what :meth:`state_dict` returned, for the layers that are perturbed now."""
        for name, rows in state.items():
            if name in self._allowances:
                self._allowances[name].rows = rows

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
        job = self.job(captured.layer)
        return captured if job is None else job.observed(captured)

    def values(self, captured: LayerEpoch) -> Tensor | None:
        """Computes the element values ``[row, element]`` of a layer in the states in which the layer was observed.

        Args:
            captured: the capture of the epoch that ends.

        Returns:
            The values; None where the layer is not perturbed or was not observed.
        """
        job = self.job(captured.layer)
        return None if job is None else job.values(captured)

    def perturb(self, captured: LayerEpoch, state: tuple[int, ...] | None) -> tuple[Counts, Perturbation] | Skipped | None:
        """Makes the causal counts of a layer, with the units and thresholds of its capture.

        Args:
            captured: the capture of the epoch that ends, as :meth:`observed` returned it.
            state: the analysed state, at which a "fixed" background is held.

        Returns:
            The counts (as many draws after each of the 2^n states) and how they were made; Skipped with the reason where the layer
            could not be perturbed; None where the layer is not to be perturbed.
        """
        job = self.job(captured.layer)
        return None if job is None or captured.units is None or captured.thresholds is None else job.perturb(captured, state)

    def job(self, layer: str) -> PerturbJob | None:
        """Returns the perturbation of a layer with its weights and kept calls of now; None where the layer is not perturbed.

        For torch's own recurrent layers and cells the weights are copied, so that the job may run in another thread. While the
        layer is not called again, the same job is returned, because its sequences must be run again for each new one.
        """
        watched = self._watched.get(layer)
        if watched is None:
            return None
        if watched.job is None or watched.job[0] != watched.reservoir.seen:
            module = unwrapped(watched.module)
            spread = is_spread(module)
            if hasattr(watched.stepper, "weights") and not spread:
                with preserved(module):
                    module = WeightsCopy(module)
            try:
                calls, broken = ((), spread_words(layer)) if spread else (watched.reservoir.calls, "")
            except StepError as error:
                calls, broken = (), str(error)
            job = PerturbJob(layer, module, watched.stepper, calls, self._options, broken=broken)
            if self.limited and layer in self._allowances:
                job.limit(self._allowances[layer], watched.reservoir.rows_seen, self._steps)
            watched.job = watched.reservoir.seen, job
        return watched.job[1]

    def _find(self, model: nn.Module) -> None:
        """Finds the layers of the model that can be stepped, each with an empty reservoir."""
        options = self._options
        if options.tpm == "observe":
            return
        found = {}
        for layer in find_layers(model, self._layers):
            stepper = step_for(layer.module, step=options.step, level=options.level, direction=options.direction)
            if stepper is not None:
                rows = max(WANTED_ROWS, options.draws or 0)
                reservoir = Reservoir(rows=rows, with_output=stepper.needs_outputs, seed=options.seed, source=self._source)
                found[layer.name] = _Watched(layer.module, stepper, reservoir)
        self._watched = found
