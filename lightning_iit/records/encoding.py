"""Conversion of records and network snapshots to JSON and back."""

from __future__ import annotations

from typing import TypeVar

import msgspec

from lightning_iit.errors import RecordError
from lightning_iit.records.epochs import EpochRecord
from lightning_iit.records.networks import NetworkSnapshot
from lightning_iit.records.schema import SCHEMA_VERSION

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
        RecordError: the data is not JSON, not a record, or of a schema that is newer than this package reads.
    """
    return _decoded(_record_decoder, data, "record")


def decode_network(data: bytes | str) -> NetworkSnapshot:
    """Decodes a network snapshot from the JSON that :func:`encode` wrote.

    Raises:
        RecordError: the data is not JSON, not a snapshot, or of a schema that is newer than this package reads.
    """
    return _decoded(_network_decoder, data, "network snapshot")


def _decoded(decoder: msgspec.json.Decoder[_Stored], data: bytes | str, what: str) -> _Stored:
    """Decodes and checks the schema version, or raises RecordError; ``what`` names the kind of data in messages."""
    try:
        stored = decoder.decode(data)
    except msgspec.MsgspecError as error:
        msg = f"This is not a {what} of lightning-iit: {error}."
        raise RecordError(msg) from error
    if stored.schema_version > SCHEMA_VERSION:
        name = what.rsplit(maxsplit=1)[-1]
        msg = f"The {name} has schema {stored.schema_version}; this version reads up to {SCHEMA_VERSION}. Update lightning-iit."
        raise RecordError(msg)
    return stored
