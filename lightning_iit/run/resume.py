"""What a checkpoint holds of a run, and what a run that goes on takes over from its earlier part.

A checkpoint holds what the folder of the run does not: the open analyses and what the next epoch needs. Its size does not grow with
the run. The settled records of the earlier part are read from the folder.
"""

from __future__ import annotations

import base64
import math
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec
from lightning.pytorch.utilities import rank_zero_warn

from lightning_iit.errors import InvalidArgumentError, RecordError
from lightning_iit.records import EpochRecord, Open, PhiTask, Records, Units, decode, encode
from lightning_iit.records.disk.files import read_regular
from lightning_iit.records.disk.owner import read_owner
from lightning_iit.records.names import FOLDER, record_name
from lightning_iit.records.store import read_images, read_run
from lightning_iit.run.budget.turns import Spent
from lightning_iit.run.windows import Watched, WindowEpoch

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

_T = TypeVar("_T")
_Key = TypeVar("_Key")

_SHAPES: dict[tuple[str, ...], type] = {
    ("watch",): Mapping,
    ("watch", "layers"): Mapping,
    ("options",): Mapping,
    ("folder",): str,
    ("run_id",): str,
    ("initial_weights",): str,
    ("changes",): Mapping,
    ("run",): Mapping,
    ("run", "records"): list,
    ("run", "open"): list,
    ("run", "windows"): Mapping,
    ("run", "varying"): Mapping,
    ("run", "perturbing"): list,
    ("run", "budget"): Mapping,
}
"""The parts of a callback's state that are looked into, each with its type."""
_WITHOUT_EFFECT = frozenset(
    (
        *("workers", "timeout", "when_busy", "max_queued", "drain_timeout", "budget", "extra_budget", "every_n_epochs", "initial"),
        *("every_n_steps", "trackers", "pictures", "network", "network_budget", "prog_bar", "table"),
    )
)
"""The options that change no number."""
_KEPT = frozenset({"units", "bits", "groups"})
"""The options whose effect is in the units that the checkpoint holds; a watch says itself where others were asked for."""


class Settled(msgspec.Struct, frozen=True, kw_only=True):
    """Holds which records a folder must have so that a run can go on with them.

    Args:
        records: how many records are settled.
        epoch: the epoch of the last settled record.
        first: layer, epoch and wall time of the earliest settled record. A folder that has this record is the run's own.
        step: the step of the last settled record; None where it is that of a whole epoch.
        first_step: the step of the earliest settled record; None where it is that of a whole epoch.
    """

    records: int
    epoch: int
    first: tuple[str, int, float]
    step: int | None = None
    first_step: int | None = None

    @classmethod
    def of(cls, records: Iterable[EpochRecord]) -> Settled | None:
        """Describes the settled records of a run; None where there are none."""
        ordered = Records.ordered(records)
        if not ordered:
            return None
        first, last = ordered[0], ordered[-1]
        return cls(
            records=len(ordered),
            epoch=last.epoch,
            first=(first.layer, first.epoch, first.wall_time),
            step=last.step,
            first_step=first.step,
        )

    @property
    def order(self) -> tuple[int, float]:
        """Returns the place of the last settled record in the order of capture."""
        return self.epoch, math.inf if self.step is None else self.step


@dataclass(frozen=True)
class EarlierPart:
    """Holds what a run takes over from its earlier part.

    Args:
        records: the settled records.
        open: the task and the record of each open analysis.
        windows: by layer or group of units, the epochs of the window that the next epoch will be added to.
        varying: by layer or group of units, the watched units that vary.
        folder: the run's directory where the settled records were found; None where none were found on disk.
        here: whether this is the folder that the run goes on in, whose trackers have the settled records.
        subfolder: the folder of the records in that directory; another than ``iit`` where another training took the name.
        perturbing: the wall time and the key of each epoch whose perturbation was open, which has no record yet.
        spent: what was spent of the budget of all analyses; None where there is no such budget.
    """

    records: tuple[EpochRecord, ...] = ()
    open: tuple[tuple[PhiTask, EpochRecord], ...] = ()
    windows: Mapping[Watched, tuple[WindowEpoch, ...]] = field(default_factory=dict)
    varying: Mapping[Watched, Units] = field(default_factory=dict)
    folder: Path | None = None
    here: bool = False
    subfolder: str = FOLDER
    perturbing: tuple[tuple[Any, ...], ...] = ()
    spent: Spent | None = None

    def images(self, record: EpochRecord) -> dict[str, bytes]:
        """Returns the pictures of a settled record by name; none where they are not on disk."""
        if self.folder is None:
            return {}
        read = partial(read_images, self.folder, record, self.subfolder)
        return _readable(f"a picture of layer {record.layer!r} at {record.when}", read) or {}

    def state_dict(self) -> dict[str, Any]:
        """Returns all but the settled records as plain data, for a checkpoint.

        Returns:
            ``settled``, which records the folder has; ``open``, pairs of task and record of each open analysis, and ``windows``, as
            packed strings (compressed JSON in base 85); ``varying``, units as plain data; ``perturbing``, wall times and keys;
            ``budget``, where all analyses have one, as plain data.
        """
        budget = {} if self.spent is None else {"budget": msgspec.to_builtins(self.spent)}
        return budget | {
            "settled": msgspec.to_builtins(Settled.of(self.records)),
            "open": [[_pack(task), _pack(stub)] for task, stub in self.open],
            "windows": {key.text: [_pack(epoch) for epoch in epochs] for key, epochs in self.windows.items()},
            "varying": {key.text: msgspec.to_builtins(units) for key, units in self.varying.items()},
            "perturbing": [list(one) for one in self.perturbing],
        }


