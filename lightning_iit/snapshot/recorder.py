"""Records snapshots of a network: sampled units, their activations in one batch, and their strongest weights.

The training thread pays for one watched batch each epoch (hooks that copy a few hundred numbers each) and for
:meth:`SnapshotRecorder.draft` (copies of small parts of the weights). Sorting and encoding happen in
:meth:`SnapshotDraft.build`, which any thread may call. Nothing here runs the model, draws from a global random generator or
changes a module.
"""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from lightning_iit.capture.hooks.gate import Switch
from lightning_iit.capture.layer_kinds import kind_of
from lightning_iit.errors import InvalidArgumentError
from lightning_iit.records import NetworkBlock
from lightning_iit.snapshot.batch import WatchedBatch
from lightning_iit.snapshot.blocks import block_of
from lightning_iit.snapshot.draft import DraftConnections, SnapshotDraft
from lightning_iit.snapshot.layers import input_weights, recurrent_weights
from lightning_iit.snapshot.sampling import MAX_UNITS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from lightning_iit.capture.hooks.gate import Gate
    from lightning_iit.records import NetworkSnapshot
    from lightning_iit.snapshot.dataflow import Source

_MIN_BUDGET = 2_000


class SnapshotRecorder:
    """Watches one batch of a model through forward hooks and makes snapshots of the model.

    The activations are those of the first samples of the watched batch. With shuffled training data each epoch shows other
    samples: showing the same ones would need one more run of the model, which would disturb its training.

    Args:
        model: the module that is trained.
        units: the analysed units of each analysed layer, by module name; the snapshot always contains these units.
            :meth:`analyse` can add layers later.
        budget: the largest size of a snapshot's JSON, in bytes.
        max_units: the largest number of units sampled in one layer; networks with many layers get fewer.
        samples: the largest number of samples of the watched batch whose activations are kept.
        steps: the largest number of steps kept of each sample's sequence.
        connections: the largest number of weights kept for each pair of layers (the strongest ones).
        seed: the seed for the choice of the sampled units; use one seed for the whole run.

    Raises:
        InvalidArgumentError: the budget is below 2,000 bytes.

    Example::

        recorder = SnapshotRecorder(model, units={"hidden": (3, 5, 8)})
        with recorder.watch():
            model(batch)
        snapshot = recorder.snapshot(epoch=0, global_step=100)
    """

    def __init__(
        self,
        model: nn.Module,
        *,
        units: Mapping[str, Sequence[int]] | None = None,
        budget: int = 200_000,
        max_units: int = MAX_UNITS,
        samples: int = 6,
        steps: int = 12,
        connections: int = 400,
        seed: int = 0,
    ) -> None:
        if budget < _MIN_BUDGET:
            msg = f"budget={budget}: a network snapshot needs at least {_MIN_BUDGET} bytes; give more, or switch snapshots off."
            raise InvalidArgumentError(msg)
        self._model = model
        self._units = {name: tuple(indices) for name, indices in (units or {}).items()}
        self._budget, self._connections = budget, connections
        self._options = {"max_units": max_units, "samples": samples, "steps": steps, "seed": seed}
        self._batch = WatchedBatch(model, self._units, **self._options)

    def analyse(self, layer: str, indices: Sequence[int]) -> None:
        """Sets the analysed units of a layer, which are then always sampled and marked in the snapshot."""
        self._units[layer] = tuple(indices)

    @contextmanager
    def watch(self) -> Iterator[None]:
        """Watches every call of the model inside a ``with`` block: attaches the hooks, and detaches them at the end."""
        self.attach()
        try:
            yield
        finally:
            self.detach()

    def attach(self, gate: Gate | None = None) -> None:
        """Puts forward hooks on the layers and forgets the earlier batch. Compiled modules get no hooks.

        Args:
            gate: only calls while the gate is open are recorded; None records all calls.
        """
        self.detach()
        self._batch = WatchedBatch(self._model, self._units, **self._options)
        self._batch.attach(gate or Switch(open=True))

    def detach(self) -> None:
        """Removes the hooks; may be called at any time."""
        self._batch.detach()

    def draft(self, *, epoch: int, global_step: int) -> SnapshotDraft:
        """Copies everything that a snapshot needs. Call this on the training thread after a watched batch.

        Args:
            epoch: the epoch that the snapshot shows.
            global_step: the trainer's global step.
        """
        seen = self._batch
        pairs: list[DraftConnections] = []
        for (_, target), way in seen.edges.items():
            self._copy(pairs, target, way)
        for index in seen.modules:
            self._copy(pairs, index, None)
        inside = {name: [at for at, layer in enumerate(seen.layers) if block_of(layer.spec.name, [name])] for name in seen.blocks}
        blocks = [
            NetworkBlock(name=name, kind=kind, layers=tuple(inside[name])) for name, kind in seen.blocks.items() if inside[name]
        ]
        notes = list(dict.fromkeys(seen.notes))
        if not seen.layers:
            notes.append("No layer was seen in the watched batch.")
        return SnapshotDraft(
            epoch=epoch,
            global_step=global_step,
            wall_time=time.time(),
            layers=tuple(seen.layers),
            connections=tuple(pairs),
            flows=tuple(seen.edges),
            blocks=tuple(blocks),
            notes=tuple(notes),
            budget=self._budget,
            keep=self._connections,
        )

    def snapshot(self, *, epoch: int, global_step: int) -> NetworkSnapshot:
        """Returns the snapshot at once: :meth:`draft` followed by :meth:`SnapshotDraft.build`."""
        return self.draft(epoch=epoch, global_step=global_step).build()

    def _copy(self, pairs: list[DraftConnections], target: int, way: Source | None) -> None:
        """Copies the weights between the sampled units of two layers, or within one, and appends them to ``pairs``."""
        module, after = self._batch.modules.get(target), self._batch.layers[target]
        source = target if way is None or way.layer is None else way.layer
        before = self._batch.layers[source]
        if module is None:
            return
        try:
            device = next(module.parameters()).device
            to = torch.tensor(after.indices, device=device)
            if way is None:
                found = recurrent_weights(module, to)
            else:
                incoming = self._incoming(target, module, to)
                units = torch.tensor(before.indices, device=device)
                found = None if incoming is None else input_weights(incoming, units, before.spec.width, way)
        except Exception as error:  # noqa: BLE001  # sharded or quantised weights: the picture shows no connections then
            self._batch.notes.append(f"{after.spec.name}: its weights cannot be read ({type(error).__name__}: {error}).")
            return
        if found is not None:
            of, weights = found
            copied = weights.to(device="cpu", dtype=torch.float32, copy=True)
            pairs.append(DraftConnections(source, target, of, before.spec.width * after.spec.width, copied))

    def _incoming(self, index: int, module: nn.Module, to: Tensor) -> tuple[str, Tensor] | None:
        """Reads the weights that come into some units of a layer."""
        weight = self._batch.affine.get(index)
        if weight is not None:
            return "weight", weight.detach()[to]
        read = kind_of(module).weights_in
        return None if read is None else read(module, to)
