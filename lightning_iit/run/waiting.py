"""Says what is waited for at the end of a training: which layers and epochs, and that code is compiled."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lightning_iit.phi.engine import PhiEngine
    from lightning_iit.records.schema import Key

COMPILING = "The engine's code is compiled first, which takes some ten seconds and is done once on a machine."
"""The sentence for a wait in which the engine's code is compiled."""


def layers_and_epochs(keys: Iterable[Key]) -> str:
    """Names layers with their epochs.

    Args:
        keys: the key of each record; of those within an epoch the epoch is named.

    Example:
        >>> layers_and_epochs([("gru", 3), ("gru", 4), ("gru", 5), ("head", 5), ("head", 2)])
        'gru, epochs 3 to 5; head, epochs 2, 5'
    """
    layers: dict[str, list[int]] = {}
    for layer, epoch in sorted({(key[0], key[1]) for key in keys}):
        layers.setdefault(layer or "(the whole model)", []).append(epoch)
    return "; ".join(f"{layer}, {_epochs(epochs)}" for layer, epochs in layers.items())


def compiles_first(engine: PhiEngine) -> bool:
    """Says whether the engine's code is still to be compiled on this machine; False for an engine that does not say so."""
    is_compiled = getattr(engine, "is_compiled", None)
    return is_compiled is not None and not is_compiled()


def _epochs(epochs: list[int]) -> str:
    """Names epochs, in ascending order, one by one or as a range."""
    if len(epochs) == 1:
        return f"epoch {epochs[0]}"
    if epochs[-1] - epochs[0] == len(epochs) - 1:
        return f"epochs {epochs[0]} to {epochs[-1]}"
    return f"epochs {', '.join(map(str, epochs))}" if len(epochs) <= 8 else f"{len(epochs)} epochs from {epochs[0]} to {epochs[-1]}"
