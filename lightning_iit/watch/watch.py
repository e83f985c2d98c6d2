"""All that is watched of a model in training: the states of layers' units, some calls of the layers, and network snapshots."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lightning.pytorch.utilities import rank_zero_warn

from lightning_iit.capture.count.session import Capture
from lightning_iit.capture.depth.capture import DepthCapture
from lightning_iit.capture.depth.perturb import DepthPerturber
from lightning_iit.capture.hooks.gate import Switch
from lightning_iit.capture.perturb.perturber import Perturber
from lightning_iit.capture.whole import with_series
from lightning_iit.errors import InvalidArgumentError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from torch import nn

    from lightning_iit.capture.count.epoch import LayerEpoch
    from lightning_iit.capture.hooks.gate import Gate
    from lightning_iit.capture.options import CaptureOptions
    from lightning_iit.capture.perturb.options import PerturbOptions
    from lightning_iit.capture.whole import WholeActivations
    from lightning_iit.snapshot.writer import SnapshotWriter


class Watch:
    """Watches the layers of a model over steps and epochs.

    Args:
        model: the model that has the layers.
        capture: which layers and units, and how states and transitions are made.
        causal: how causal TPMs are made.
        snapshots: writes snapshots of the network; None for no snapshots (as on all ranks but the first).
        pool_depth: with depth as the axis, make one TPM for all blocks together.
        whole: records all units of the layers too, in passes with fixed weights; None for no measures of whole layers.

    Attributes:
        capture: records states and counts transitions.
        perturber: makes causal TPMs at the end of an epoch.
        snapshots: writes snapshots of the network, or None.

    Raises:
        InvalidArgumentError: an option does not fit the model or another option.
    """

    def __init__(
        self,
        model: nn.Module,
        capture: CaptureOptions,
        causal: PerturbOptions,
        snapshots: SnapshotWriter | None = None,
        *,
        pool_depth: bool = False,
        whole: WholeActivations | None = None,
    ) -> None:
        self.capture: Capture | DepthCapture
        self.perturber: Perturber | DepthPerturber
        if pool_depth and capture.transitions != "depth":
            msg = "pool_depth=True: one TPM for all blocks is for transitions='depth'. Ask for these, or leave it out."
            raise InvalidArgumentError(msg)
        if capture.transitions == "depth":
            causal.check_for_depth()
            self.capture = DepthCapture(model, capture, pooled=pool_depth)
            self.perturber = DepthPerturber(self.capture, causal)
        else:
            self.capture = Capture(model, capture, stepped=causal.step is not None)
            self.perturber = Perturber(model, self.capture.layers, causal.over(capture.lag), source=capture.source)
            self.perturber.check(capture)
            self.capture.restrict(self.perturber.among)
            self.capture.count_first_only(self.perturber.layers)
        self.snapshots = snapshots
        self._whole = whole
        self._snapshot_batch: float = -1
        self._switch = Switch()
        self._gate: Gate = self._switch

    @property
    def layers(self) -> tuple[str, ...]:
        """Returns the names of the layers, in order."""
        return self.capture.layers

    def attach(self, model: nn.Module, gate: Gate | None = None) -> None:
        """Hooks this model, or a copy of it, in place of any other model.

        Args:
            model: the model or the copy.
            gate: decides which calls count; None for a gate that :meth:`begin_step` opens and :meth:`end_step` closes.
        """
        self._gate = gate or self._switch
        self.capture.attach(model, self._gate)
        self.perturber.attach(model, self._gate)
        if self._whole is not None:
            self._whole.attach(model)
        if self.snapshots is not None:
            self.snapshots.begin(model)

    def detach(self) -> None:
        """Removes all hooks."""
        self.capture.detach()
        self.perturber.detach()
        if self._whole is not None:
            self._whole.detach()
        if self.snapshots is not None:
            self.snapshots.after_batch()

    def begin_epoch(self, batches: float, *, initial: bool = False) -> None:
        """Starts an epoch.

        Args:
            batches: how many batches the epoch has; infinite where not known.
            initial: whether the network is untrained.
        """
        # The second batch, since the analysed units are known only after the first.
        self._snapshot_batch = min(1, batches - 1) if self.snapshots is not None else -1
        self.capture.begin_epoch(batches, initial=initial)
        self.perturber.begin_epoch(batches)
        if self._whole is not None:
            self._whole.begin()
        if self._snapshot_batch == 0:
            self._begin_snapshot()

    def begin_step(self) -> None:
        """Starts a step, in which calls of the layers count. Not needed where ``attach`` was given a gate."""
        self._switch.open = True
        if self._whole is not None:
            self._whole.begin_step()

    def end_step(self, index: int) -> None:
        """Ends a step; calls of the layers do not count until the next step.

        Args:
            index: the index of the step's batch in the epoch.
        """
        self._switch.open = False
        self.capture.end_step()
        self.perturber.end_step()
        if self._whole is not None:
            self._whole.end_step()
        if index <= self._snapshot_batch:
            if index == self._snapshot_batch and self.snapshots is not None:
                self.snapshots.after_batch()
            elif index == self._snapshot_batch - 1:
                self._begin_snapshot()

    def _begin_snapshot(self) -> None:
        """Starts recording the next batch for a snapshot of the network."""
        if self.snapshots is not None:
            self.snapshots.before_batch(self.analysed_units(), self._gate)

    def fail(self, error: Exception) -> None:
        """Gives up what was captured in this epoch; the result of each layer then has the exception as its problem."""
        self.capture.fail(error)

    def end_epoch(self) -> tuple[LayerEpoch, ...]:
        """Ends the epoch and returns the capture of each layer, over all ranks."""
        captured = self.capture.end_epoch()
        return captured if self._whole is None else with_series(captured, self._whole.series())

    def so_far(self) -> tuple[LayerEpoch, ...]:
        """Returns what was captured so far in this epoch, over all ranks; the epoch goes on as if nobody had asked.

        Returns:
            The capture of each layer; none at all while the units of some layer are not chosen yet.
        """
        return self.capture.so_far()

    def take_units(self, other: Watch, *, frozen: bool = False) -> None:
        """Continues with the units that another watch of the same layers has chosen, and with thresholds of its own.

        Args:
            other: the other watch.
            frozen: whether thresholds that the other watch keeps for all epochs are taken over too.
        """
        mine: Any = self.capture  # of the same class as the other's, since both were made with the same options
        mine.take_units(other.capture, frozen=frozen)
        if isinstance(self.perturber, Perturber) and isinstance(other.perturber, Perturber):
            self.perturber.share_allowances(other.perturber)

    def state_dict(self) -> dict[str, Any]:
        """Returns as plain data the units and thresholds that a resumed run must keep."""
        state: dict[str, Any] = self.capture.state_dict()
        rows = self.perturber.state_dict()
        return state | {"stepped_rows": rows} if rows else state

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restores the units and thresholds that :meth:`state_dict` returned.

        Warns of each layer of which other units are asked for now, and of each that cannot be restored.
        """
        self.perturber.load_state_dict(state.get("stepped_rows", {}))
        for layer, words in self.capture.load_state_dict(state).items():
            rank_zero_warn(f"IITCallback, layer {layer!r}: {words}")

    def analysed_units(self) -> Mapping[str, Sequence[int]]:
        """Returns the indices of the analysed units of each layer that has chosen its units."""
        layers = self.capture.state_dict()["layers"]
        return {name: layer["units"]["indices"] for name, layer in layers.items() if layer["units"]}
