"""Names and globs of layers, to modules; and a sensible layer where none is named."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from torch import nn

from lightning_iit.capture.layer_kinds import kind_of
from lightning_iit.errors import UnknownLayerError

if TYPE_CHECKING:
    from collections.abc import Sequence

_COMPILED = "_orig_mod"
_ACTIVATION = re.compile(r"relu|gelu|elu|silu|swish|tanh|sigmoid|mish|activation", re.IGNORECASE)
_AT_THE_OUTPUT = (nn.Softmax, nn.LogSoftmax, nn.Sigmoid, nn.LogSigmoid, nn.Softmin, nn.Softmax2d)


@dataclass(frozen=True)
class Layer:
    """A module by its name in the model, with the modules that contain it, outermost first."""

    name: str
    module: nn.Module
    ancestors: tuple[nn.Module, ...]


def named_layers(model: nn.Module) -> dict[str, nn.Module]:
    """Every named module but the model itself; what ``torch.compile`` wraps is found under its plain name."""
    layers: dict[str, nn.Module] = {}
    for name, module in model.named_modules(remove_duplicate=False):
        plain = ".".join(part for part in name.split(".") if part != _COMPILED)
        if plain:
            layers[plain] = module
    return layers


def find_layers(model: nn.Module, layers: str | Sequence[str] | None) -> tuple[Layer, ...]:
    """The layers of a model by names or globs, in the order in which they are given, each once.

    Args:
        model: where to look.
        layers: names or globs (``*`` stays within one part of a dotted name, ``**`` does not); None picks one layer.

    Raises:
        UnknownLayerError: a name or glob that is no module's, or no layer to pick.
    """
    known = named_layers(model)
    if layers is None:
        names = [pick_layer(model)]
    else:
        patterns = [layers] if isinstance(layers, str) else list(layers)
        names = list(dict.fromkeys(name for pattern in patterns for name in _matches(pattern, known)))
    if not names:
        msg = "layers=(): no layer is named. Name at least one, or give None to have one picked."
        raise UnknownLayerError(msg)
    return tuple(Layer(name, known[name], _ancestors(model, name, known)) for name in names)


def pick_layer(model: nn.Module) -> str:
    """The name of one sensible hidden layer.

    The last recurrent layer where there is one; else the last activation function before the last layer with weights; else
    the last but one layer with weights (or the only one). Last in the order of definition: what runs last is not known before.

    Raises:
        UnknownLayerError: the model has no such layer.
    """
    kinds = {name: kind_of(module) for name, module in named_layers(model).items()}
    leaves = {name: module for name, module in named_layers(model).items() if kinds[name].recurrent or _is_leaf(module)}
    names = list(leaves)
    recurrent = [name for name in names if kinds[name].recurrent]
    weighted = [name for name in names if kinds[name].weighted]
    if recurrent:
        return recurrent[-1]
    if not weighted:
        msg = "layers=None: the model has no recurrent, linear or convolutional layer to pick. Name a layer: " + _some(names)
        raise UnknownLayerError(msg)
    hidden = [name for name in names[: names.index(weighted[-1])] if _is_activation(leaves[name])]
    return hidden[-1] if hidden else weighted[-2:][0]


def _is_leaf(module: nn.Module) -> bool:
    return next(module.children(), None) is None


def _is_activation(module: nn.Module) -> bool:
    return bool(_ACTIVATION.search(type(module).__name__)) and not isinstance(module, _AT_THE_OUTPUT)


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
    """Whether a layer's name is the name, or matches the glob, that ``pattern`` is."""
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