def earlier_part(state: Mapping[str, Any], run_dir: Path | None) -> EarlierPart:
    """Reads the earlier part of a run from a callback's state and from the folder of the run.

    What cannot be read is left out with a warning.

    Args:
        state: a state that :func:`check_state` has checked. One of version 0.1.0 holds the settled records itself.
        run_dir: the directory that the run goes on in; None where the run writes no files.
    """
    run = state.get("run", {})
    layers = (state.get("watch") or {}).get("layers") or {}
    opened = tuple(_all_readable("open analysis {}", _open, dict(enumerate(run.get("open", ())))).values())
    here = None if run_dir is None else run_dir / FOLDER
    if "records" in run:
        records = tuple(_all_readable("record {}", _record, dict(enumerate(run["records"]))).values())
        place = here if any(_has(here, record.wall_time, *record.key) for record in records) else None
    else:
        settled = _readable("what is settled", lambda: msgspec.convert(run.get("settled"), Settled | None))
        kind = list[list[str | int | float]]
        perturbing = _readable("what was perturbed", lambda: msgspec.convert(run.get("perturbing", []), kind)) or []
        awaited = set(map(tuple, perturbing))
        captured: list[tuple[Any, ...]] = [*((stub.wall_time, *stub.key) for _, stub in opened), *awaited]
        if settled:
            layer, epoch, wall_time = settled.first
            captured = [(wall_time, layer, epoch, settled.first_step)]
        place = _place(captured, _places(here, state))
        records = _from_place(place, settled, {stub.key for _, stub in opened}, awaited, state.get("folder"))
    return EarlierPart(
        records=records,
        open=opened,
        windows=_by_watched("the window of {0.layer!r}", _window, run.get("windows", {}), layers),
        varying=_by_watched("the choice of units of {0.layer!r}", _units, run.get("varying", {}), layers),
        folder=None if place is None else place.parent,
        here=place is not None and place == here,
        subfolder=FOLDER if place is None else place.name,
        spent=_readable("what was spent of the budget", lambda: msgspec.convert(run["budget"], Spent)) if "budget" in run else None,
    )


def _places(here: Path | None, state: Mapping[str, Any]) -> Iterator[Path]:
    """Yields the folders that may have the run's records: ``iit`` where the run goes on and where it was, then those moved aside.

    A folder that another training found in its place is called ``iit-1``, or the next free number; its marker has the run's id.
    """
    before = state.get("folder")
    places = [place for place in (here, None if before is None else Path(before) / FOLDER) if place is not None]
    yield from places
    for place in places:
        for aside in sorted(place.parent.glob(f"{FOLDER}-[0-9]*")):
            if (owner := read_owner(aside)) is not None and owner.run == state.get("run_id"):
                yield aside


def _place(captured: Sequence[tuple[Any, ...]], candidates: Iterable[Path]) -> Path | None:
    """Returns the first folder that has one of these records (wall time and key); None where none has."""
    return next((place for place in candidates if any(_has(place, *one) for one in captured)), None)


def _has(place: Path | None, wall_time: float, layer: str, epoch: int, step: int | None = None) -> bool:
    """Returns whether a folder ``iit`` has the record of this key that was captured at this time."""
    if place is None:
        return False
    try:
        return decode(read_regular(place / Path(record_name(layer, epoch, step)).relative_to(FOLDER))).wall_time == wall_time
    except (OSError, RecordError):
        return False


