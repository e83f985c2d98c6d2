"""Reads what Weights & Biases wrote into the file of a run that was offline."""

from __future__ import annotations

import json
import struct
from typing import TYPE_CHECKING, Any, NamedTuple

from wandb.proto import wandb_internal_pb2

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_HEADER = 7  # bytes of the file's own header
_BLOCK = 32768
_FIRST, _MIDDLE = 2, 3


class WandbRun(NamedTuple):
    """What is in the file: each row of the history, the configuration, the summary, and the artifacts by name."""

    history: list[dict[str, Any]]
    config: dict[str, Any]
    summary: dict[str, Any]
    artifacts: dict[str, list[str]]


def read_run(folder: Path) -> WandbRun:
    """Reads the one offline run in a folder."""
    (file,) = folder.glob("wandb/offline-run-*/run-*.wandb")
    found = WandbRun([], {}, {}, {})
    for data in _entries(file.read_bytes()):
        record = wandb_internal_pb2.Record()
        record.ParseFromString(data)
        kind = record.WhichOneof("record_type")
        if kind == "history":
            found.history.append({_key(item): json.loads(item.value_json) for item in record.history.item})
        elif kind in {"config", "summary", "run"}:
            changed = record.run.config if kind == "run" else getattr(record, kind)
            place = found.summary if kind == "summary" else found.config
            place.update({_key(item): json.loads(item.value_json) for item in changed.update})
        elif kind == "artifact":
            found.artifacts[record.artifact.name] = [entry.path for entry in record.artifact.manifest.contents]
    return found


def _key(item: Any) -> str:
    return item.key or "/".join(item.nested_key)


def _entries(data: bytes) -> Iterator[bytes]:
    """Yields the entries of a log file of LevelDB's form: blocks of pieces with checksum, length and type."""
    at, parts = _HEADER, b""
    while at + 7 <= len(data):
        left = _BLOCK - at % _BLOCK
        if left < 7:
            at += left
            continue
        _, length, kind = struct.unpack("<IHB", data[at : at + 7])
        piece = data[at + 7 : at + 7 + length]
        at += 7 + length
        parts = piece if kind in {1, _FIRST} else parts + piece
        if kind not in {_FIRST, _MIDDLE}:
            yield parts
