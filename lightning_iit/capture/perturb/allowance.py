"""What a perturbation may cost that must be made on the thread that trains: work is counted, never timed.

The units of torch's own layers are set in another thread, with a copy of the weights. A module that is stepped by a function of its
own is needed itself, so training waits meanwhile: at an epoch's end for about 5 % of the epoch's own work, or for a fixed small
amount where that is more. Work is counted in multiply-adds, so that a seed gives the same Φ on a slow and on a fast machine.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import flop_registry

from lightning_iit.capture.perturb.backgrounds import LEAST_BACKGROUNDS
from lightning_iit.errors import StepError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import nn

    from lightning_iit.capture.perturb.stepper import Observations, Stepper

SHARE = 0.05
"""Which share of an epoch's work the perturbation at its end may take."""
PASSES = 3
"""The forward and the backward pass of a row take about as long as so many forward passes."""
LEAST_WORK = 2**30
"""What the perturbations of all layers may take whatever the epoch: so many multiply-adds take a processor core about 50 ms."""
VALUE = 64
"""Computing a value by any other operation takes about as long as so many multiply-adds."""
FEWEST = 256
"""Groups of units are left out before each of them has fewer backgrounds than this."""


class Share(NamedTuple):
    """Holds what a layer is given at an epoch's end.

    Attributes:
        groups: how many groups of units are perturbed, the first ones.
        backgrounds: R, in how many backgrounds each of them is set.
    """

    groups: int
    backgrounds: int


@dataclass
class Allowance:
    """Holds how many rows a layer may be stepped by at an epoch's end. Once it is known it stays the same for the whole run.

    Args:
        layers: how many layers are perturbed on the thread that trains; they share the fixed amount of work.

    Attributes:
        rows: how many rows; None while it is not known.
        batches: how many batches an epoch has.
    """

    layers: int
    rows: int | None = field(default=None, init=False)
    batches: float = field(default=0, init=False)

    def begin_epoch(self, batches: float) -> None:
        """Takes the number of batches of an epoch. A pass over the first batches only does not make it smaller."""
        self.batches = max(self.batches, batches)

    def fix(self, seen: int, steps: int, work: int) -> None:
        """Finds the number of rows, unless it is known.

        Args:
            seen: how many rows the layer computed so far in the epoch.
            steps: in how many training steps.
            work: multiply-adds in one row of a step.
        """
        if self.rows is None:
            known = steps and math.isfinite(self.batches)
            epoch = seen * max(1.0, self.batches / steps) if known else seen
            self.rows = max(int(SHARE * PASSES * epoch), LEAST_WORK // self.layers // work)

    def share(self, groups: int, elements: int, observed: int) -> Share:
        """Returns how many groups are set in how many backgrounds, within the rows.

        Fewer backgrounds are taken first, then fewer groups. What is left is one group in 128 backgrounds, whatever the rows.

        Args:
            groups: how many groups of units the layer has.
            elements: n; each group is set into 2**n states.
            observed: how many backgrounds there are.

        Example:
            >>> allowance = Allowance(layers=1)
            >>> allowance.fix(seen=40_000, steps=100, work=10**9)
            >>> allowance.share(groups=20, elements=3, observed=8192), allowance.share(groups=20, elements=1, observed=100)
            (Share(groups=2, backgrounds=256), Share(groups=20, backgrounds=100))
        """
        settings = (self.rows or 0) // 2**elements
        backgrounds = min(observed, max(FEWEST, settings // groups))
        kept = max(1, min(groups, settings // backgrounds))
        return Share(kept, min(backgrounds, max(LEAST_BACKGROUNDS, settings // kept)))


def work_of_row(module: nn.Module, stepper: Stepper, observations: Observations) -> int:
    """Counts the multiply-adds of stepping one more row: what two rows take more than one.

    Some of torch's operations hide what they compute, so at least each parameter is counted once, and each value of the state.

    Args:
        module: the module, in a state in which it may be stepped.
        stepper: steps the module.
        observations: in which states.
    """
    least: int = sum(parameter.numel() for parameter in module.parameters())
    least += VALUE * sum(part[0].numel() for part in observations.state)
    try:
        found: list[int] = []
        for number in (1, 2):
            rows = observations.at((observations.inputs.new_zeros(number)).long())
            with _Counting() as counting:
                stepper.step(module, rows.state, rows.inputs)
            found.append(counting.work)
    except (StepError, RuntimeError, TypeError):
        return least  # what is wrong with the step is said where it is made
    return max(least, found[1] - found[0])


class _Counting(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Counts the multiply-adds of torch's operations."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.work = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None) -> Any:
        given = dict(kwargs or {})
        found = func(*args, **given)
        count = flop_registry.get(func._overloadpacket)
        if count is not None:
            self.work += int(count(*args, **given, out_val=found)) // 2
        elif not func.is_view:
            self.work += VALUE * sum(part.numel() for part in tree_leaves(found) if isinstance(part, Tensor))
        return found
