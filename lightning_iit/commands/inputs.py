"""Reads the inputs of the command line: a TPM from a file or a record, a state, a connectivity matrix."""

from __future__ import annotations

import csv
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lightning_iit.errors import InvalidArgumentError, InvalidSystemError, RecordError
from lightning_iit.phi.options import formalisms_of
from lightning_iit.records import FORMALISM, EpochRecord, decode
from lightning_iit.records.disk.files import read_regular
from lightning_iit.records.system_checks import BINARY_ONLY
from lightning_iit.tpm.conversion import EXACT, accepted_deviation, conditional_independence, marginals
from lightning_iit.tpm.estimate import tpm_for_phi
from lightning_iit.viewer.sources import URIS, open_runs
from lightning_iit.viewer.summary import all_rows

if TYPE_CHECKING:
    from jaxtyping import Float

    from lightning_iit.records import Formalism


@dataclass(frozen=True)
class TpmInput:
    """Holds a state-by-node TPM and everything else that its file said.

    Attributes:
        source: the path of the file.
        state_by_node: the TPM: P(unit ON next) for each state, rows little-endian.
        state: the state in the file (of a record its first analysed state), unit 0 first; None if there is none.
        cm: the connectivity matrix ``[from, to]`` in the file; None if there is none.
        labels: the names of the nodes in the file: the first line of a ``.csv``, ``labels`` of a ``.npz``; None if there are none.
        form: the form of the TPM in the file, "state-by-node" or "state-by-state".
        dependence: of a state-by-state TPM, its largest deviation from conditional independence; else None.
        accepted: the largest deviation that counts as rounding error.
        record: the record, if the file is a record.
        asked: the units of the TPM, where they were asked for by their indices; None for those of the record.
        words: where the TPM of these units comes from, in a sentence.
        run_dir: the directory of the record's run; None where it lies in none.
    """

    source: str
    state_by_node: Float[np.ndarray, "state unit"]
    state: tuple[int, ...] | None = None
    cm: Any = None
    labels: tuple[str, ...] | None = None
    form: str = "state-by-node"
    dependence: float | None = None
    accepted: float = EXACT
    record: EpochRecord | None = None
    asked: tuple[int, ...] | None = None
    words: str = ""
    run_dir: Path | None = None

    @property
    def formalisms(self) -> tuple[Formalism, ...]:
        """Returns the formalisms that a record has numbers of; of a TPM by itself the default."""
        return (FORMALISM,) if self.record is None else formalisms_of(self.record.formalisms)

    @property
    def nodes(self) -> tuple[int, ...] | None:
        """Returns the nodes of a record's candidate system; None for all."""
        return None if self.record is None or self.asked is not None else self.record.provenance.options.nodes


def read_tpm(target: str, *, prior: float | None = None) -> TpmInput:
    """Reads a TPM from a ``.npy``, ``.npz`` or ``.csv`` file, or from a record's ``.json`` file.

    A square array is read as state-by-state and converted to state-by-node. A ``.npz`` file holds ``tpm`` and, optionally,
    ``cm``, ``state`` and ``labels``; the first line of a ``.csv`` file may hold the names of the nodes.

    Args:
        target: the file; or what holds exactly one record (a run's directory, an MLflow URI).
        prior: for a record only: estimates the TPM again from the record's counts, with this P(ON) in rows that were never
            visited. None takes the stored TPM.

    Raises:
        InvalidArgumentError: there is no such file, its type is not one of these, its content cannot be read, or a prior was
            given for a file without counts.
        InvalidSystemError: a square array is no state-by-state TPM, or a ``.csv`` file holds something else than rows of numbers.
        RecordError: the ``.json`` file is not a record, or there is none.
    """
    path = Path(target)
    if path.is_dir() or target.startswith(URIS):
        return of_record(target, _only_record(target), prior)
    if not path.is_file():
        what = "is no regular file" if path.exists() else "there is no such file"
        near = ", ".join(sorted(other.name for other in path.parent.glob(f"*{path.suffix}"))[:5]) if path.parent.is_dir() else ""
        msg = f"{path}: {what}.{f' Beside it: {near}.' if near else ''}"
        raise InvalidArgumentError(msg)
    if path.suffix == ".json":
        return of_record(target, _read_record(path), prior)
    if prior is not None:
        msg = f"--prior {prior}: {path.name} holds probabilities, and a prior needs the counts of a record (.json)."
        raise InvalidArgumentError(msg)
    readers = {".npy": _arrays_of_npy, ".npz": _arrays_of_npz, ".csv": _arrays_of_csv}
    if path.suffix not in readers:
        msg = f"{path}: cannot read {path.suffix or 'a file without an ending'}; give .npy, .npz, .csv or a record's .json."
        raise InvalidArgumentError(msg)
    arrays = readers[path.suffix](path)
    tpm = np.asarray(arrays["tpm"])
    state = tuple(np.asarray(arrays["state"]).ravel().tolist()) if "state" in arrays else None
    labels = tuple(map(str, np.asarray(arrays["labels"]).ravel())) if "labels" in arrays else None
    if tpm.ndim == 2 and tpm.shape[0] == tpm.shape[1]:
        # Both raise InvalidSystemError unless each row is a distribution over the states of n units.
        on, dependence, accepted = marginals(tpm), conditional_independence(tpm), accepted_deviation(tpm)
        # The columns of a state-by-state TPM are states, so the first line of a .csv file names no nodes.
        named = labels if path.suffix == ".npz" else None
        return TpmInput(str(path), on, state, arrays.get("cm"), named, "state-by-state", dependence, accepted)
    return TpmInput(str(path), tpm, state, arrays.get("cm"), labels)


