"""Scores of how much each unit of a layer matters, for the selections that take the units with the highest scores."""

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
    """Computes the entropy of each unit's binary state, in bits.

    Args:
        samples: activations ``[row, unit]``; rows with a NaN or infinite activation are left out.
        thresholds: a function that computes the threshold of each unit from the finite rows.

    Returns:
        Entropies ``[unit]``, from 0 (always ON or always OFF, or no finite row) to 1 (ON in half of the rows).
    """
    rows = samples[np.isfinite(samples).all(axis=1)]
    if not len(rows):
        return np.zeros(samples.shape[1])
    on = (rows > np.asarray(thresholds(rows))).mean(axis=0)
    both = np.stack([on, 1 - on])
    terms = -both * np.log2(both, where=both > 0, out=np.zeros_like(both))
    return np.asarray(terms.sum(axis=0))


def weight_norm(module: nn.Module, width: int) -> np.ndarray:
    """Computes the Euclidean norm of each unit's incoming weights.

    Of a recurrent layer these are the weights of all gates, from the inputs and from the hidden units, in the last of stacked
    layers.

    Args:
        module: a layer with weights of its own.
        width: the number of the layer's units.

    Returns:
        Norms ``[unit]``.

    Raises:
        InvalidArgumentError: the layer has no weights with one row (or one row for each gate) for each unit.
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
    """Computes the Euclidean norm ``[width]`` of each unit's weights over all gates and all tensors."""
    gates = torch.cat([weight.double().reshape(-1, width, weight[0].numel()).transpose(0, 1).flatten(1) for weight in weights], 1)
    return np.asarray(gates.norm(dim=1).cpu())
