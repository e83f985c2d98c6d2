"""The index of a run, read."""

from __future__ import annotations

from pathlib import Path

import msgspec

from lightning_iit.records.names import FOLDER
from lightning_iit.records.store import INDEX, IndexEntry


def read_index(run_dir: Path) -> tuple[IndexEntry, ...]:
    """Reads the index: the latest entry of each record, in order of epoch and layer; lines that a crash left broken are skipped."""
    entries: dict[tuple[str, int], IndexEntry] = {}
    index = run_dir / FOLDER / INDEX
    for line in index.read_bytes().splitlines() if index.exists() else ():
        try:
            entry = msgspec.json.decode(line, type=IndexEntry)
        except msgspec.MsgspecError:
            continue
        entries[entry.layer, entry.epoch] = entry
    return tuple(sorted(entries.values(), key=lambda entry: (entry.epoch, entry.layer)))
