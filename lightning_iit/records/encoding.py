"""Conversion of records and network snapshots to JSON and back."""

from __future__ import annotations

import json
import math
import re
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from lightning_iit.errors import RecordError
from lightning_iit.records.epochs import EpochRecord
from lightning_iit.records.fits import check_network, check_record
from lightning_iit.records.networks import NetworkSnapshot
from lightning_iit.records.schema import EARLIER_NAMES, SCHEMA_VERSION

if TYPE_CHECKING:
    from collections.abc import Iterator

_SHOWN = 80
"""The most characters of a value that an error message shows."""
_Stored = TypeVar("_Stored", EpochRecord, NetworkSnapshot)
_encoder = msgspec.json.Encoder()
_record_decoder = msgspec.json.Decoder(EpochRecord)
_network_decoder = msgspec.json.Decoder(NetworkSnapshot)


def encode(record: msgspec.Struct) -> bytes:
    """Encodes a struct as JSON bytes; floats keep every digit, and records hold no NaN or infinity."""
    return _encoder.encode(record)


def decode(data: bytes | str) -> EpochRecord:
    """Decodes a record from the JSON that :func:`encode` wrote.

    Raises:
        RecordError: the data is not JSON, not a record, or of a schema that is newer than this package reads; or a number is out of
            its range, or two parts do not fit each other.
    """
    record = _decoded(_record_decoder, data, "record")
    if record.formalism in EARLIER_NAMES:
        record = msgspec.structs.replace(record, formalism=EARLIER_NAMES[record.formalism])
    check_record(record)
    return record


def decode_network(data: bytes | str) -> NetworkSnapshot:
    """Decodes a network snapshot from the JSON that :func:`encode` wrote.

    Raises:
        RecordError: the data is not JSON, not a snapshot, or of a schema that is newer than this package reads; or a number is out
            of its range, or two parts do not fit each other.
    """
    snapshot = _decoded(_network_decoder, data, "network snapshot")
    check_network(snapshot)
    return snapshot


def _decoded(decoder: msgspec.json.Decoder[_Stored], data: bytes | str, what: str) -> _Stored:
    """Decodes and checks the schema version, or raises RecordError; ``what`` names the kind of data in messages."""
    try:
        stored = decoder.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        msg = f"This is not a {what} of lightning-iit: {error}{_value(str(error), data)}."
        raise RecordError(msg) from error
    if stored.schema_version > SCHEMA_VERSION:
        name = what.rsplit(maxsplit=1)[-1]
        msg = f"The {name} has schema {stored.schema_version}; this version reads up to {SCHEMA_VERSION}. Update lightning-iit."
        raise RecordError(msg)
    return stored


def _value(error: str, data: bytes | str) -> str:
    """Returns, to end an error message, the value that is not as it should be; empty where it cannot be found.

    The value is the one at the path that msgspec's message gives, or else the first number that JSON does not know (NaN).
    """
    try:
        given = json.loads(data)
    except (ValueError, RecursionError):
        return ""
    path = re.search(r"at `\$([^`]*)`", error)
    if path is None:
        where = next(_not_finite(given, "$"), None)
        return "" if where is None else f"; {where[0]} is {where[1]}, which is no number of JSON"
    for name, index in re.findall(r"\.(\w+)|\[(\d+)\]", path[1]):
        given = given[name or int(index)]
    return f", given {shown}" if len(shown := repr(given)) <= _SHOWN and "[...]" not in path[1] else ""


def _not_finite(value: Any, where: str) -> Iterator[tuple[str, float]]:
    """Yields path and value of each number inside a JSON document that is NaN or infinite."""
    if isinstance(value, float) and not math.isfinite(value):
        yield where, value
    elif isinstance(value, dict):
        for name, part in value.items():
            yield from _not_finite(part, f"{where}.{name}")
    elif isinstance(value, list):
        for index, part in enumerate(value):
            yield from _not_finite(part, f"{where}[{index}]")