def _from_place(
    place: Path | None, settled: Settled | None, known: set[Any], awaited: set[tuple[Any, ...]], earlier: object
) -> tuple[EpochRecord, ...]:
    """Reads the settled records of a folder ``iit``, and awaited ones of epochs that were being perturbed; says what is missing."""
    awaited = {one for one in awaited if one[1:] not in known}
    if settled is None and not awaited:
        return ()
    found = () if place is None else _readable(f"the folder {place}", lambda: read_run(place).records) or ()
    # Later epochs are those of a run that went on from here before; open analyses are computed again.
    there = [record for record in found if not isinstance(record.result, Open) and record.key not in known]
    later = [record for record in there if (record.wall_time, *record.key) in awaited]
    if missing := len(awaited) - len(later):
        rank_zero_warn(
            f"IITCallback: {missing} epochs were being perturbed when the checkpoint was written, and the run ended before they "
            "had a record. They have none. Training goes on."
        )
    if settled is None:
        return tuple(later)
    records = [one for one in there if one.order <= settled.order and (one.wall_time, *one.key) not in awaited]
    if len(records) < settled.records:
        wrote = Path(str(earlier)) / FOLDER if place is None and earlier is not None else place
        where = "without a folder" if wrote is None else f"that wrote into {wrote}"
        rank_zero_warn(
            f"IITCallback: {settled.records - len(records)} of the {settled.records} records of the resumed run {where} are not "
            "there and are missing in callback.records, in the report and in the page. Training goes on. To have them, resume "
            "where this folder is."
        )
    return (*records, *later)


def check_state(state: object) -> None:
    """Checks that a callback's state has the parts that it must have.

    Raises:
        InvalidArgumentError: the state, or a part of it, is of another type.
    """
    if not isinstance(state, Mapping):
        msg = f"load_state_dict({state!r:.60}): the state of an IITCallback is a dict, as its state_dict() returns it."
        raise InvalidArgumentError(msg)
    for path, kind in _SHAPES.items():
        part: Any = state
        for name in path:
            part = part.get(name) if isinstance(part, Mapping) else None
        if part is not None and not isinstance(part, kind):
            name, wanted = ".".join(path), "dict" if kind is Mapping else kind.__name__
            msg = (
                f"load_state_dict(...): {name!r} in the state of the IITCallback is {part!r:.60}, where a {wanted} is expected. "
                "The checkpoint is damaged, or the state is that of another callback. Resume from another checkpoint, or without "
                "this state."
            )
            raise InvalidArgumentError(msg)


def say_other_options(then: Mapping[str, str], now: Mapping[str, str]) -> None:
    """Warns of the options that differ from those of the earlier part of the run and change a number.

    Args:
        then: each option of the earlier part, as text.
        now: each option that holds now, as text.
    """
    names = [name for name in now if name in then and then[name] != now[name]]
    differ = [f"{name}={now[name]} (before: {then[name]})" for name in names if name not in _WITHOUT_EFFECT | _KEPT]
    if differ:
        rank_zero_warn(
            f"IITCallback: the run goes on with other options than before: {', '.join(differ)}. They hold from the next epoch on, "
            "but for units that are chosen already and frozen thresholds: these stay. Values before and after are not comparable. "
            "To go on as before, give the earlier options."
        )


def _readable(what: str, read: Callable[[], _T]) -> _T | None:
    """Returns what ``read`` returns; where it raises, warns that this part of the state is left out, and returns None."""
    try:
        return read()
    except Exception as error:  # noqa: BLE001  a damaged state may raise anything
        rank_zero_warn(
            f"IITCallback: {what} of the resumed run cannot be read and is left out ({type(error).__name__}: {error}). "
            "Training goes on with all else."
        )
        return None


def _all_readable(what: str, read: Callable[[Any], _T], parts: Mapping[_Key, Any]) -> dict[_Key, _T]:
    """Reads each part; leaves out, with a warning, those that cannot be read. ``what`` names a part by its key."""
    found = {key: _readable(what.format(key), partial(read, part)) for key, part in parts.items()}
    return {key: value for key, value in found.items() if value is not None}


def _by_watched(what: str, read: Callable[[Any], _T], parts: Mapping[str, Any], layers: Mapping[str, Any]) -> dict[Watched, _T]:
    """Reads each part as :func:`_all_readable` does; ``layers`` are those of the state. The keys become what is watched."""
    return _all_readable(what, read, {Watched.of_text(key, layers): part for key, part in parts.items()})


def _record(packed: str) -> EpochRecord:
    """Reads a packed record."""
    return decode(_unpack(packed))


def _units(units: object) -> Units:
    """Reads units from plain data."""
    return msgspec.convert(units, Units)


def _open(packed: Sequence[str]) -> tuple[PhiTask, EpochRecord]:
    """Reads the packed task and record of an open analysis."""
    task, stub = packed
    return msgspec.json.decode(_unpack(task), type=PhiTask), decode(_unpack(stub))


def _window(packed: Iterable[str]) -> tuple[WindowEpoch, ...]:
    """Reads the packed epochs of a window."""
    return tuple(msgspec.json.decode(_unpack(text), type=WindowEpoch) for text in packed)


def _pack(struct: msgspec.Struct) -> str:
    """Returns a struct as compressed JSON in base 85."""
    return base64.b85encode(zlib.compress(encode(struct))).decode("ascii")


def _unpack(text: str) -> bytes:
    """Returns the JSON that ``_pack`` compressed."""
    return zlib.decompress(base64.b85decode(text))
