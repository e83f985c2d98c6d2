"""A lesion that somebody asks for while training goes on, measured on validation batches that the trainer has handed over."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from lightning_iit.capture.count.ranks import gather
from lightning_iit.capture.held import Held
from lightning_iit.errors import IITError
from lightning_iit.records.lesions.record import LesionMeasure
from lightning_iit.run.commands.steering import Refused
from lightning_iit.watch.batches import KeptBatches
from lightning_iit.watch.lesions import measured_lesion, own_measure
from lightning_iit.watch.silent import without_a_trace
from lightning_iit.watch.untrained import is_sharded

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lightning.pytorch import LightningModule, Trainer

    from lightning_iit.records.lesions.record import LesionRecord
    from lightning_iit.records.steering.commands import Command

_SAMPLES = 2048
"""No batch is kept any more once more samples than this are kept."""


class ValidationBatches:
    """Keeps copies of the first validation batches of a training, until there are enough of them or they take 64 MiB.

    Those of Lightning's check before training are kept until a whole validation was made.
    """

    def __init__(self) -> None:
        self._kept = KeptBatches(_SAMPLES)
        self._open = False
        self._whole = False

    def __len__(self) -> int:
        return len(self._kept)

    def __iter__(self) -> Iterator[Any]:
        """Yields the batches, made again on their own device."""
        return (batch for _, batch in self._kept.made())

    def begin(self, *, check: bool) -> None:
        """Begins a validation; ``check`` is Lightning's check before training."""
        self._open = not self._whole
        if self._open:
            self._kept, self._whole = KeptBatches(_SAMPLES), not check

    def keep(self, batch: Any, index: int) -> None:
        """Keeps a copy of a batch before its step."""
        if self._open:
            self._kept.keep(batch, index)


@dataclass(frozen=True)
class Lesions:
    """Measures lesions of the module of a training, and restores everything.

    Args:
        trainer: the trainer, between two steps.
        module: its module.
        batches: the validation batches.
    """

    trainer: Trainer
    module: LightningModule
    batches: ValidationBatches

    def of(self, command: Command, layer: str) -> LesionRecord:
        """Measures the lesion that a command asks for: each rank on its own batches, and all get that of all batches.

        Every rank must call this method. Where units are set to their mean, it is that over the batches of the rank.

        Raises:
            Refused: no units are given, no batch was kept, the parameters are spread over ranks, or the lesion cannot be made.
        """
        found: LesionRecord | None = None
        why = ""
        try:
            found = self._own(command, layer)
        except Refused as error:
            why = str(error)
        except Exception as error:  # noqa: BLE001  a user's step may raise anything, and the other ranks wait for this one
            why = f"it failed ({type(error).__name__}: {error})."
        ranks = gather((found, why))
        if why := next(filter(None, (one for _, one in ranks)), ""):
            raise Refused(why)
        return of_all_ranks([one for one, _ in ranks if one is not None])

    def _own(self, command: Command, layer: str) -> LesionRecord:
        """Measures a lesion on the batches of this rank.

        Raises:
            Refused: see :meth:`of`.
        """
        if not command.units:
            msg = "say which units, as in --units 0,1."
            raise Refused(msg)
        if not len(self.batches):
            msg = (
                "a lesion is measured on validation batches, and this training has handed over none that could be kept so far; ask "
                "again after its first validation."
            )
            raise Refused(msg)
        if is_sharded(self.trainer, self.module):
            msg = "the parameters are spread over the ranks, so that no rank can run the network by itself."
            raise Refused(msg)
        before = Held(self.module, parameters=True, device="cpu")
        try:
            with warnings.catch_warnings(), without_a_trace(self.trainer, self.module, before):
                warnings.simplefilter("ignore")
                return measured_lesion(
                    *(self.module, self.batches, layer, command.units),
                    measure=own_measure(self.module),
                    to=command.to or "mean",
                    context=self.trainer.precision_plugin.val_step_context,
                )
        except IITError as error:
            raise Refused(str(error)) from error


def of_all_ranks(found: Sequence[LesionRecord]) -> LesionRecord:
    """Returns the lesion on the batches of all ranks, from that on those of each: means over all samples."""
    samples = [one.samples for one in found]

    def mean(values: Sequence[float]) -> float:
        return sum(number * value for number, value in zip(samples, values, strict=True)) / sum(samples)

    measures = [
        LesionMeasure(
            name=ranks[0].name,
            before=mean([one.before for one in ranks]),
            after=mean([one.after for one in ranks]),
            controls=tuple(mean(values) for values in zip(*(one.controls for one in ranks), strict=True)),
        )
        for ranks in zip(*(one.measures for one in found), strict=True)
    ]
    return found[0] if len(found) == 1 else msgspec.structs.replace(found[0], samples=sum(samples), measures=tuple(measures))
