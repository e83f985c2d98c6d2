"""Finds layers by their names or globs; where none is named, one is picked."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lightning_iit.capture.choose.picking import pick_layer
from lightning_iit.capture.scripted import SCRIPTED, is_hookable, is_scripted
from lightning_iit.errors import UnknownLayerError, UnsupportedOutputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import nn

_COMPILED = "_orig_mod"


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


def find_layers(model: nn.Module, layers: str | Sequence[str] | None) -> tuple[Layer, ...]:
    """Finds the layers of a model by names or globs, in the order in which these are given, each layer once.

    Args:
        model: where to look.
        layers: names or globs (``*`` stays within one part of a dotted name, ``**`` does not); None picks one layer.

    Raises:
        UnknownLayerError: a name or glob that is no module's, or no layer to pick.
        UnsupportedOutputError: a layer of TorchScript, whose calls cannot be watched.
    """
    known = named_layers(model)
    if layers is None:
        names = [writable(pick_layer(model))]
    else:
        patterns = [layers] if isinstance(layers, str) else list(layers)
        names = list(dict.fromkeys(name for pattern in patterns for name in _matches(writable(pattern), known)))
    if not names:
        msg = "layers=(): no layer is named. Name at least one, or give None to have one picked."
        raise UnknownLayerError(msg)
    found = tuple(Layer(name, known[name], _ancestors(model, name, known)) for name in names)
    watchable = tuple(layer for layer in found if _is_watchable(layer))
    given = {layers} if isinstance(layers, str) else set(layers or ())
    refused = next((layer for layer in found if layer not in watchable and (layer.name in given or not watchable)), None)
    if refused is not None:
        msg = f"layers={refused.name!r}: {SCRIPTED}"
        raise UnsupportedOutputError(msg)
    return watchable


def _is_watchable(layer: Layer) -> bool:
    """Returns whether PyTorch calls hooks of a layer: not those of a scripted module, nor inside a scripted or traced one."""
    return is_hookable(layer.module) and not any(is_scripted(module) for module in layer.ancestors)


def _matches(pattern: str, known: dict[str, nn.Module]) -> list[str]:
    if pattern in known:
        return [pattern]
    if any(sign in pattern for sign in "*?["):
        found = [name for name in known if is_match(name, pattern)]
        if found:
            return found
    close = difflib.get_close_matches(pattern, known, n=5, cutoff=0.4)
    hint = f"Close matches: {', '.join(close)}." if close else _some(list(known))
    msg = f"layers={pattern!r}: no module of the model has this name or matches it. {hint}"
    raise UnknownLayerError(msg)


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
