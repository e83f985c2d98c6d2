"""Records as the compressed payload of a TensorBoard summary; its event writer computes checksums in Python, byte by byte."""

from __future__ import annotations

import zlib

import msgspec

from lightning_iit.errors import RecordError
from lightning_iit.records.encoding import decode, encode
from lightning_iit.records.epochs import EpochRecord
from lightning_iit.records.names import STEPS
from lightning_iit.records.networks import NetworkSnapshot
from lightning_iit.records.schema import SCHEMA_VERSION

PLUGIN = "iit"
"""The name of the TensorBoard plugin that reads the records."""

ENCODING = "zlib+json"
"""How payloads are encoded: JSON, compressed by zlib."""


class PayloadInfo(msgspec.Struct, frozen=True, kw_only=True):
    """Holds what a summary's metadata says about its payload, as JSON.

    Args:
        schema_version: the version of the schema that was written.
        encoding: how the payload is encoded.
    """

    schema_version: int = SCHEMA_VERSION
    encoding: str = ENCODING


def record_tag(slug: str, step: int | None = None) -> str:
    """Returns the TensorBoard tag of a layer's records; those within epochs have one of their own.

    A tag keeps one record of a step, and an epoch may end at the step of a record within it.

    Args:
        slug: the layer's name as ``layer_slug`` gives it.
        step: of a record within an epoch the global step; None for that of a whole epoch.

    Example:
        >>> record_tag("rnn"), record_tag("rnn", 120)
        ('iit/rnn/record', 'iit/rnn/steps/record')
    """
    return f"iit/{slug}/record" if step is None else f"iit/{slug}/{STEPS}/record"


NETWORK_TAG = "iit/network/snapshot"
"""The TensorBoard tag of the network snapshots; no layer's records have the same tag."""


def pack(record: EpochRecord | NetworkSnapshot) -> bytes:
    """Encodes a record, or a network snapshot, as compressed JSON bytes."""
    return zlib.compress(encode(record), 6)


def unpack(data: bytes) -> EpochRecord:
    """Decodes the record that :func:`pack` encoded.

    Raises:
        RecordError: the bytes are no such payload, or of a schema that is newer than this package reads.
    """
    try:
        text = zlib.decompress(data)
    except zlib.error as error:
        msg = f"This is not a packed record of lightning-iit: {error}."
        raise RecordError(msg) from error
    return decode(text)