def parse_state(text: str) -> tuple[int, ...]:
    """Reads a state from text; the digit of unit 0 comes first.

    Raises:
        InvalidArgumentError: the text holds other characters than 0, 1, commas, spaces and outer brackets.

    Example:
        >>> parse_state("100"), parse_state("1,0,0")
        ((1, 0, 0), (1, 0, 0))
    """
    bits = text.replace(",", "").replace(" ", "").strip("()[]")
    if not bits or set(bits) - {"0", "1"}:
        more = f" {BINARY_ONLY}" if bits.isdecimal() else ""
        msg = f"--state {text!r}: give a 0 or 1 for each unit, unit 0 first, as in 100 or 1,0,0.{more}"
        raise InvalidArgumentError(msg)
    return tuple(int(bit) for bit in bits)


def parse_nodes(text: str) -> tuple[int | str, ...]:
    """Reads nodes from text, separated by commas: an index where it is a whole number, else a label.

    Raises:
        InvalidArgumentError: a node is missing between two commas, or semicolons separate them.

    Example:
        >>> parse_nodes("0,2, 3"), parse_nodes("A,B")
        ((0, 2, 3), ('A', 'B'))
    """
    parts = [part.strip() for part in text.strip("()[]{}").split(",")]
    if not all(parts) or ";" in text:
        msg = f"--nodes {text!r}: give the nodes separated by commas, by index (from 0 on) as in 0,2,3, or by label as in A,B."
        raise InvalidArgumentError(msg)
    return tuple(int(part) if part.isdecimal() else part for part in parts)


def parse_units(text: str) -> tuple[int, ...]:
    """Reads the indices of units from text, separated by commas.

    Raises:
        InvalidArgumentError: the text holds something else than whole numbers.

    Example:
        >>> parse_units("3,8, 21")
        (3, 8, 21)
    """
    parts = [part.strip() for part in text.strip("()[]{}").split(",")]
    if not all(part.isdecimal() for part in parts):
        msg = f"--units {text!r}: give the indices of the layer's units, from 0 on, separated by commas, as in 3,8,21."
        raise InvalidArgumentError(msg)
    return tuple(map(int, parts))


def parse_formalisms(text: str) -> tuple[Formalism, ...]:
    """Reads one formalism or several from text, separated by commas.

    Raises:
        InvalidArgumentError: one of them is no formalism, or is given twice.

    Example:
        >>> parse_formalisms("iit4-2023, iit3")
        ('iit3', 'iit4-2023')
    """
    return formalisms_of([part.strip() for part in text.split(",")], "--formalism")


