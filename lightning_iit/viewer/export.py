"""Writes a run as one HTML file that needs no server: the front end and the compressed records are inside."""

from __future__ import annotations

import base64
import hashlib
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from lightning_iit.errors import InvalidArgumentError, RecordError
from lightning_iit.phi.registry import engine_names
from lightning_iit.records import decode, decode_network, encode
from lightning_iit.viewer.answers import answers
from lightning_iit.viewer.logdir import LogDirSource
from lightning_iit.viewer.protocol import InlineData, InlineRun
from lightning_iit.viewer.sources import open_runs
from lightning_iit.viewer.static_files import static_file
from lightning_iit.viewer.summary import with_sentences_once

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

    from lightning_iit.viewer.protocol import RunIndex, RunInfo
    from lightning_iit.viewer.sources import RecordSource

MAX_BYTES = 10_000_000
"""The default limit for the size of the HTML file, in bytes."""
_NETWORK_SHARE = 0.5
_NOTES_BYTES = 2_000
_SAMPLE = 12
_CAUTION = 0.7


def export(run: str, output: str | Path, *, max_bytes: int = MAX_BYTES) -> Path:
    """Writes a run as one HTML file.

    Args:
        run: a run's directory, its folder ``iit``, a folder that holds exactly one run, a record's file, or
            ``<MLflow URI>#<run id>``.
        output: the file to write.
        max_bytes: the largest size of the file. If the run does not fit, epochs are left out at even distances, and the page
            says so.

    Returns:
        The path of the file.

    Raises:
        InvalidArgumentError: there is no such path, or more than one run.
        RecordError: there is no run, the file is not a record, or the front end is not built.
    """
    source, runs = open_runs(run)
    own = [info for info in runs if info.id in (".", run.rpartition("#")[2])]  # the others are of callbacks with a name
    runs = own or runs
    if len(runs) != 1:
        names = ", ".join(info.path or f"{run.partition('#')[0]}#{info.id}" for info in runs[:8])
        more = f" and {len(runs) - 8} more" if len(runs) > 8 else ""
        msg = f"{run!r} holds {len(runs)} runs; an export is of one run. Give one of these: {names}{more}."
        raise InvalidArgumentError(msg)
    path = Path(output)
    path.write_bytes(page(source, runs[0], max_bytes=max_bytes))
    return path


def page_of(run_dir: str | Path, *, name: str | None = None, scope: str = "", max_bytes: int = MAX_BYTES) -> bytes:
    """Returns the HTML page of the run in a directory, for a tracker to upload.

    Args:
        run_dir: the directory that holds the folder ``iit``.
        name: what the run is called where the page is uploaded; None or empty for the directory's name.
        scope: the name of the callback whose records these are, which follows that of the run; empty for none.
        max_bytes: the largest size of the page.

    Raises:
        InvalidArgumentError: the directory holds no run.
        RecordError: the front end is not built.
    """
    source = LogDirSource(Path(run_dir))
    found = next((info for info in source.runs()[0] if info.id == "."), None)
    if found is None:
        msg = f"{str(run_dir)!r}: there is no folder 'iit' in it."
        raise InvalidArgumentError(msg)
    if name:
        found = msgspec.structs.replace(found, name=f"{name}/{scope}" if scope else name)
    return page(source, found, max_bytes=max_bytes)


def page(source: RecordSource, info: RunInfo, *, max_bytes: int = MAX_BYTES) -> bytes:
    """Returns the HTML page of a run, at most ``max_bytes`` long unless the front end and the run's index alone are longer.

    Up to half of the room is reserved for network snapshots; room that the records do not need goes to snapshots, and the other
    way round. The index of the run (the curve of Φ) is always complete.

    Args:
        source: the source that holds the run.
        info: the run.
        max_bytes: the largest size of the page. If the run does not fit, epochs are left out at even distances, and a note in
            the page says so.

    Raises:
        RecordError: the front end is not built.
    """
    index = source.index(info.id)
    room = max_bytes - len(_html(_inline(info, index, {}, {}, source))) - _NOTES_BYTES
    layers = _by_epoch(index)
    network_epochs = [row.epoch for row in index.networks]
    records = _packed(layers, lambda epoch: _packed_records(source, info.id, epoch, layers[epoch]), room)
    networks = _packed(network_epochs, lambda epoch: _packed_network(source, info.id, epoch), room * _NETWORK_SHARE)
    sizes = {epoch: _size(packed) for epoch, packed in records.items()}
    network_sizes = {epoch: _size(packed) for epoch, packed in networks.items()}
    spare = max(0, sum(sizes.values()) - room * (1 - _NETWORK_SHARE))
    network_room = room - sum(sizes.values()) if not spare else room * _NETWORK_SHARE
    kept_networks = thinned(network_sizes, network_room)
    kept = thinned(sizes, room - sum(network_sizes[epoch] for epoch in kept_networks))
    chosen = {key: packed for epoch in kept for key, packed in records[epoch].items()}
    notes = [
        *index.notes,
        *_notes("records", len(kept), len(layers), max_bytes),
        *_notes("network snapshots", len(kept_networks), len(network_epochs), max_bytes),
    ]
    held = {key: packed for epoch in kept_networks for key, packed in networks[epoch].items()}
    index = msgspec.structs.replace(
        index, notes=tuple(notes), networks=tuple(row for row in index.networks if str(row.epoch) in held)
    )
    return _html(_inline(info, index, chosen, held, source))


