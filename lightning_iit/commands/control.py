"""``lightning-iit control``: tells a running training to pause, end, have other epochs, analyse now, and so on."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from lightning_iit.commands.inputs import parse_formalisms, parse_units
from lightning_iit.commands.tables import print_json
from lightning_iit.errors import InvalidArgumentError, RecordError
from lightning_iit.records import Open, decode
from lightning_iit.records.disk.files import read_regular
from lightning_iit.records.disk.owner import MARKER, is_alive
from lightning_iit.records.names import FOLDER
from lightning_iit.records.steering.folder import LESION, answer_to, answers_in, read_lesion, send
from lightning_iit.records.steering.selection import Selection

if TYPE_CHECKING:
    from rich.console import Console

    from lightning_iit.records import EpochRecord
    from lightning_iit.records.steering.commands import Answer, Verb

Word: TypeAlias = "Verb | Literal['log']"
_OPTIONS: dict[str, tuple[Verb, ...]] = {
    "layer": ("analyse", "lesion"),
    "state": ("analyse",),
    "to": ("lesion",),
    "layers": ("watch",),
    "groups": ("watch",),
    "null_model": ("watch",),
    "surrogates": ("watch",),
    "units": ("analyse", "lesion", "watch"),
    "formalism": ("analyse", "watch"),
}
"""Which commands have an option."""
_POLL = 0.2
"""Seconds between two looks at whether a record is complete."""


def run_control(run: str, verb: Word, timeout: float, as_json: bool, console: Console, **given: Any) -> int:
    """Sends a command to the training of a run, waits for its answer (and for the records that come of it), and prints both.

    Args:
        run: the run's directory, its folder ``iit``, or a folder with one run in training.
        verb: what is to be done; "log" prints what the run was told so far.
        timeout: how long to wait, in seconds.
        as_json: prints one JSON document instead of lines.
        console: where to print.
        given: what the command's options were given, as text or number, by their names.

    Returns:
        The exit status: 0 where it was done, 1 where it was refused, was not answered, or no Φ came of it.

    Raises:
        InvalidArgumentError: no training runs there, or several do; or the command lacks something.
        OSError: the command cannot be written.
    """
    if verb == "log":
        return _log(_directory(run, alive=False), as_json, console)
    given = _fields(verb, given)
    directory = _directory(run, alive=True)
    deadline = time.monotonic() + timeout
    command = send(directory, verb, **given)
    answer = None
    while answer is None and time.monotonic() < deadline:
        answer = answer_to(directory, command, min(1.0, deadline - time.monotonic()))
        if answer is None and not is_alive(directory / FOLDER):
            answer = answer_to(directory, command)  # it may have been the last thing that the training did
            break
    if answer is None:
        ended = not is_alive(directory / FOLDER)
        why = "its training has ended" if ended else f"none within {timeout:g} s; it is looked at when the batch ends"
        console.print(f"No answer from {directory}: {why}.", highlight=False, markup=False)
        return 1
    records = _records(directory, answer, deadline)
    lesions = [read_lesion(directory / name) for name in answer.records if name.endswith(LESION)]
    if as_json:
        print_json({"answer": answer, "records": records, "lesions": lesions})
    else:
        console.print(answer.words, highlight=False, markup=False)
        for record in records:
            console.print(record.short_words, highlight=False, markup=False)
    missing = any(record.phi is None for record in records)
    return 0 if answer.outcome == "done" and not missing else 1


def _fields(verb: Verb, given: dict[str, Any]) -> dict[str, Any]:
    """Returns the fields of a command, read from its options.

    Raises:
        InvalidArgumentError: an option cannot be read, the command lacks something, or has what belongs to another command.
    """
    _check(verb, given)
    told = {name: value for name, value in given.items() if value is not None}
    if verb == "watch":
        return {"watch": _selection(told)}
    if "units" in told:
        told["units"] = parse_units(told["units"])
    if "formalism" in told:
        formalisms = parse_formalisms(told["formalism"])
        if len(formalisms) > 1:
            msg = f"--formalism {told['formalism']}: give one, as in --formalism iit4-2023."
            raise InvalidArgumentError(msg)
        told["formalism"] = formalisms[0]
    return told


def _selection(told: dict[str, Any]) -> Selection:
    """Reads what is to be watched."""
    if not told:
        msg = "watch: say what is watched from the next epoch on, as in `control RUN watch --layers net.gru --units 4`."
        raise InvalidArgumentError(msg)
    units, groups = told.get("units"), told.get("groups")
    if groups is not None and groups != "auto" and not groups.isdecimal():
        msg = f"--groups {groups!r}: give how many groups of units are surveyed, or 'auto'."
        raise InvalidArgumentError(msg)
    return Selection(
        layers=tuple(name.strip() for name in told["layers"].split(",")) if "layers" in told else None,
        units=units if units in {None, "auto"} else int(units) if units.strip().isdecimal() else parse_units(units),
        groups=groups if groups in {None, "auto"} else int(groups),
        formalism=parse_formalisms(told["formalism"]) if "formalism" in told else None,
        null_model=told.get("null_model"),
        surrogates=told.get("surrogates"),
    )


def _check(verb: Verb, given: dict[str, Any]) -> None:
    """Raises InvalidArgumentError where the command lacks something, or has what belongs to another command."""
    if verb == "epochs" and given.get("epochs") is None:
        msg = "epochs: give how many epochs the training is to have, as in `control RUN epochs 20`."
        raise InvalidArgumentError(msg)
    for name, verbs in _OPTIONS.items():
        if given.get(name) is not None and verb not in verbs:
            several = len(verbs) > 1
            which = f"s {', '.join(map(repr, verbs[:-1]))} and {verbs[-1]!r}" if several else f" {verbs[0]!r}"
            msg = f"--{name.replace('_', '-')}: this belongs to the command{which}."
            raise InvalidArgumentError(msg)
    if verb == "lesion" and given.get("units") is None:
        msg = "lesion: give the units that are set, as in `control RUN lesion --layer net.gru --units 0,1`."
        raise InvalidArgumentError(msg)
    if verb != "epochs" and given.get("epochs") is not None:
        msg = f"{given['epochs']}: a number belongs to the command 'epochs'."
        raise InvalidArgumentError(msg)


def _directory(run: str, *, alive: bool) -> Path:
    """Returns the directory of the run at a path; of several below it, the one whose training lives.

    Raises:
        InvalidArgumentError: there is none, or more than one.
    """
    path = Path(run)
    if not path.is_dir():
        msg = f"{run}: there is no such folder."
        raise InvalidArgumentError(msg)
    own = path if path.name == FOLDER else path / FOLDER
    markers = [own / MARKER] if (own / MARKER).exists() else sorted(path.rglob(f"{FOLDER}/{MARKER}"))
    found = [marker.parent.parent for marker in markers]
    living = [one for one in found if is_alive(one / FOLDER)] if alive or len(found) > 1 else found
    if len(living) == 1:
        return living[0]
    if living:
        msg = f"{run}: trainings run in {', '.join(repr(str(one)) for one in living)}. Give the folder of one of them."
    elif found:
        msg = f"{run}: no training runs there (any more). It takes commands from its first batch to its end, with control=True."
    else:
        msg = f"{run}: this is no run's directory; give the one that holds the folder 'iit'."
    raise InvalidArgumentError(msg)


def _records(directory: Path, answer: Answer, deadline: float) -> list[EpochRecord]:
    """Returns the records that come of a command, once each is complete or the time is over."""
    found = []
    for name in (one for one in answer.records if not one.endswith(LESION)):
        record = _record(directory / name)
        while (record is None or isinstance(record.result, Open)) and time.monotonic() < deadline and is_alive(directory / FOLDER):
            time.sleep(_POLL)
            record = _record(directory / name)
        if record is not None:
            found.append(record)
    return found


def _record(path: Path) -> EpochRecord | None:
    """Reads a record; None where it is not there yet."""
    try:
        return decode(read_regular(path))
    except (OSError, RecordError):
        return None


def _log(directory: Path, as_json: bool, console: Console) -> int:
    """Prints what a run was told, and its answers."""
    answers = answers_in(directory)
    if as_json:
        print_json({"answers": answers})
        return 0
    for answer in answers:
        when = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(answer.answered))
        words = answer.id if answer.command is None else answer.command.words
        sender = "" if answer.command is None else f" ({answer.command.sender})"
        console.print(
            f"{when}, epoch {answer.epoch}, step {answer.step}: {words}{sender}: {answer.words}", highlight=False, markup=False
        )
    if not answers:
        console.print("This run was told nothing.", highlight=False)
    return 0
