"""The connections among the units of a recurrent layer, read from its weights."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from lightning_iit.capture.perturb.cells import Weights
from lightning_iit.capture.perturb.recurrent import CellStepper, LayerStepper
from lightning_iit.capture.preserved import unwrapped
from lightning_iit.errors import StepError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor, nn

    from lightning_iit.capture.perturb.stepper import Stepper


def weight_connectivity(
    module: nn.Module, stepper: Stepper, units: Sequence[int], *, hidden_only: bool = False
) -> tuple[tuple[int, ...], ...]:
    """Computes the connectivity matrix of some units: ``cm[i][j] = 1`` if unit i reaches unit j in one step.

    Unit i reaches unit j through a recurrent weight of any gate that is not zero (pruned weights are zero). A unit of a GRU, and of
    an LSTM whose cell state is set too, also reaches itself without a weight: its update or forget gate carries a part of the
    unit's state on. Only a perturbed TPM may be read with such a matrix: watched units share causes that no weight between the
    units shows.

    Args:
        module: an ``nn.RNN``, ``nn.GRU``, ``nn.LSTM`` or one of their cells; its present weights are read.
        stepper: the step that is perturbed (level and direction).
        units: n indices into the layer's unit axis.
        hidden_only: whether the cell state of an LSTM is left as observed and not set.

    Returns:
        The matrix ``[n, n]`` of 0 and 1, from rows to columns.

    Raises:
        StepError: the step is not that of such a layer, so the weights are not known.
    """
    module = unwrapped(module)
    if not isinstance(stepper, (CellStepper, LayerStepper)):
        msg = (
            f"cm='weights': the recurrent weights of {type(module).__name__} are not known; they are for nn.RNN, nn.GRU, nn.LSTM "
            "and their cells. Leave cm='full'."
        )
        raise StepError(msg)
    weights = Weights.of(module, stepper.suffix)
    reaches = _reaches(weights)
    carried = weights.mode == "GRU" or (weights.mode == "LSTM" and weights.w_hr is None and not hidden_only)
    if carried:
        reaches.fill_diagonal_(fill_value=True)
    local = torch.tensor([unit - stepper.offset for unit in units])
    return tuple(tuple(row) for row in reaches.cpu()[local][:, local].int().tolist())


def _reaches(weights: Weights) -> Tensor:
    """Returns a boolean matrix ``[from, to]``: whether any gate of unit ``to`` has a weight other than 0 for unit ``from``."""
    present = weights.w_hh != 0
    gates = present.shape[0] // (weights.widths[-1])
    cells = present.reshape(gates, -1, present.shape[1]).any(0)
    if weights.w_hr is not None:
        cells = ((weights.w_hr != 0).float() @ cells.float()) > 0
    return cells.T.contiguous()
