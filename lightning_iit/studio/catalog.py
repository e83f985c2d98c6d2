"""All that can be chosen: networks, tasks, options of ``IITCallback``, and classes of the user's own modules."""

from __future__ import annotations

import importlib
import inspect
import re
from typing import TYPE_CHECKING, Any

import msgspec
from lightning.pytorch import LightningDataModule, LightningModule

from lightning_iit.callback import IITCallback
from lightning_iit.errors import InvalidArgumentError
from lightning_iit.studio.forms import Form, form_of
from lightning_iit.studio.presets import PRESETS, Preset
from lightning_iit.studio.training.networks import CNN, GRU, LSTM, MLP, RNN, Transformer
from lightning_iit.studio.training.stored_tasks import Digits, Mnist, Text
from lightning_iit.studio.training.tasks import Adding, DelayedCopy, ModularAddition, Parity

if TYPE_CHECKING:
    from collections.abc import Sequence

_NETWORKS = (GRU, LSTM, RNN, MLP, CNN, Transformer)
_TASKS = (Digits, DelayedCopy, Parity, Adding, ModularAddition, Mnist, Text)
_LABELS = {
    "DelayedCopy": "Delayed copy",
    "Adding": "Adding problem",
    "ModularAddition": "Modular addition",
    "Mnist": "MNIST in a folder",
    "Text": "Text, character by character",
}
BY_SHAPE = ("shape",)
"""Arguments of networks that the task gives."""
NOT_IN_FORM = ("executor", "trackers", "probe", "unit_fn", "step", "name", "table", "prog_bar", "control")
"""Options of ``IITCallback`` that are objects or functions, or that the studio sets."""
PATHS = {"Mnist": "folder", "Text": "file"}
"""Arguments that name a file or a folder, below the root."""
_OWN = re.compile(r"([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*):([A-Za-z_]\w*)")


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """Describes a class that can be chosen.

    Attributes:
        name: its name in requests.
        label: its name for people.
        words: what it is.
        form: its arguments.
    """

    name: str
    label: str
    words: str
    form: Form


class Choices(msgspec.Struct, frozen=True, kw_only=True):
    """Holds all that can be chosen.

    Attributes:
        root: the folder of the runs.
        networks: the networks.
        tasks: the tasks.
        iit: the options of ``IITCallback``.
        presets: trainings that teach something.
        allowed: the modules whose classes can be chosen as ``module:Class``.
        at_once: how many trainings run at once.
        servers: the addresses of the MLflow servers that trainings may log to.
    """

    root: str
    networks: tuple[Choice, ...]
    tasks: tuple[Choice, ...]
    iit: Form
    presets: tuple[Preset, ...]
    allowed: tuple[str, ...]
    at_once: int
    servers: tuple[str, ...]


def choices(root: str, allowed: Sequence[str], at_once: int, servers: Sequence[str] = ()) -> Choices:
    """Returns all that can be chosen."""
    return Choices(
        root=root,
        networks=tuple(_choice(kind, BY_SHAPE) for kind in _NETWORKS),
        tasks=tuple(_choice(kind) for kind in _TASKS),
        iit=form_of(IITCallback, NOT_IN_FORM),
        presets=PRESETS,
        allowed=tuple(allowed),
        at_once=at_once,
        servers=tuple(servers),
    )


def own_choice(name: str, base: type, allowed: Sequence[str]) -> Choice:
    """Returns the description of a class of the user's own.

    Raises:
        InvalidArgumentError: it is not allowed, or is no such class.
    """
    kind = chosen_class(name, base, allowed)
    return _choice(kind, BY_SHAPE if issubclass(kind, LightningModule) else (), name)


def chosen_class(name: str, base: type, allowed: Sequence[str]) -> type:
    """Returns the class of a name: one of the catalogue, or ``module:Class`` of a module that is allowed.

    Args:
        name: the name.
        base: LightningModule or LightningDataModule, which it has to derive from.
        allowed: the modules, with all modules in them, that may be imported.

    Raises:
        InvalidArgumentError: there is no such class, or its module is not allowed. Then nothing is imported.
    """
    own = _NETWORKS if base is LightningModule else _TASKS
    for kind in own:
        if kind.__name__ == name:
            return kind
    found = _OWN.fullmatch(name)
    if found is None:
        there = ", ".join(kind.__name__ for kind in own)
        msg = f"{name[:80]!r} is no class that can be chosen. There are {there}, or give one of your own as module:Class."
        raise InvalidArgumentError(msg)
    module, attribute = found.groups()
    if not any(module == one or module.startswith(f"{one}.") for one in allowed):
        msg = f"{name[:80]!r}: its module is not allowed. Start the studio with --allow {module.partition('.')[0]}."
        raise InvalidArgumentError(msg)
    try:
        kind = getattr(importlib.import_module(module), attribute)
    except Exception as error:
        msg = f"{name!r} cannot be imported: {type(error).__name__}: {error}."
        raise InvalidArgumentError(msg) from error
    if not (inspect.isclass(kind) and issubclass(kind, base)) or inspect.isabstract(kind):
        msg = f"{name!r} is no {base.__name__}. Give a class that derives from it."
        raise InvalidArgumentError(msg)
    return kind


BASES: dict[str, Any] = {"network": LightningModule, "task": LightningDataModule}
"""What networks and tasks derive from."""


def _choice(kind: type, leave_out: Sequence[str] = (), name: str = "") -> Choice:
    """Returns the description of a class."""
    words = (inspect.getdoc(kind) or "").partition("\n\n")[0] if kind.__doc__ else ""
    own = kind.__name__
    return Choice(
        name=name or own, label=name or _LABELS.get(own, own), words=" ".join(words.split()), form=form_of(kind, leave_out)
    )
