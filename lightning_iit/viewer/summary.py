"""A stored record in short, whatever state it is in."""

from __future__ import annotations

import math
from typing import get_args

from lightning_iit.errors import RecordError
from lightning_iit.records import Computed, EpochRecord, decode
from lightning_iit.records.store import record_name
from lightning_iit.viewer.protocol import IndexRow, Status

MAX_BYTES = 16_000_000
"""A larger record is not read: nothing that this package writes comes near it."""


def summarise(data: bytes, *, layer: str, epoch: int, version: str) -> IndexRow:
    """The index row of a record's bytes; ``layer`` and ``epoch`` name it where the bytes cannot."""
    try:
        return row_of(decode(data), version=version)
    except RecordError as error:
        return corrupt(str(error), layer=layer, epoch=epoch, version=version)


def corrupt(reason: str, *, layer: str, epoch: int, version: str) -> IndexRow:
    """The row of a record that cannot be read."""
    return IndexRow(layer=layer, epoch=epoch, status="corrupt", version=version, reason=reason)


def too_large(size: int) -> str:
    """Why a record of this many bytes is not read."""
    return f"The record has {size:,} bytes; at most {MAX_BYTES:,} are read."


def row_of(record: EpochRecord, *, version: str) -> IndexRow:
    """The index row of a record."""
    values = [state.result.phi for state in record.states if isinstance(state.result, Computed)]
    phi = record.phi
    if phi is not None and not values:
        values = [phi]
    tag = str(type(record.result).__struct_config__.tag)
    status: Status = tag if tag in get_args(Status) else "failed"  # type: ignore[assignment]
    return IndexRow(
        layer=record.layer,
        epoch=record.epoch,
        status=status,
        version=version,
        file=record_name(record.layer, record.epoch),
        reason=record.result.reason,
        global_step=record.global_step,
        wall_time=record.wall_time,
        kind=record.kind,
        axis=record.axis,
        engine=_engine(record),
        phi=phi,
        mean=record.scalars.get("phi_mean", math.fsum(values) / len(values)) if values else None,
        maximum=record.scalars.get("phi_max", max(values)) if values else None,
        null_upper=record.null.upper if record.null else None,
        transitions=record.counts.transitions if record.counts else None,
        coverage=sum(record.tpm.visited) / max(1, len(record.tpm.visited)) if record.tpm else None,
        units=len(record.units.indices) if record.units else None,
    )


def _engine(record: EpochRecord) -> str:
    if isinstance(record.result, Computed):
        return f"{record.result.engine.name} {record.result.engine.version}"
    return record.provenance.engine
