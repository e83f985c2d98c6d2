"""Summarises stored records as index rows, including records that cannot be read."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any, get_args

import msgspec

from lightning_iit.errors import RecordError
from lightning_iit.records import Computed, EpochRecord, SystemPhi, decode
from lightning_iit.records.disk.open_records import INTERRUPTED
from lightning_iit.records.names import record_name
from lightning_iit.report.report import verdict
from lightning_iit.viewer.protocol import FormalismRow, IndexRow, NetworkRow, RunIndex, Status

if TYPE_CHECKING:
    from collections.abc import Iterable

_BETWEEN_SENTENCES = re.compile(r"(?<=[.:]) (?=[^\W\d_])")
MAX_BYTES = 16_000_000
"""The size above which a record is not read, in bytes; no record of this package comes near."""


def summarise(data: bytes, *, layer: str, epoch: int, version: str, step: int | None = None) -> IndexRow:
    """Returns the index row of a record; a record that cannot be read gets the status "corrupt" and the reason.

    Args:
        data: the record's JSON bytes.
        layer: the layer's name, for a record that cannot be read.
        epoch: the epoch, for a record that cannot be read.
        version: the row's version, a text that changes with the record.
        step: the step within the epoch, for a record that cannot be read; None for that of a whole epoch.
    """
    try:
        return row_of(decode(data), version=version)
    except RecordError as error:
        return corrupt(str(error), layer=layer, epoch=epoch, version=version, step=step)


def corrupt(reason: str, *, layer: str, epoch: int, version: str, file: str = "", step: int | None = None) -> IndexRow:
    """Returns the index row of a record that cannot be read, the reason, and the record's file if it is known."""
    return IndexRow(layer=layer, epoch=epoch, status="corrupt", version=version, reason=reason, file=file, step=step)


def index_of(run: str, rows: Iterable[IndexRow], networks: Iterable[NetworkRow]) -> RunIndex:
    """Returns the index of a run: the rows of whole epochs, those within epochs, and the snapshots, each in their order."""
    ordered = sorted(rows, key=lambda row: (row.epoch, -1 if row.step is None else row.step, row.layer))
    return RunIndex(
        run=run,
        rows=tuple(row for row in ordered if row.step is None),
        steps=tuple(row for row in ordered if row.step is not None),
        networks=tuple(sorted(networks, key=lambda row: row.epoch)),
    )


def with_sentences_once(index: RunIndex) -> RunIndex:
    """Returns an index in which each sentence of the verdicts stands once, and the rows name their sentences by place.

    Example:
        >>> rows = [IndexRow(layer="rnn", epoch=k, version="1", status="computed", verdict="So it is. No more.") for k in (0, 1)]
        >>> sent = with_sentences_once(RunIndex(run="r", rows=tuple(rows)))
        >>> sent.sentences, [row.verdict for row in sent.rows]
        (('So it is.', 'No more.'), [(0, 1), (0, 1)])
    """
    places: dict[str, int] = {}

    def placed(verdict: str | tuple[int, ...]) -> str | tuple[int, ...]:
        if not verdict or not isinstance(verdict, str):
            return verdict
        return tuple(places.setdefault(sentence, len(places)) for sentence in _BETWEEN_SENTENCES.split(verdict))

    def of(row: IndexRow) -> IndexRow:
        others = tuple(msgspec.structs.replace(other, verdict=placed(other.verdict)) for other in row.others)
        return msgspec.structs.replace(row, verdict=placed(row.verdict), others=others)

    rows, steps = (tuple(map(of, found)) for found in (index.rows, index.steps))
    return msgspec.structs.replace(index, rows=rows, steps=steps, sentences=tuple(places))


def all_rows(index: RunIndex) -> list[IndexRow]:
    """Returns the rows of all records of a run, in order of capture: those within an epoch come before that of the epoch."""
    rows = (*index.rows, *index.steps)
    return sorted(rows, key=lambda row: (row.epoch, math.inf if row.step is None else row.step, row.layer))


def too_large(size: int) -> str:
    """Returns the sentence that says why a record of ``size`` bytes is not read."""
    return f"The record has {size:,} bytes; at most {MAX_BYTES:,} are read."


def row_of(record: EpochRecord, *, version: str, file: str | None = None) -> IndexRow:
    """Returns the index row of a record that could be read.

    Args:
        record: the record.
        version: a text that changes with the record.
        file: where the record's file is, below the run's directory; None for its place in a run.
    """
    own, *others = (_numbers(one) for one in record.by_formalism)
    return IndexRow(
        **own,
        layer=record.layer,
        epoch=record.epoch,
        version=version,
        file=record_name(*record.key) if file is None else file,
        global_step=record.global_step,
        wall_time=record.wall_time,
        kind=record.kind,
        axis=record.axis,
        transitions=record.counts.transitions if record.counts else None,
        coverage=sum(record.tpm.visited) / max(1, len(record.tpm.visited)) if record.tpm else None,
        units=len(record.units.indices) if record.units else None,
        state="".join(map(str, record.states[0].state)) if record.states else "",
        step=record.step,
        others=tuple(FormalismRow(**numbers) for numbers in others),
        selection=record.provenance.selection,
    )


def _numbers(record: EpochRecord) -> dict[str, Any]:
    """Returns the fields of a :class:`FormalismRow` for a record of one formalism."""
    values = [state.result.phi for state in record.states if state.result.phi is not None]
    if record.phi is not None and not values:
        values = [record.phi]
    survey = record.survey
    tag = str(type(record.result).__struct_config__.tag)
    return {
        "formalism": record.formalism,
        "status": "computed" if record.phi is not None else tag if tag in get_args(Status) else "failed",
        "reason": record.result.reason,
        "engine": _engine(record),
        "phi": record.phi,
        "mean": record.scalars.get("phi_mean", math.fsum(values) / len(values)) if values else None,
        "maximum": record.scalars.get("phi_max", max(values)) if values else None,
        "null_upper": record.null.upper if record.null else None,
        "phi_layer": survey.phi if survey else None,
        "low": survey.low if survey else None,
        "high": survey.high if survey else None,
        "groups": sum(group.phi is not None for group in survey.groups) if survey else None,
        "share": survey.share if survey else None,
        "signed": survey.signed if survey else None,
        "verdict": verdict(record),
    }


def interrupted_row(row: IndexRow) -> IndexRow:
    """Returns the row of an open record whose run is gone: failed, with the reason; any other row is returned as it is."""
    if row.status != "open":
        return row
    return msgspec.structs.replace(row, status="failed", version=f"{row.version}-interrupted", reason=INTERRUPTED.reason)


def _engine(record: EpochRecord) -> str:
    """Returns the engine's name, and its version if Φ was computed."""
    if isinstance(record.result, (Computed, SystemPhi)):
        return f"{record.result.engine.name} {record.result.engine.version}"
    return record.provenance.engine
