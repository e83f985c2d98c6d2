"""Lesions of the units of a record: what the network loses without them, and without either side of their minimum partition."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from lightning_iit.errors import IITError
from lightning_iit.records.lesions.record import LesionRecord
from lightning_iit.records.lesions.sides import lesioned_units
from lightning_iit.watch.lesions import lesion

if TYPE_CHECKING:
    from collections.abc import Iterable

    from torch import nn

    from lightning_iit.capture.perturb.steps import StepFunction
    from lightning_iit.records import EpochRecord
    from lightning_iit.records.lesions.record import SetTo
    from lightning_iit.watch.lesions import Metric


def with_lesions(
    record: EpochRecord,
    model: nn.Module,
    batches: Iterable[Any],
    *,
    to: SetTo,
    metric: Metric | None,
    seed: int,
    step: StepFunction | None,
    layout: str | None,
) -> EpochRecord:
    """Returns a record with the lesions of its units, and of the sides of the minimum partition in its first state.

    A lesion that cannot be measured is a note of the record, with the reason.

    Args:
        record: the record, with its result.
        model: the network.
        batches: gives the same batches each time it is read.
        to: what the units are set to.
        metric: what the network is measured by; None for its own loss and what it logs.
        seed: of the control sets.
        step: a step of a recurrent layer that is not PyTorch's own.
        layout: the axes of the layer's output.
    """
    if record.units is None:
        return record
    found, notes = [], list(record.notes)
    for part, units in lesioned_units(record.units, record.result).items():
        try:
            one = lesion(model, batches, record.layer, units, metric=metric, to=to, seed=seed, step=step, layout=layout)
        except IITError as error:
            notes.append(f"No lesion of {part} ({', '.join(map(str, units))}): {error}")
        else:
            named = msgspec.structs.asdict(one) | {"part": part}
            found.append(LesionRecord(**named))
    return msgspec.structs.replace(record, lesions=tuple(found), notes=tuple(notes))
