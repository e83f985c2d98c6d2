"""Stacks of blocks in a model: finding the blocks, and the name that the blocks share."""

from __future__ import annotations

from torch import nn

from lightning_iit.errors import UnknownLayerError


def find_stack(model: nn.Module) -> tuple[str, ...]:
    """Finds the longest stack of blocks in a model and returns the names of its blocks, in order of depth.

    A stack is a ``ModuleList`` or ``Sequential`` with at least two children, all of one class and all with parameters. Of several
    longest stacks the first one is taken.

    Raises:
        UnknownLayerError: the model has no stack.
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
    """Returns the longest common beginning of several dotted names, or "depth" where the names share none.

    Example:
        >>> common_name(("encoder.layers.0", "encoder.layers.1"))
        'encoder.layers'
    """
    parts = [name.split(".") for name in names]
    shared = []
    for level in zip(*parts, strict=False):
        if len(set(level)) > 1:
            break
        shared.append(level[0])
    return ".".join(shared) or "depth"
