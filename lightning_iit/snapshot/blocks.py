"""Finds the blocks of a network: modules of one class that are repeated, such as the blocks of a transformer or a ResNet."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

from torch import nn

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

_CONTAINERS = (nn.Sequential, nn.ModuleList, nn.ModuleDict)
_PARTS = (
    ("attention", re.compile(r"attention|attn", re.IGNORECASE)),
    ("MLP", re.compile(r"mlp|feed_?forward|ffn|intermediate|(?<!self)output$", re.IGNORECASE)),
)
"""What a part of a block is, by the name of its class."""


def find_blocks(modules: Mapping[str, nn.Module], layers: Collection[str]) -> dict[str, str]:
    """Finds the outermost modules with two layers or more whose class occurs several times among such modules.

    Args:
        modules: the modules by name, the model itself among them as "".
        layers: the names of the modules that are drawn as layers.

    Returns:
        The class of each block, by the name of its module.
    """
    inside = Counter(above for layer in layers for above in _above(layer))
    candidates = {
        name: type(module)
        for name, module in modules.items()
        if name and name not in layers and inside[name] > 1 and type(module) not in _CONTAINERS
    }
    often = Counter(candidates.values())
    repeated = {name for name, kind in candidates.items() if often[kind] > 1}
    return {name: candidates[name].__name__ for name in candidates if name in repeated and repeated.isdisjoint(_above(name))}


def block_of(name: str, blocks: Collection[str]) -> str | None:
    """Returns the block that a module is or is in; None for a module outside of all blocks."""
    return next((above for above in (name, *_above(name)) if above in blocks), None)


def part_of(name: str, modules: Mapping[str, nn.Module], block: str) -> str:
    """Returns the part of its block that a layer is in, "attention" or "MLP"; an empty string for another one."""
    for above in (name, *_above(name)):
        if above == block:
            break
        kind = type(modules[above]).__name__ if above in modules else ""
        for part, words in _PARTS:
            if words.search(kind):
                return part
    return ""


def _above(name: str) -> list[str]:
    """Returns the names of the modules that a module is in, the nearest first, without the model itself."""
    parts = name.split(".")
    return [".".join(parts[:size]) for size in range(len(parts) - 1, 0, -1)]
