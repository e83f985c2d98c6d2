"""``lightning-iit sweep``: computes Φ of the layers of every checkpoint of a training."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from lightning_iit.commands.tables import print_json
from lightning_iit.errors import InvalidArgumentError
from lightning_iit.records import logged
from lightning_iit.records.schema import symbol
from lightning_iit.report.cells import layer_phi
from lightning_iit.sweeps.sweep import sweep

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.console import Console

    from lightning_iit.records import EpochRecord
    from lightning_iit.sweeps.outcome import Sweep


def run_sweep(
    checkpoints: Sequence[str],
    model: str,
    data: str,
    layers: Sequence[str] | None,
    as_json: bool,
    console: Console,
    **options: Any,
) -> int:
    """Sweeps checkpoints and prints a line for each record; failures come last, with their reasons.

    Args:
        checkpoints: files or patterns.
        model: ``module:name`` of a class, or of a function that builds the model.
        data: ``module:name`` of a data module's class, or of a function that returns a loader.
        layers: names or globs; None picks one layer.
        as_json: prints one JSON document instead of lines.
        console: where to print.
        **options: those of :func:`~lightning_iit.sweep`.

    Returns:
        The exit status: 0 if every layer of every checkpoint has a Φ, else 1.

    Raises:
        IITError: a module or name that is not there, or what :func:`~lightning_iit.sweep` refuses.
    """
    found = sweep(checkpoints, _named("--model", model), _named("--data", data), layers, **options)
    if as_json:
        records = [
            {"layer": one.layer, "epoch": one.epoch, "step": one.step, "phi": logged.layer_phi(one), "kind": one.kind}
            for one in found.records
        ]
        told = {name: getattr(found, name) for name in ("folder", "computed", "there_before", "failures", "notes")}
        print_json({"ok": not found.failures, **told, "records": records})
    else:
        for line in _lines(found):
            console.print(line, highlight=False, markup=False)
    return 1 if found.failures else 0


def _lines(found: Sweep) -> Iterator[str]:
    """Yields what a sweep found, line by line."""
    yield from map(_words, found.records)
    yield from found.notes
    yield found.words
    if found.records:
        yield f"lightning-iit view {found.folder}"
    if found.failures:
        yield "Without a Φ:"
        yield from (f"  {line}" for line in found.failures_in_words)


def _words(record: EpochRecord) -> str:
    """Returns Φ of a layer by each formalism as a line."""
    each = "; ".join(f"{symbol(one.formalism)} {layer_phi(one)}" for one in record.by_formalism)
    return f"{record.when}, layer {record.layer!r}: {each} ({record.kind})"


def parse_options(given: Sequence[str]) -> dict[str, Any]:
    """Reads NAME=VALUE, with the value in YAML.

    Raises:
        InvalidArgumentError: there is no name, or the value is no YAML.
    """
    options: dict[str, Any] = {}
    for text in given:
        name, sign, value = text.partition("=")
        if not (name and sign):
            msg = f"--option {text}: give NAME=VALUE, as in units=4."
            raise InvalidArgumentError(msg)
        try:
            options[name.replace("-", "_")] = yaml.safe_load(value)
        except yaml.YAMLError as error:
            msg = f"--option {text}: {value!r} cannot be read as YAML ({' '.join(str(error).split())})."
            raise InvalidArgumentError(msg) from error
    return options


def _named(option: str, text: str) -> Any:
    """Returns what ``module:name`` names; the working directory is looked into too, as for a script that is run there.

    Raises:
        InvalidArgumentError: there is no such module or name, or the module raises an exception.
    """
    module, sign, name = text.partition(":")
    if not (module and sign and name):
        msg = f"{option} {text}: give MODULE:NAME, as in train:Model for the class Model in train.py."
        raise InvalidArgumentError(msg)
    if (here := str(Path.cwd())) not in sys.path:  # it stays there: what is imported may import further modules later
        sys.path.insert(0, here)
    try:
        found = import_module(module)
    except Exception as error:
        msg = f"{option} {text}: the module {module!r} cannot be imported in {here} ({type(error).__name__}: {error})."
        raise InvalidArgumentError(msg) from error
    for part in name.split("."):
        if not hasattr(found, part):
            msg = (
                f"{option} {text}: there is no {part!r} in {module!r}; it has {', '.join(_public(found)) or 'nothing of its own'}."
            )
            raise InvalidArgumentError(msg)
        found = getattr(found, part)
    return found


def _public(module: Any) -> list[str]:
    """Returns the names of the classes and functions that are a module's own."""
    return [
        name for name, value in vars(module).items() if getattr(value, "__module__", None) == module.__name__ and name[0] != "_"
    ]
