"""All that is watched on the training side: the states of the layers' units, some of their calls, and the network's picture."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lightning_iit.capture.count.session import Capture
from lightning_iit.capture.depth.capture import DepthCapture
from lightning_iit.capture.depth.perturb import DepthPerturber
from lightning_iit.capture.hooks.gate import Switch
from lightning_iit.capture.perturb.perturber import Perturber
from lightning_iit.errors import InvalidArgumentError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from torch import nn

    from lightning_iit.capture.count.epoch import LayerEpoch
    from lightning_iit.capture.hooks.gate import Gate
    from lightning_iit.capture.options import CaptureOptions
    from lightning_iit.capture.perturb.options import PerturbOptions
    from lightning_iit.snapshot.writer import SnapshotWriter


class Watch:
    """Watches the layers of a model over steps and epochs.

    Args:
        model: where the layers are.
        capture: which layers and units, and how states are read.
        causal: how causal TPMs are made.
        snapshots: of the network; None for none (and on ranks other than the first).
        pool_depth: with depth as the axis, one TPM for all blocks.

    Raises:
        InvalidArgumentError: an option that does not fit the model.
    """

    def __init__(
        self,
        model: nn.Module,
        capture: CaptureOptions,
        causal: PerturbOptions,
        snapshots: SnapshotWriter | None = None,
        *,
        pool_depth: bool = False,
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
            self.capture = Capture(model, capture)
            self.perturber = Perturber(model, self.capture.layers, causal.over(capture.lag))
            self.perturber.check(capture)
            self.capture.restrict(self.perturber.among)
        self.snapshots = snapshots
        self._snapshot_batch: float = -1
        self._switch = Switch()
        self._gate: Gate = self._switch

    @property
    def layers(self) -> tuple[str, ...]:
        """The names of the layers, in order."""
        return self.capture.layers

    def attach(self, model: nn.Module, gate: Gate | None = None) -> None:
        """Hooks this model, or a copy of it, in place of any other.

        Args:
            model: which.
            gate: says when calls count; None for one that :meth:`begin_step` opens and :meth:`end_step` closes.
        """
        self._gate = gate or self._switch
        self.capture.attach(model, self._gate)
        self.perturber.attach(model, self._gate)
        if self.snapshots is not None:
            self.snapshots.begin(model)

    def detach(self) -> None:
        """Takes every hook away."""
        self.capture.detach()
        self.perturber.detach()
        if self.snapshots is not None:
            self.snapshots.after_batch()

    def begin_epoch(self, batches: float, *, initial: bool = False) -> None:
        """Starts an epoch of so many batches; ``initial`` for the untrained network."""
        # The second batch, since the analysed units are known only after the first.
        self._snapshot_batch = min(1, batches - 1) if self.snapshots is not None else -1
        self.capture.begin_epoch(batches, initial=initial)
        self.perturber.begin_epoch()
        if self._snapshot_batch == 0:
            self._begin_snapshot()

    def begin_step(self) -> None:
        """From here on calls of the layers count; not needed with a gate that knows by itself."""
        self._switch.open = True

    def end_step(self, index: int) -> None:
        """A step has ended, after which calls do not count."""
        self._switch.open = False
        self.capture.end_step()
        if index <= self._snapshot_batch:
            if index == self._snapshot_batch and self.snapshots is not None:
                self.snapshots.after_batch()
            elif index == self._snapshot_batch - 1:
                self._begin_snapshot()

    def _begin_snapshot(self) -> None:
        if self.snapshots is not None:
            self.snapshots.before_batch(self._units(), self._gate)

    def end_epoch(self) -> tuple[LayerEpoch, ...]:
        """What was captured of each layer, over all ranks."""
        return self.capture.end_epoch()

    def state_dict(self) -> dict[str, Any]:
        """What a resumed run must have the same."""
        return self.capture.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Takes over what :meth:`state_dict` gave."""
        self.capture.load_state_dict(state)

    def _units(self) -> Mapping[str, Sequence[int]]:
        layers = self.capture.state_dict()["layers"]
        return {name: layer["units"]["indices"] for name, layer in layers.items() if layer["units"]}
