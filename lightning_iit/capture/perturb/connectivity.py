"""The connections among the units of a recurrent layer, read from its weights by its stepper."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from lightning_iit.capture.preserved import unwrapped
from lightning_iit.errors import StepError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import nn

    from lightning_iit.capture.perturb.stepper import Stepper


def weight_connectivity(
    module: nn.Module, stepper: Stepper, units: Sequence[int], *, hidden_only: bool = False
) -> tuple[tuple[int, ...], ...]:
    """Reads the connectivity matrix of some units: ``cm[i][j] = 1`` if unit i reaches unit j in one step.

    Unit i reaches unit j through a recurrent weight of any gate that is not zero (pruned weights are zero). A unit of a GRU, and of
    an LSTM whose cell state is set too, also reaches itself without a weight: its update or forget gate carries a part of the
    unit's state on. Only a perturbed TPM may be read with such a matrix: watched units share causes that no weight between the
    units shows.

    Args:
        module: a layer of a kind whose weights are known (``nn.RNN``, ``nn.GRU``, ``nn.LSTM``, their cells, and registered kinds
            that say what reaches what), which are read as they are now.
        stepper: the step that is perturbed (level and direction).
        units: n indices into the layer's unit axis.
        hidden_only: whether the cell state of an LSTM is left as observed and not set.

    Returns:
        The matrix ``[n, n]`` of 0 and 1, from rows to columns.

    Raises:
        StepError: the step is not that of such a layer, so the weights are not known.
    """
    module = unwrapped(module)
    reaches = stepper.reaches(module, hidden_only=hidden_only)
    if reaches is None:
        msg = (
            f"cm='weights': the recurrent weights of {type(module).__name__} are not known; they are for nn.RNN, nn.GRU, nn.LSTM "
            "and their cells, and for kinds of layer that are registered with reaches=. Leave cm='full'."
        )
        raise StepError(msg)
    local = torch.tensor([unit - stepper.offset for unit in units])
    return tuple(tuple(row) for row in reaches.T.cpu()[local][:, local].int().tolist())