def thinned(sizes: dict[int, int], room: float) -> list[int]:
    """Returns the epochs to keep so that the sum of their sizes fits into ``room``: evenly spread, the last epoch included.

    Args:
        sizes: the size of each epoch, in bytes.
        room: the largest allowed sum of sizes, in bytes.

    Returns:
        Every k-th epoch in ascending order, with the smallest k that fits; empty if not even the last epoch fits.

    Example:
        >>> thinned({0: 10, 1: 10, 2: 10, 3: 10}, 25)
        [1, 3]
    """
    epochs = sorted(sizes)
    stride = 1
    while True:
        kept = epochs[::-1][::stride][::-1]
        if sum(sizes[epoch] for epoch in kept) <= room or not kept:
            return kept
        if len(kept) == 1:
            return []
        stride += 1


def _packed(epochs: Collection[int], pack: Callable[[int], dict[str, str]], room: float) -> dict[int, dict[str, str]]:
    """Packs the epochs; if a sample of them shows that most will not fit into ``room`` bytes, packs only every k-th epoch."""
    ordered = sorted(epochs, reverse=True)
    sample = {epoch: pack(epoch) for epoch in ordered[:: max(1, len(ordered) // _SAMPLE)]}
    expected = sum(map(_size, sample.values())) / max(1, len(sample)) * len(ordered)
    stride = max(1, int(_CAUTION * expected / max(1.0, room)))
    return {epoch: sample[epoch] if epoch in sample else pack(epoch) for epoch in ordered[::stride]}


def _size(packed: dict[str, str]) -> int:
    """Returns the number of bytes that packed records and their keys take in the page."""
    return sum(len(text) + len(key.encode()) + 16 for key, text in packed.items())


def _notes(what: str, kept: int, there: int, max_bytes: int) -> list[str]:
    """Returns a sentence for the reader of the page if epochs were left out, else nothing."""
    if kept == there:
        return []
    limit = f"{max_bytes / 1e6:g} MB"
    return [f"This file holds the {what} of {kept} of {there} epochs, to stay below {limit}; the curve is complete."]


def _by_epoch(index: RunIndex) -> dict[int, list[str]]:
    """Returns the names of the layers with a readable record, by epoch."""
    layers: dict[int, list[str]] = {}
    for row in index.rows:
        if row.status != "corrupt":
            layers.setdefault(row.epoch, []).append(row.layer)
    return layers


def _packed_records(source: RecordSource, run: str, epoch: int, layers: Iterable[str]) -> dict[str, str]:
    """Returns the packed records of an epoch by "layer/epoch", without records that cannot be read."""
    packed = {}
    for layer in layers:
        try:
            packed[f"{layer}/{epoch}"] = _pack(encode(decode(source.record(run, layer, epoch))))
        except (RecordError, LookupError):
            continue  # the index already marks this record as unreadable
    return packed


def _packed_network(source: RecordSource, run: str, epoch: int) -> dict[str, str]:
    """Returns the packed network snapshot of an epoch by epoch, or nothing if the snapshot cannot be read."""
    try:
        return {str(epoch): _pack(encode(decode_network(source.network(run, epoch))))}
    except (RecordError, LookupError):
        return {}


def _pack(data: bytes) -> str:
    """Compresses bytes with zlib and returns the result as base64 text."""
    return base64.b64encode(zlib.compress(data, 6)).decode("ascii")


def _inline(info: RunInfo, index: RunIndex, records: dict[str, str], networks: dict[str, str], source: RecordSource) -> InlineData:
    """Returns the data of the page: the run with its index, packed records, packed snapshots and other metrics."""
    run = InlineRun(
        info=info,
        index=with_sentences_once(index),
        records=records,
        networks=networks,
        scalars=source.scalars(info.id),
        answers=answers(source, info.id),
    )
    return InlineData(title=info.name, runs=(run,), engines=engine_names())


def _html(data: InlineData) -> bytes:
    """Returns the page; its content security policy allows exactly the one script that the page contains."""
    try:
        script, _ = static_file("viewer.js")
    except LookupError as error:
        raise RecordError(str(error)) from error
    # An HTML parser ends a script at "</script" and treats "<!--" as special, even inside a string of the script.
    code = script.replace(b"</script", b"<\\/script").replace(b"<!--", b"<\\!--")
    digest = base64.b64encode(hashlib.sha256(code).digest()).decode("ascii")
    policy = f"default-src 'none'; script-src 'sha256-{digest}'; style-src 'unsafe-inline'; img-src data: blob:; base-uri 'none'"
    text = msgspec.json.encode(data).replace(b"<", b"\\u003c").replace(b"&", b"\\u0026")
    return b"".join(
        [
            b'<!doctype html>\n<html lang="en" data-iit-home="export"><head><meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{policy}">'.encode(),
            b'<meta name="viewport" content="width=device-width, initial-scale=1"><title>lightning-iit</title></head><body>',
            b'<noscript>The viewer needs JavaScript.</noscript><script type="application/json" id="iit-data">',
            text,
            b'</script><script type="module">',
            code,
            b"</script></body></html>\n",
        ]
    )
