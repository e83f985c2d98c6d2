"""What was swept into a folder, in the file ``iit/sweep.json``: a later sweep into the same folder goes on with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from lightning_iit.errors import InvalidArgumentError, RecordError
from lightning_iit.records.captured import Units  # noqa: TC001  msgspec reads the annotations
from lightning_iit.records.disk.files import read_regular
from lightning_iit.records.logged import layer_phi
from lightning_iit.records.names import FOLDER
from lightning_iit.records.store import holds_run, read_run, write_atomically

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from lightning_iit.records import EpochRecord
    from lightning_iit.records.schema import Key

LEDGER = "sweep.json"
"""The name of the file, inside the folder ``iit``."""
_WITHOUT_EFFECT = frozenset(
    ("layers", "workers", "executor", "timeout", "drain_timeout", "trackers", "pictures", "network", "network_budget")
)
"""The options that change no number of a layer."""


class SweptFile(msgspec.Struct, frozen=True, kw_only=True):
    """Holds which file a checkpoint is.

    Args:
        file: its absolute path.
        size: its length in bytes.
        modified: when it was last changed, in ns since 1970.
        weights: a hash of its weights.
    """

    file: str
    size: int
    modified: int
    weights: str

    @classmethod
    def of(cls, file: Path, weights: str) -> SweptFile:
        """Describes a file with the hash of its weights."""
        there = file.stat()
        return cls(file=str(file.absolute()), size=there.st_size, modified=there.st_mtime_ns, weights=weights)

    def is_still(self, file: Path) -> bool:
        """Returns whether a file is this one, and was not written since."""
        there = file.stat()
        return (str(file.absolute()), there.st_size, there.st_mtime_ns) == (self.file, self.size, self.modified)


class Ledger(msgspec.Struct, kw_only=True):
    """Holds what was swept into a folder.

    Args:
        options: every option, as text.
        batches: a hash of the batches that each checkpoint was run on.
        layers: by what was asked for, the names of the layers.
        checkpoints: by the name of its moment, the file of each checkpoint.
        units_of: by layer, the name of the checkpoint at which the units were chosen.
        thresholds_of: by layer, the name of the checkpoint at which the thresholds were made that all later ones have.
        varying: by layer or group of units, the units of a watched layer that vary.
    """

    options: dict[str, str] = {}
    batches: str = ""
    layers: dict[str, tuple[str, ...]] = {}
    checkpoints: dict[str, SweptFile] = {}
    units_of: dict[str, str] = {}
    thresholds_of: dict[str, str] = {}
    varying: dict[str, Units] = {}

    def write(self, folder: Path) -> None:
        """Writes the file into the folder ``iit`` of a run's directory."""
        write_atomically(folder / FOLDER / LEDGER, msgspec.json.encode(self))

    def check_options(self, folder: Path, now: Mapping[str, str], batches: str) -> None:
        """Checks that what is there can stand on one curve with what comes.

        Raises:
            InvalidArgumentError: other data, or another option that changes a number.
        """
        instead = f"Its checkpoints and new ones would not be one curve. Sweep into another folder than {str(folder)!r}"
        if self.batches and self.batches != batches:
            msg = f"log_dir={str(folder)!r}: it was swept with other data. {instead}, or with the earlier data."
            raise InvalidArgumentError(msg)
        differ = [
            f"{name}={now[name]} (before: {self.options[name]})"
            for name in now
            if name in self.options and name not in _WITHOUT_EFFECT and self.options[name] != now[name]
        ]
        if differ:
            msg = (
                f"log_dir={str(folder)!r}: it was swept with other options: {', '.join(differ)}. {instead}, or with these options."
            )
            raise InvalidArgumentError(msg)


def read_ledger(folder: Path) -> Ledger:
    """Reads what was swept into a folder; an empty ledger where nothing was.

    Raises:
        InvalidArgumentError: the folder holds a run that is no sweep, or its file is damaged.
    """
    file = folder / FOLDER / LEDGER
    if file.exists():
        try:
            return msgspec.json.decode(read_regular(file), type=Ledger)
        except msgspec.MsgspecError as error:
            msg = f"log_dir={str(folder)!r}: {file} is damaged ({error}). Sweep into another folder."
            raise InvalidArgumentError(msg) from error
    if (folder / FOLDER).is_dir() and holds_run(folder / FOLDER):
        msg = (
            f"log_dir={str(folder)!r}: it holds the records of a training or of analyse(), with which those of a sweep would be "
            "mixed. Give another folder."
        )
        raise InvalidArgumentError(msg)
    return Ledger()


def complete_records(folder: Path) -> dict[Key, EpochRecord]:
    """Returns, by their keys, the records in a folder that are complete, and so are not computed again."""
    try:
        found = read_run(folder).records
    except RecordError:
        return {}
    return {record.key: record for record in found if is_complete(record)}


def is_complete(record: EpochRecord) -> bool:
    """Returns whether a record has a Φ of the layer by each of its formalisms."""
    return all(layer_phi(one) is not None for one in record.by_formalism)
