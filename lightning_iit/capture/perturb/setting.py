"""What units are set to: the mean of each unit's observed values where it was OFF, or ON (or in one of its quartiles)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from lightning_iit.records import Skipped

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lightning_iit.capture.count.coding import Coding, ThresholdTensors


@dataclass(frozen=True)
class Setting:
    """Holds which units of a state are set, to which values, and how they are read after the step.

    Args:
        coding: how the elements are made from the layer's units.
        limits: the thresholds of the elements.
        local: for each column of the coding its position in the state, ``[column]``.
        levels: for each part of the state that is set, the value of each column at each level, ``[level, column]``.
    """

    coding: Coding
    limits: ThresholdTensors
    local: Tensor
    levels: Sequence[Tensor]

    @property
    def values(self) -> list[Tensor]:
        """Returns, for each part of the state that is set, the value of each column in each state, ``[2**n, column]``."""
        n, device = self.coding.elements, self.local.device
        bits = (torch.arange(2**n, device=device)[:, None] >> torch.arange(n, device=device)) & 1
        wanted = self.coding.levels(bits)[:, torch.tensor(self.coding.owners, device=device)]
        return [part.gather(0, wanted) for part in self.levels]

    def read(self, following: Tensor) -> Tensor:
        """Returns which elements are ON (``[..., element]``) where the columns have the values ``[..., column]``."""
        return self.limits.bits(self.coding.values(following))


def never_in_a_level(levels: Tensor, names: Sequence[str], bits: int = 1) -> Skipped | None:
    """Returns why units cannot be set: some unit was never observed at one of its levels. None where no unit has this problem.

    Args:
        levels: ``[row, unit]``: OFF and ON as 0 and 1, or a unit's quartile from 0 to 3.
        names: the names of the units.
        bits: how many elements code a unit.
    """
    kinds = [("quartile_not_seen", f"in quartile {level + 1} of its values", level) for level in range(4)]
    if bits == 1:
        kinds = [("unit_never_on", "ON", 1), ("unit_never_off", "OFF", 0)]
    for code, where, level in kinds:
        never = [name for name, hit in zip(names, (levels == level).any(0).tolist(), strict=True) if not hit]
        if never:
            which = f"Unit {never[0]} was" if len(never) == 1 else f"Units {', '.join(never)} were"
            value = f"representative {where} value" if bits == 1 else "representative value of it"
            reason = (
                f"{which} never {where} in the {len(levels)} observed steps, so there is no {value} to set. "
                "Choose other units or another threshold, or count what is observed (tpm='observe')."
            )
            return Skipped(code=code, reason=reason)
    return None


def representatives(values: Tensor, levels: Tensor, number: int = 2) -> Tensor:
    """Computes the values that units are set to: the mean of each unit's values at each of its levels.

    Args:
        values: ``[row, unit]``.
        levels: ``[row, unit]``: OFF and ON as 0 and 1, or a unit's quartile from 0 to 3.
        number: how many levels there are: 2 or 4.

    Returns:
        Means ``[level, unit]``.

    Example:
        >>> representatives(torch.tensor([[1.0], [3.0], [8.0]]), torch.tensor([[0], [0], [1]]))
        tensor([[2.],
                [8.]])
    """
    exact = values.double()
    means = [(exact * (levels == level)).sum(0) / (levels == level).sum(0) for level in range(number)]
    return torch.stack(means).to(values.dtype)
