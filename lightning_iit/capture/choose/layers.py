"""Finds layers by their names or globs; where none is named, one is picked."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from torch import nn

from lightning_iit.capture.choose.picking import pick_layer
from lightning_iit.capture.preserved import unwrapped
from lightning_iit.capture.scripted import SCRIPTED, is_scripted
from lightning_iit.errors import InvalidArgumentError, UnknownLayerError, UnsupportedOutputError
from lightning_iit.records.names import layer_slug

if TYPE_CHECKING:
    from collections.abc import Sequence

_COMPILED = "_orig_mod"
_CONTAINERS = (nn.ModuleList, nn.ModuleDict, nn.ParameterList, nn.ParameterDict)


@dataclass(frozen=True)
class Layer:
    """A module by its name in the model, with the modules that contain it, outermost first."""

    name: str
    module: nn.Module
    ancestors: tuple[nn.Module, ...]


def named_layers(model: nn.Module) -> dict[str, nn.Module]:
    r"""Returns every named module but the model itself.

    A module that ``torch.compile`` wraps is found under its plain name. Characters that no file can hold in UTF-8 (lone
    surrogates) are written as ``\udcff`` in names, so that every name can be in records, metrics and reports.
    """
    layers: dict[str, nn.Module] = {}
    for name, module in model.named_modules(remove_duplicate=False):
        plain = ".".join(part for part in name.split(".") if part != _COMPILED)
        if plain:
            layers[writable(plain)] = module
    return layers


def writable(name: str) -> str:
    r"""Returns a name with lone surrogates (``os.fsdecode`` makes them of bytes that are no UTF-8) written as backslash codes.

    Example:
        >>> print(writable("fc\udcff"))
        fc\udcff
    """
    return name.encode("utf-8", "backslashreplace").decode()


def find_layers(model: nn.Module, layers: str | nn.Module | Sequence[str | nn.Module] | None) -> tuple[Layer, ...]:
    """Finds layers by names, globs or the modules themselves, in the order in which these are given, each layer once.

    Args:
        model: where to look.
        layers: names or globs (``*`` stays within one part of a dotted name, ``**`` does not), modules of the model, or a list of
            these; None picks one layer.

    Raises:
        UnknownLayerError: a name or glob that is no module's, a module that is not in the model, or no layer to pick.
        InvalidArgumentError: a module that is never called, such as an ``nn.ModuleList``, or two layers whose names differ only in
            the case of letters.
        UnsupportedOutputError: a layer inside of TorchScript, whose calls cannot be watched.
    """
    known = named_layers(model)
    if layers is None:
        names = [writable(pick_layer(model))]
        given = set(names)
    else:
        wanted = [layers] if isinstance(layers, (str, nn.Module)) else list(layers)
        named = [_matches(writable(one), known) if isinstance(one, str) else [_name_of(one, known)] for one in wanted]
        names = list(dict.fromkeys(name for found in named for name in found))
        given = {
            name for one, found in zip(wanted, named, strict=True) for name in found if not isinstance(one, str) or name == one
        }
    if not names:
        msg = "layers=(): no layer is named. Name at least one, or give None to have one picked."
        raise UnknownLayerError(msg)
    for name in names:
        _check_called(name, known)
    _check_apart(names)
    layers_found = tuple(Layer(name, known[name], _ancestors(model, name, known)) for name in names)
    watchable = tuple(layer for layer in layers_found if _is_watchable(layer))
    refused = next((layer for layer in layers_found if layer not in watchable and (layer.name in given or not watchable)), None)
    if refused is not None:
        msg = f"layers={refused.name!r}: {SCRIPTED}"
        raise UnsupportedOutputError(msg)
    return watchable


def _is_watchable(layer: Layer) -> bool:
    """Returns whether PyTorch calls hooks of a layer: not of one inside a scripted or traced module."""
    return not any(is_scripted(module) for module in layer.ancestors)


def _matches(pattern: str, known: dict[str, nn.Module]) -> list[str]:
    if pattern in known:
        return [pattern]
    if any(sign in pattern for sign in "*?["):
        found = [name for name in known if is_match(name, pattern)]
        if found:
            return [name for name in found if _is_called(known[name])] or found
    close = difflib.get_close_matches(pattern, known, n=5, cutoff=0.4)
    hint = f"Close matches: {', '.join(close)}." if close else _some(list(known))
    msg = f"layers={pattern!r}: no module of the model has this name or matches it. {hint}"
    raise UnknownLayerError(msg)


def _name_of(module: nn.Module, known: dict[str, nn.Module]) -> str:
    """Returns the name of a module in the model; raises UnknownLayerError where it is in another one."""
    found = next((name for name, one in known.items() if one is unwrapped(module)), None)
    if found is None:
        msg = (
            f"layers=: a {type(module).__name__} was given that is no module of the model (a copy of one, or the model itself, is "
            f"none). Give a module of this very model, or its name. {_some(list(known))}"
        )
        raise UnknownLayerError(msg)
    return found


def _is_called(module: nn.Module) -> bool:
    """Returns whether a module can be called: torch's containers have no ``forward``, unless a subclass gives them one."""
    return not isinstance(module, _CONTAINERS) or type(module).forward is not nn.Module.forward


def _check_called(name: str, known: dict[str, nn.Module]) -> None:
    """Raises InvalidArgumentError for a module that is never called, and so has no output."""
    if _is_called(known[name]):
        return
    parts = [one for one in known if one.startswith(f"{name}.") and "." not in one.removeprefix(f"{name}.")]
    above = name.rpartition(".")[0]
    instead = [f"its parts, layers={name + '.*'!r} ({', '.join(parts[:4])}{', ...' if len(parts) > 4 else ''})"] if parts else []
    instead += [f"the module that holds it, layers={above!r}"] if above in known else []
    kind = type(known[name]).__name__
    msg = f"layers={name!r}: a {kind} holds modules and is never called itself, so it has no output. Name {' or '.join(instead)}."
    raise InvalidArgumentError(msg)


def _check_apart(names: Sequence[str]) -> None:
    """Raises InvalidArgumentError for two names that would be one where upper and lower case are the same."""
    known: dict[str, str] = {}
    for name in names:
        other = known.setdefault(layer_slug(name).lower(), name)
        if other != name:
            msg = (
                f"layers=: {other!r} and {name!r} differ only in the case of letters. Where a file system or a database makes no "
                "difference between them (macOS, Windows), the files and metrics of one would overwrite those of the other. "
                "Watch each with a callback of its own: IITCallback(layers=..., name=...)."
            )
            raise InvalidArgumentError(msg)


def is_match(name: str, pattern: str) -> bool:
    """Returns whether a layer's name equals ``pattern``, or matches it as a glob."""
    return name == pattern or re.fullmatch(_glob(pattern), name) is not None


def _glob(pattern: str) -> str:
    parts = re.split(r"(\*\*|\*|\?|\[[^\]]*\])", pattern)
    signs = {"**": ".*", "*": r"[^.]*", "?": r"[^.]"}
    return "".join(signs.get(part, part if part.startswith("[") else re.escape(part)) for part in parts)


def _some(names: Sequence[str]) -> str:
    shown = ", ".join(names[:10]) or "none"
    return f"Its modules: {shown}{', ...' if len(names) > 10 else ''}."


def _ancestors(model: nn.Module, name: str, known: dict[str, nn.Module]) -> tuple[nn.Module, ...]:
    parts = name.split(".")
    above = [".".join(parts[:end]) for end in range(1, len(parts))]
    return (model, *(known[prefix] for prefix in above if prefix in known))
