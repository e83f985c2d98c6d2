"""Chooses the modules of a model that may be watched for its picture, and names what is not drawn."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lightning_iit.capture.choose.layers import writable
from lightning_iit.capture.layer_kinds import kind_of
from lightning_iit.capture.scripted import is_scripted
from lightning_iit.snapshot.layers import is_norm

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from torch import nn

_MOST_NAMED = 3


def visible_modules(model: nn.Module) -> tuple[dict[str, nn.Module], list[str]]:
    """Returns the modules that may get hooks, by name, and notes on what cannot be shown.

    Left out are compiled and scripted modules, and what is inside of those or of a layer whose parts are drawn as one: these inner
    modules are not called as modules, so hooks on them would see nothing.
    """
    closed: list[str] = []
    found: dict[str, nn.Module] = {}
    notes: list[str] = []
    for given, module in model.named_modules():
        name = writable(given)
        if any(not prefix or name.startswith(f"{prefix}.") for prefix in closed):
            continue
        if is_scripted(module):
            closed.append(name)
            notes.append(f"{name or 'The model'} is TorchScript: it is not shown.")
            continue
        if getattr(module, "_compiled_call_impl", None) is not None or hasattr(module, "_orig_mod"):
            closed.append(name)
            notes.append(f"{name or 'The model'} is compiled: its inside is not shown.")
            continue
        if kind_of(module).whole:
            closed.append(name)
        found[name] = module
    return found, notes


def not_drawn(modules: Mapping[str, nn.Module], layers: Collection[str]) -> list[str]:
    """Returns notes on the modules with parameters of their own that are no layers."""
    own = {name: [key for key, _ in module.named_parameters(recurse=False)] for name, module in modules.items()}
    own = {name: keys for name, keys in own.items() if keys and name not in layers and not _is_inside(name, layers)}
    norms = [name for name in own if is_norm(modules[name])]
    others = [f"{name}.{key}" if name else key for name, keys in own.items() if name not in norms for key in keys]
    notes = []
    if norms:
        notes.append(f"Not drawn: {_few(norms)} (normalisation: it has no weights from unit to unit).")
    if others:
        notes.append(f"Not drawn: {_few(others)} (parameters that belong to no layer).")
    return notes


def _is_inside(name: str, layers: Collection[str]) -> bool:
    return any(name.startswith(f"{layer}.") for layer in layers)


def _few(names: list[str]) -> str:
    more = len(names) - _MOST_NAMED
    return ", ".join(names) if more <= 1 else f"{', '.join(names[:_MOST_NAMED])} and {more} more"