def read_cm(text: str) -> list[list[int]]:
    """Reads a connectivity matrix ``[from, to]`` from a ``.npy`` or ``.csv`` file or from text; a 1 means "connects to".

    Args:
        text: a file's path, or the rows separated by semicolons.

    Raises:
        InvalidArgumentError: there is no such file, or the text is neither a file nor rows of 0 and 1.

    Example:
        >>> read_cm("01;10")
        [[0, 1], [1, 0]]
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


def _read_record(path: Path) -> EpochRecord:
    """Reads a record's file; the error names the file."""
    try:
        return decode(read_regular(path))
    except RecordError as error:
        msg = f"{path}: {error}"
        raise RecordError(msg) from error


def _only_record(target: str) -> EpochRecord:
    """Returns the one record of a directory or MLflow URI; raises InvalidArgumentError where there are several."""
    source, runs = open_runs(target)
    found = [(run, row) for run in runs for row in all_rows(source.index(run.id))]
    if len(found) == 1:
        run, row = found[0]
        return decode(source.record(run.id, row.layer, row.epoch, row.step))
    latest = f", such as {found[-1][0].path or found[-1][0].name}/{found[-1][1].file}" if found else ""
    msg = f"{target}: holds {len(found)} records, and one is analysed. Give a record's file{latest}."
    raise InvalidArgumentError(msg)


def of_record(source: str, record: EpochRecord, prior: float | None) -> TpmInput:
    """Reads the TPM of a record: the stored one, or one that is estimated from the record's counts if a prior is given."""
    state = record.states[0].state if record.states else record.task.states[0] if record.task else None
    if record.counts is not None and (prior is not None or record.tpm is None):
        stored = record.tpm.prior if record.tpm is not None else record.task.prior if record.task is not None else 0.5
        rows = tpm_for_phi(record.counts, stored if prior is None else prior).state_by_node
    elif record.tpm is not None and prior is None:
        rows = np.array(record.tpm.state_by_node)
    else:
        msg = f"{source}: the record of {record.layer!r} in epoch {record.epoch} holds no counts to estimate a TPM from."
        raise InvalidArgumentError(msg)
    cm = None if record.perturbation is None else record.perturbation.cm
    return TpmInput(source, rows, state, cm, record=record)


def _arrays_of_npy(path: Path) -> dict[str, Any]:
    """Reads a ``.npy`` file; returns the array under the name "tpm"."""
    try:
        return {"tpm": np.load(path, allow_pickle=False)}
    except (ValueError, OSError, EOFError) as error:
        msg = f"{path}: numpy cannot read it: {error}."
        raise InvalidArgumentError(msg) from error


def _arrays_of_npz(path: Path) -> dict[str, Any]:
    """Reads the arrays of a ``.npz`` file; a single array of any name is taken as the TPM."""
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = dict(file)
    except (ValueError, OSError, EOFError, zipfile.BadZipFile) as error:
        msg = f"{path}: numpy cannot read it: {error}."
        raise InvalidArgumentError(msg) from error
    if "tpm" not in arrays and len(arrays) == 1:
        arrays = {"tpm": next(iter(arrays.values()))}
    if "tpm" not in arrays:
        held = ", ".join(arrays) or "nothing"
        msg = f"{path}: holds {held}; the TPM must be named 'tpm' (with 'cm', 'state' and 'labels' if you like)."
        raise InvalidArgumentError(msg)
    return arrays


def _arrays_of_csv(path: Path) -> dict[str, Any]:
    """Reads the rows of a ``.csv`` file as "tpm", and a first line of names, if there is one, as "labels"."""
    with path.open(newline="", encoding="utf-8-sig") as file:
        rows = [row for row in csv.reader(file) if any(cell.strip() for cell in row)]
    names = rows.pop(0) if rows and not _numbers(rows[0]) else None
    for number, row in enumerate(rows, start=1):
        if not _numbers(row) or len(row) != len(rows[0]):
            msg = f"{path}: row {number} is {','.join(row)!r}; rows are numbers separated by commas, as many in each."
            raise InvalidSystemError(msg)
    arrays: dict[str, Any] = {"tpm": np.array([[float(cell) for cell in row] for row in rows])}
    if names is not None and rows and len(names) == len(rows[0]):
        arrays["labels"] = [name.strip() for name in names]
    return arrays


def _numbers(row: list[str]) -> bool:
    """Returns whether all cells of a row are numbers."""
    try:
        return bool([float(cell) for cell in row])
    except ValueError:
        return False
