"""In which of the observed states and inputs the units of a layer are set."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias

import torch
from torch import Tensor

from lightning_iit.records import Skipped
from lightning_iit.records import State as UnitState
from lightning_iit.tpm.states import index_of

if TYPE_CHECKING:
    from lightning_iit.capture.perturb.stepper import Observations, Stepper

Background: TypeAlias = Literal["sampled", "fixed"]
"""How the background is chosen: an average over observed backgrounds, or the one observed with the analysed state."""

MOST_WORK = 2**26
"""What setting all states in all backgrounds may take where the number of backgrounds is not given: values that are computed."""
LEAST_BACKGROUNDS = 128
"""So many backgrounds are taken whatever the work."""


def most_backgrounds(stepper: Stepper, observations: Observations, elements: int) -> int:
    """Returns in how many backgrounds units are set where their number is not given: all, within a fixed amount of work.

    The work is counted and not timed, so that a TPM does not depend on the speed of the machine.

    Args:
        stepper: steps the layer. One whose weights are known computes for each state only the units that are read.
        observations: the states in which the layer was observed.
        elements: n; 2**n states are set in each background.
    """
    width = observations.state[-1].shape[-1]
    split = hasattr(stepper, "weights") and width == observations.state[0].shape[-1]
    work: int = width + elements * 2**elements if split else width * 2**elements
    return max(LEAST_BACKGROUNDS, min(len(observations.inputs), MOST_WORK // work))


def backgrounds(codes: Tensor, background: Background, draws: int, at: UnitState | None, seed: int) -> Tensor | Skipped:
    """Returns the rows of the observations that are the backgrounds; Skipped where the state ``at`` was not observed."""
    if background == "sampled":
        return sample(len(codes), draws, seed)
    if at is None:
        return torch.tensor([len(codes) - 1])
    wanted = index_of(at)
    rows = (codes == wanted).nonzero().flatten()
    if len(rows):
        return rows[-1:].cpu()
    reason = f"The state {at} was not seen among the {len(codes)} observed steps, so it has no background to be held at."
    return Skipped(code="state_not_observed", reason=reason)


def sample(total: int, size: int, seed: int) -> Tensor:
    """Draws ``size`` rows without replacement, in increasing order; all rows where there are no more than ``size``."""
    if total <= size:
        return torch.arange(total)
    return torch.randperm(total, generator=torch.Generator().manual_seed(seed))[:size].sort().values
