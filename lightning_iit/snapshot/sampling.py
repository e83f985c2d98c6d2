"""The layers and units of a large network that its picture shows."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lightning_iit.snapshot.layers import LayerSpec

MAX_UNITS = 64
"""The largest number of units sampled in one layer, unless another is given."""
_MAX_NEURONS = 1_200
_MAX_LAYERS = 160


def sampled_units(spec: LayerSpec, cap: int, wanted: set[int], seed: int) -> tuple[int, ...]:
    """Returns the sampled units of a layer, ascending: the wanted ones and others, drawn with the seed, up to ``cap`` in all."""
    if spec.width <= cap:
        return tuple(range(spec.width))
    chosen = {unit for unit in wanted if 0 <= unit < spec.width}
    others = [unit for unit in range(spec.width) if unit not in chosen]
    generator = random.Random(f"{seed}:{spec.name}")  # noqa: S311  # not for secrets
    return tuple(sorted(chosen | set(generator.sample(others, max(0, cap - len(chosen))))))


def thinned(names: list[str], wanted: set[str], most: int) -> set[str]:
    """Returns all wanted names and ``most`` names at even distances; returns all names if there are at most ``most``."""
    if len(names) <= most:
        return set(names)
    step = (len(names) - 1) / (most - 1)
    return {names[round(index * step)] for index in range(most)} | (wanted & set(names))


def shown_layers(drawn: list[str], wanted: set[str]) -> set[str]:
    """Returns which of the layers that can be drawn are in the picture: all, or 160 and the wanted ones."""
    return thinned(drawn, wanted, _MAX_LAYERS)


def units_of_each(layers: int, most: int = MAX_UNITS) -> int:
    """Returns how many units of each of so many layers are sampled: ``most``, and fewer where there are many layers."""
    return max(8, min(most, _MAX_NEURONS // max(1, layers)))
