"""A record as the payload of a TensorBoard summary: compressed, because its event writer checks sums byte by byte in Python."""

from __future__ import annotations

import zlib

import msgspec

from lightning_iit.errors import RecordError
from lightning_iit.records.encoding import decode, encode
from lightning_iit.records.epochs import EpochRecord
from lightning_iit.records.networks import NetworkSnapshot
from lightning_iit.records.schema import SCHEMA_VERSION

PLUGIN = "iit"
"""The name of the TensorBoard plugin whose data the records are."""

ENCODING = "zlib+json"


class PayloadInfo(msgspec.Struct, frozen=True, kw_only=True):
    """What the summary's metadata says of its payload, as JSON."""

    schema_version: int = SCHEMA_VERSION
    encoding: str = ENCODING


def record_tag(slug: str) -> str:
    """The tag under which a layer's records stand in TensorBoard."""
    return f"iit/{slug}/record"


NETWORK_TAG = "iit/network/snapshot"
"""The tag under which the network snapshots stand in TensorBoard; no layer's records have it."""


def pack(record: EpochRecord | NetworkSnapshot) -> bytes:
    """A record, or a network snapshot, as bytes: its JSON, compressed."""
    return zlib.compress(encode(record), 6)


def unpack(data: bytes) -> EpochRecord:
    """The record that :func:`pack` packed.

    Raises:
        RecordError: the bytes are no such payload, or their schema is newer than this package reads.
    """
    try:
        text = zlib.decompress(data)
    except zlib.error as error:
        msg = f"This is not a packed record of lightning-iit: {error}."
        raise RecordError(msg) from error
    return decode(text)
