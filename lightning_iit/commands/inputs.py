"""What the command line is given: a TPM in a file or a record, a state, a connectivity matrix."""

from __future__ import annotations

import csv
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lightning_iit.errors import InvalidArgumentError, InvalidSystemError
from lightning_iit.records import EpochRecord, decode
from lightning_iit.tpm.conversion import conditional_independence, marginals
from lightning_iit.tpm.estimate import tpm_from_counts

if TYPE_CHECKING:
    from jaxtyping import Float

TOLERANCE = 1e-6
"""Deviation from conditional independence that is rounding, not dependence."""


@dataclass(frozen=True)
class TpmInput:
    """A state-by-node TPM and what came with it."""

    source: str
    state_by_node: Float[np.ndarray, "state unit"]
    state: tuple[int, ...] | None = None
    cm: Any = None
    form: str = "state-by-node"
    dependence: float | None = None
    """Of a state-by-state TPM: its largest deviation from conditional independence."""
    record: EpochRecord | None = None


def read_tpm(path: Path, *, prior: float | None = None) -> TpmInput:
    """Reads .npy, .npz (``tpm``, and ``cm`` and ``state`` where they are there), .csv, or a record's .json.

    Args:
        path: the file.
        prior: of a record: the TPM is estimated again from its counts, with this in rows that were never visited.

    Raises:
        InvalidArgumentError: no such file, not of these kinds, or a prior for what has no counts.
        InvalidSystemError: the array is no TPM.
        RecordError: the JSON is not a record.
    """
    if not path.is_file():
        near = ", ".join(sorted(other.name for other in path.parent.glob(f"*{path.suffix}"))[:5]) if path.parent.is_dir() else ""
        msg = f"{path}: there is no such file.{f' Beside it: {near}.' if near else ''}"
        raise InvalidArgumentError(msg)
    if path.suffix == ".json":
        return _from_record(path, prior)
    if prior is not None:
        msg = f"--prior {prior}: {path.name} holds probabilities, and a prior needs the counts of a record (.json)."
        raise InvalidArgumentError(msg)
    readers = {".npy": _arrays_of_npy, ".npz": _arrays_of_npz, ".csv": _arrays_of_csv}
    if path.suffix not in readers:
        msg = f"{path}: cannot read {path.suffix or 'a file without an ending'}; give .npy, .npz, .csv or a record's .json."
        raise InvalidArgumentError(msg)
    arrays = readers[path.suffix](path)
    tpm = np.asarray(arrays["tpm"])
    state = tuple(int(bit) for bit in np.asarray(arrays["state"]).ravel()) if "state" in arrays else None
    if tpm.ndim == 2 and tpm.shape[0] == tpm.shape[1]:
        # Both raise for what is no distribution over the states of n units.
        on, dependence = marginals(tpm), conditional_independence(tpm)
        return TpmInput(str(path), on, state, arrays.get("cm"), "state-by-state", dependence)
    return TpmInput(str(path), tpm, state, arrays.get("cm"))


def parse_state(text: str) -> tuple[int, ...]:
    """``100``, ``1,0,0`` or ``1 0 0``: unit 0 first.

    Raises:
        InvalidArgumentError: anything but zeros and ones.
    """
    bits = text.replace(",", "").replace(" ", "").strip("()[]")
    if not bits or set(bits) - {"0", "1"}:
        msg = f"--state {text!r}: give a 0 or 1 for each unit, unit 0 first, as in 100 or 1,0,0."
        raise InvalidArgumentError(msg)
    return tuple(int(bit) for bit in bits)


def read_cm(text: str) -> list[list[int]]:
    """A connectivity matrix: a file (.npy, .csv), or its rows as in ``011;101;110``; a 1 in row i, column j: i connects to j.

    Raises:
        InvalidArgumentError: neither.
    """
    path = Path(text)
    if path.suffix in {".npy", ".csv"}:
        if not path.is_file():
            msg = f"--cm {text}: there is no such file."
            raise InvalidArgumentError(msg)
        arrays = _arrays_of_npy(path) if path.suffix == ".npy" else _arrays_of_csv(path)
        rows: list[list[int]] = np.asarray(arrays["tpm"]).tolist()
        return rows
    if text and not set(text) - set("01;, "):
        return [[int(bit) for bit in row if bit in "01"] for row in text.split(";")]
    msg = f"--cm {text!r}: give a .npy or .csv file, or the rows as in '011;101;110' (row i, column j is 1 if i connects to j)."
    raise InvalidArgumentError(msg)


def _from_record(path: Path, prior: float | None) -> TpmInput:
    record = decode(path.read_bytes())
    state = record.states[0].state if record.states else None
    if record.counts is not None and (prior is not None or record.tpm is None):
        stored = record.tpm.prior if record.tpm is not None else 0.5
        rows = tpm_from_counts(record.counts, stored if prior is None else prior).state_by_node
    elif record.tpm is not None and prior is None:
        rows = np.array(record.tpm.state_by_node)
    else:
        msg = f"{path}: the record of {record.layer!r} in epoch {record.epoch} holds no counts to estimate a TPM from."
        raise InvalidArgumentError(msg)
    cm = None if record.perturbation is None else record.perturbation.cm
    return TpmInput(str(path), rows, state, cm, record=record)


def _arrays_of_npy(path: Path) -> dict[str, Any]:
    try:
        return {"tpm": np.load(path, allow_pickle=False)}
    except (ValueError, OSError, EOFError) as error:
        msg = f"{path}: numpy cannot read it: {error}."
        raise InvalidArgumentError(msg) from error


def _arrays_of_npz(path: Path) -> dict[str, Any]:
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = dict(file)
    except (ValueError, OSError, EOFError, zipfile.BadZipFile) as error:
        msg = f"{path}: numpy cannot read it: {error}."
        raise InvalidArgumentError(msg) from error
    if "tpm" not in arrays and len(arrays) == 1:
        arrays = {"tpm": next(iter(arrays.values()))}
    if "tpm" not in arrays:
        msg = f"{path}: holds {', '.join(arrays) or 'nothing'}; the TPM must be named 'tpm' (with 'cm' and 'state' if you like)."
        raise InvalidArgumentError(msg)
    return arrays


def _arrays_of_csv(path: Path) -> dict[str, Any]:
    with path.open(newline="", encoding="utf-8-sig") as file:
        rows = [row for row in csv.reader(file) if any(cell.strip() for cell in row)]
    if rows and not _numbers(rows[0]):
        rows = rows[1:]  # a line of names
    for number, row in enumerate(rows, start=1):
        if not _numbers(row) or len(row) != len(rows[0]):
            msg = f"{path}: row {number} is {','.join(row)!r}; rows are numbers separated by commas, as many in each."
            raise InvalidSystemError(msg)
    return {"tpm": np.array([[float(cell) for cell in row] for row in rows])}


def _numbers(row: list[str]) -> bool:
    try:
        return bool([float(cell) for cell in row])
    except ValueError:
        return False
