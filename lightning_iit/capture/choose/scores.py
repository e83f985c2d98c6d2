"""How much each unit of a layer matters, for the selections that take the highest scores."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from lightning_iit.capture.layer_kinds import kind_of
from lightning_iit.capture.torch_layers import own_weights
from lightning_iit.errors import InvalidArgumentError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from torch import Tensor, nn


def state_entropy(samples: np.ndarray, thresholds: Callable[[np.ndarray], Sequence[float]]) -> np.ndarray:
    """Returns the entropy of each unit's binary state, in bits.

    Args:
        samples: activations ``[row, unit]``; rows with one that is not finite are left out.
        thresholds: the threshold of each unit, from the finite rows.

    Returns:
        ``[unit]``, from 0 (always ON or always OFF) to 1 (ON half of the time).
    """
    rows = samples[np.isfinite(samples).all(axis=1)]
    if not len(rows):
        return np.zeros(samples.shape[1])
    on = (rows > np.asarray(thresholds(rows))).mean(axis=0)
    both = np.stack([on, 1 - on])
    terms = -both * np.log2(both, where=both > 0, out=np.zeros_like(both))
    return np.asarray(terms.sum(axis=0))


def weight_norm(module: nn.Module, width: int) -> np.ndarray:
    """The Euclidean norm of each unit's incoming weights (of a recurrent layer: all gates, from inputs and hidden units).

    Args:
        module: a layer with weights of its own.
        width: how many units it has.

    Returns:
        ``[unit]``.

    Raises:
        InvalidArgumentError: the layer has no weights with a row (or a row for each gate) for each unit.
    """
    directions = _incoming(module)
    per_direction = width // len(directions)
    if not all(weights and all(len(weight) % per_direction == 0 for weight in weights) for weights in directions):
        msg = (
            f"selection='weight_norm': the layer, a {type(module).__name__}, has no incoming weights for its {width} units. "
            "Watch the layer with the weights (the Linear before an activation function), or select by 'variance'."
        )
        raise InvalidArgumentError(msg)
    return np.concatenate([_norms(weights, per_direction) for weights in directions])


def _incoming(module: nn.Module) -> list[list[Tensor]]:
    """Returns the incoming weights for each direction, as the module's kind says, else all that the module itself holds."""
    incoming = kind_of(module).incoming
    return [list(own_weights(module).values())] if incoming is None else incoming(module)


def _norms(weights: list[Tensor], width: int) -> np.ndarray:
    gates = torch.cat([weight.double().reshape(-1, width, weight[0].numel()).transpose(0, 1).flatten(1) for weight in weights], 1)
    return np.asarray(gates.norm(dim=1).cpu())
