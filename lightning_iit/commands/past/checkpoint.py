"""A past epoch analysed again from its checkpoint, with other units of a layer."""

from __future__ import annotations

import ast
import importlib
import pickle
import sys
from typing import TYPE_CHECKING, Any

import msgspec

from lightning_iit.errors import InvalidArgumentError
from lightning_iit.records.disk.files import read_regular
from lightning_iit.records.names import FOLDER, OPTIONS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from lightning_iit.records import EpochRecord

_TAKEN = (
    *("threshold", "transitions", "layout", "lag", "sources", "calibration_batches", "tpm", "background", "draws", "level"),
    *("direction", "hidden_only", "cm", "states", "prior", "cuts", "new_concepts", "seed"),
)
"""The options of the run that the analysis takes over."""
_FUNCTIONS = ("unit_fn", "step")
"""Options that are functions, of which a run keeps the names only."""
_CLASS_PATH = "_class_path"
"""The hyperparameter under which LightningCLI keeps the class of a module."""


def analysed_again(run_dir: Path, record: EpochRecord, units: Sequence[int], *, model: str | None, data: str | None) -> EpochRecord:
    """Analyses units of a layer at a past epoch, by the weights of a checkpoint of this epoch.

    Args:
        run_dir: the run's directory.
        record: a record of the layer at that epoch.
        units: the indices of the units.
        model: the class of the module, as ``module:Class``; None for the one that the checkpoint's hyperparameters name.
        data: ``module:name`` of a function that returns a loader, or of a LightningDataModule.

    Raises:
        InvalidArgumentError: there is no such checkpoint, class or data, or the run had an option that cannot be taken over.
    """
    which = f"units {', '.join(map(str, units))} of {record.layer!r} at epoch {record.epoch}"
    found = checkpoint_of(run_dir, record)
    if found is None:
        msg = (
            f"{which}: no recorded group has all of them, and no checkpoint of epoch {record.epoch} (step {record.global_step}) "
            f"lies in {run_dir}. Recorded are {groups_words(record)}."
        )
        raise InvalidArgumentError(msg)
    path, hyperparameters = found
    named = model or str(hyperparameters.get(_CLASS_PATH, ""))
    if not named:
        has = f"no recorded group has all of them. {path} has the weights"
        msg = f"{which}: {has}; give the class of the module, as in --model my_package.model:Model."
        raise InvalidArgumentError(msg)
    if data is None:
        msg = (
            f"{which}: no recorded group has all of them. {path} has the weights, but states are observed in data; give these, "
            "as in --data my_package.data:loader (a function that returns a loader, or a LightningDataModule)."
        )
        raise InvalidArgumentError(msg)
    module, loader = _loaded(_object(named, "--model"), path), _loader(_object(data, "--data"))
    from lightning_iit.analysis import analyse  # with torch, which an answer from a record does not need

    options = _options(run_dir) | {"units": list(units), "groups": 1, "formalism": record.formalisms}
    options |= {"workers": 0, "null_model": None, "pictures": False, "network": False}
    (again,) = analyse(module, loader, record.layer, epoch=record.epoch, global_step=record.global_step, **options)
    return again


def groups_words(record: EpochRecord) -> str:
    """Returns which groups of units a record has, the first six of them."""
    groups = [] if record.units is None else [record.units.indices]
    groups += [] if record.survey is None else [group.units.indices for group in record.survey.groups[1:]]
    shown = ["{" + ", ".join(map(str, group)) + "}" for group in groups[:6]]
    more = f" and {len(groups) - 6} more" if len(groups) > 6 else ""
    return (", ".join(shown) or "none") + more


def checkpoint_of(run_dir: Path, record: EpochRecord) -> tuple[Path, dict[str, Any]] | None:
    """Returns the checkpoint in a run's directory with the weights of a record, and its hyperparameters; None without one."""
    import torch

    for path in sorted(run_dir.rglob("*.ckpt")):
        try:
            state = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
        except (OSError, RuntimeError, ValueError, pickle.UnpicklingError):
            continue  # no checkpoint, or one that holds objects of the user's
        if isinstance(state, dict) and (state.get("epoch"), state.get("global_step")) == (record.epoch, record.global_step):
            return path, dict(state.get("hyper_parameters") or {})
    return None


def _object(named: str, option: str) -> Any:
    """Imports what ``module:name`` names; modules of the working directory are found too."""
    module, _, name = named.partition(":") if ":" in named else named.rpartition(".")
    if "" not in sys.path:
        sys.path.insert(0, "")
    try:
        return getattr(importlib.import_module(module), name)
    except Exception as error:
        why = f"it cannot be imported ({type(error).__name__}: {error})"
        msg = f"{option} {named}: {why}. Give module:name, as in my_package.model:Model."
        raise InvalidArgumentError(msg) from error


def _loaded(kind: Any, path: Path) -> Any:
    """Loads a module from a checkpoint."""
    if not hasattr(kind, "load_from_checkpoint"):
        msg = f"--model: {getattr(kind, '__name__', kind)} is no LightningModule, which has load_from_checkpoint."
        raise InvalidArgumentError(msg)
    try:
        return kind.load_from_checkpoint(path, map_location="cpu")
    except Exception as error:
        msg = f"--model: {kind.__name__} cannot be loaded from {path} ({type(error).__name__}: {error})."
        raise InvalidArgumentError(msg) from error


def _loader(made: Any) -> Any:
    """Returns the loader that a function returns, or the validation batches of a LightningDataModule."""
    try:
        found = made() if callable(made) else made
        if hasattr(found, "val_dataloader"):
            found.prepare_data()
            found.setup("fit")
            found = found.val_dataloader()
    except Exception as error:
        msg = f"--data: {getattr(made, '__name__', made)} gave no batches ({type(error).__name__}: {error})."
        raise InvalidArgumentError(msg) from error
    return found


def _options(run_dir: Path) -> dict[str, Any]:
    """Returns the options of a run that its analysis from a checkpoint takes over.

    Raises:
        InvalidArgumentError: the run had a function among its options, which cannot be read again.
    """
    file = run_dir / FOLDER / OPTIONS
    told = msgspec.json.decode(read_regular(file), type=dict[str, Any]) if file.is_file() else {}
    functions = [f"{name}={told[name]}" for name in _FUNCTIONS if told.get(name, "None") != "None"]
    if functions:
        msg = (
            f"the run had {' and '.join(functions)}, of which its folder has the names only: use analyse(...) in Python, with them."
        )
        raise InvalidArgumentError(msg)
    return {name: _value(str(told[name])) for name in _TAKEN if name in told}


def _value(text: str) -> Any:
    """Returns the value of an option from its text."""
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text
