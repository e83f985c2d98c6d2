"""A fingerprint of weights, by which runs are known that began with the same ones."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import torch
from torch.nn.parameter import is_lazy

from lightning_iit.capture.sharded import is_spread

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import nn


def fingerprint(model: nn.Module, layers: Sequence[str]) -> str:
    """Computes a hash of the parameters of some layers: their names within the layer, shapes, types and values.

    Args:
        model: the model.
        layers: the names of the layers in it.

    Returns:
        32 hexadecimal digits; an empty text where the layers have no parameters, or not yet their shapes, or where the parameters
        are spread over the ranks.
    """
    modules = dict(model.named_modules())
    if any(is_spread(modules[layer]) for layer in layers if layer in modules):
        return ""
    parameters = [named for layer in layers if layer in modules for named in modules[layer].named_parameters()]
    if not parameters or any(is_lazy(parameter) for _, parameter in parameters):
        return ""
    found = hashlib.blake2b(digest_size=16)
    for name, parameter in parameters:
        found.update(f"{name} {tuple(parameter.shape)} {parameter.dtype}".encode())
        found.update(parameter.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy())
    return found.hexdigest()
