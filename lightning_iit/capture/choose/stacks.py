"""Stacks of blocks in a model: which modules they are, and what they are called together."""

from __future__ import annotations

from torch import nn

from lightning_iit.errors import UnknownLayerError


def find_stack(model: nn.Module) -> tuple[str, ...]:
    """The names of the blocks of the longest stack: the most modules of one class with weights, side by side in a container.

    Raises:
        UnknownLayerError: the model has no two such modules.
    """
    longest: tuple[str, ...] = ()
    for name, module in model.named_modules():
        if isinstance(module, (nn.ModuleList, nn.Sequential)):
            kinds = {type(child) for child in module.children()}
            names = tuple(f"{name}.{child}" if name else child for child, _ in module.named_children())
            weighted = all(any(True for _ in child.parameters()) for child in module.children())
            if len(kinds) == 1 and weighted and len(names) > max(len(longest), 1):
                longest = names
    if not longest:
        msg = "transitions='depth': no stack of blocks was found (modules of one class, side by side). Name the blocks: layers=..."
        raise UnknownLayerError(msg)
    return longest


def common_name(names: tuple[str, ...]) -> str:
    """What the dotted names of several blocks begin with, or "depth"."""
    parts = [name.split(".") for name in names]
    shared = []
    for level in zip(*parts, strict=False):
        if len(set(level)) > 1:
            break
        shared.append(level[0])
    return ".".join(shared) or "depth"
