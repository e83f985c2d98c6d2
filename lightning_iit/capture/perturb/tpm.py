"""The causal TPM of a recurrent layer: units are set into each of their states, and the layer makes one step.

IIT's TPM is p(next state | do(state)) (Oizumi, Albantakis and Tononi 2014, text S1; the notation is Pearl's). A chosen unit is set
to the mean of its activations below its threshold (OFF) or above it (ON), or within one of its quartiles. The rest of the hidden
state and the input are not set and form the background: R observed pairs of state and input, the same pairs for each of the 2^n
states, over which the next states are averaged ("sampled"); or one observed pair ("fixed", IIT's background conditions).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np
import torch
from torch import Tensor, nn

from lightning_iit.capture.count.coding import Coding, ThresholdTensors
from lightning_iit.capture.count.transitions import pack
from lightning_iit.capture.perturb.stepper import Observations, State, Stepper, repeated
from lightning_iit.capture.preserved import preserved, unwrapped
from lightning_iit.errors import StepError
from lightning_iit.records import Counts, Skipped, Thresholds
from lightning_iit.records import State as UnitState
from lightning_iit.tpm.counts import counts_from_codes
from lightning_iit.tpm.states import index_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jaxtyping import Float

    from lightning_iit.capture.perturb.reservoir import Call

Background: TypeAlias = Literal["sampled", "fixed"]
"""How the background is chosen: an average over observed backgrounds, or the one observed with the analysed state."""

MOST_OBSERVATIONS = 4096
"""The most observed steps that are kept of a layer and epoch."""
MOST_ROWS = 16_384
"""The most rows in one call of the step, which bounds the memory that a perturbation takes."""


@dataclass(frozen=True)
class PerturbedTpm:
    """Holds the transition counts after each state that the units were set into.

    Args:
        counts: the counts of n elements. ``visits`` is the number of draws for every state, so the TPM has full coverage and needs
            no prior.
        observed: ``[2**n]``, how often each state was seen (not set) among the observations.
        off: the value that an OFF unit (each member of a macro unit) was set to, ``[unit]`` for each part of the state that was
            set.
        on: the value that an ON unit was set to, in the same form.
        background: how the rest of the state and the input were chosen.
        between: with two bits for each unit, the values that a unit was set to in its second and third quartile; ``off`` and ``on``
            are then those of the first and the fourth quartile.
    """

    counts: Counts
    observed: tuple[int, ...]
    off: tuple[tuple[float, ...], ...]
    on: tuple[tuple[float, ...], ...]
    background: Background
    between: tuple[tuple[tuple[float, ...], ...], ...] = ()

    @property
    def draws(self) -> int:
        """Returns the number of backgrounds in which each state was set."""
        return self.counts.visits[0]

    @property
    def state_by_node(self) -> Float[np.ndarray, "state unit"]:
        """Returns the TPM ``[2**n, n]``: the share of draws after which each element was ON, rows little-endian."""
        return np.array(self.counts.on, dtype=np.float64) / self.draws


def observe(
    module: nn.Module, stepper: Stepper, calls: Sequence[Call], *, limit: int = MOST_OBSERVATIONS, seed: int = 0
) -> Observations | None:
    """Finds the states in which a module was and the input that the module got in each, from calls kept during training.

    Args:
        module: the layer, with its present weights.
        stepper: steps the layer.
        calls: kept calls (:class:`~lightning_iit.capture.perturb.reservoir.Reservoir`).
        limit: the most observations; where there are more, a random sample of them is kept, in the order of the data.
        seed: the seed of that sample, drawn by a generator of its own.

    Returns:
        The observations; None where there are none (sequences of one time step only, or no calls).
    """
    module = unwrapped(module)
    with preserved(module):
        found = [part for part in stepper.observations(module, calls) if len(part.inputs)]
    if not found:
        return None
    inputs = torch.cat([part.inputs for part in found])
    state = tuple(torch.cat(parts) for parts in zip(*[part.state for part in found], strict=True))
    rows = _sample(len(inputs), limit, seed)
    return Observations(tuple(part[rows] for part in state), inputs[rows])


def observed_values(observations: Observations, stepper: Stepper, coding: Coding) -> Tensor:
    """Computes the element values ``[row, element]`` in the observed states.

    Args:
        observations: the states in which the layer was observed.
        stepper: steps the layer.
        coding: how the elements are made from the layer's units.

    Raises:
        StepError: a unit is not in the direction that is stepped.
    """
    return coding.values(observations.state[0][:, _local(coding, stepper, observations)])


def observed_thresholds(observations: Observations, stepper: Stepper, coding: Coding, strategy: str | float) -> Thresholds:
    """Calibrates thresholds on the states that the module goes through with its present weights.

    Thresholds calibrated earlier in an epoch may by its end leave a unit always ON or always OFF; and the thresholds of the layer's
    output are not those of a lower level.

    Args:
        observations: the states in which the layer was observed.
        stepper: steps the layer.
        coding: how the elements are made from the layer's units.
        strategy: "median", "mean", "zero" or a number.

    Raises:
        StepError: a unit is not in the direction that is stepped.
    """
    values = observed_values(observations, stepper, coding)
    return coding.thresholds(strategy, values.double().cpu().numpy(), frozen=False)


def observed_states(observations: Observations, stepper: Stepper, coding: Coding, thresholds: Thresholds) -> Tensor:
    """Computes the bits ``[row, element]`` (boolean) of the observed states.

    Args:
        observations: the states in which the layer was observed.
        stepper: steps the layer.
        coding: how the elements are made from the layer's units.
        thresholds: the thresholds of the elements.

    Raises:
        StepError: a unit is not in the direction that is stepped.
    """
    values = observed_values(observations, stepper, coding)
    return ThresholdTensors.of(thresholds, like=values).bits(values)


def perturbed_tpm(
    module: nn.Module,
    stepper: Stepper,
    coding: Coding,
    thresholds: Thresholds,
    observations: Observations | None,
    *,
    background: Background = "sampled",
    draws: int = 128,
    hidden_only: bool = False,
    at: UnitState | None = None,
    seed: int = 0,
) -> PerturbedTpm | Skipped:
    """Sets n elements into each of their 2^n states, makes one step, and counts the next states.

    Meanwhile the module is in eval mode; its gradients, buffers and random states are left or restored as they were.

    Args:
        module: the layer.
        stepper: steps the layer (:func:`~lightning_iit.capture.perturb.steps.step_for`).
        coding: how the elements are made from the layer's units, which must all be in the stepper's direction. All members of a
            macro unit are set, each to its own mean over the observations with the macro unit in that state.
        thresholds: the thresholds of the elements.
        observations: the states in which the layer was observed (:func:`observe`).
        background: "sampled" or "fixed".
        draws: R, how many backgrounds are drawn, without replacement; all of them where fewer were observed.
        hidden_only: leave the cell state of an LSTM as it was observed. Otherwise each unit's cell is set to the mean of its cell
            state where the unit was OFF or ON. (The cells of an LSTM with a projection belong to no unit, and are always left.)
        at: for "fixed": the background is the last observation in this state; None takes the last observation of all.
        seed: the seed of the draws, by a generator of its own.

    Returns:
        The TPM; or Skipped with a code: ``no_transitions``, ``unit_never_on``, ``unit_never_off``, ``quartile_not_seen``,
        ``state_not_observed``.

    Raises:
        StepError: the module could not be stepped, or a unit is not in the direction that is stepped.
    """
    if observations is None:
        return Skipped(code="no_transitions", reason="No step of the layer was observed, so no state or input to perturb it in.")
    module = unwrapped(module)
    local = _local(coding, stepper, observations)
    seen = observed_states(observations, stepper, coding, thresholds)
    levels = coding.levels(seen)
    missing = never_in_a_level(levels, coding.names, coding.bits)
    if missing is not None:
        return missing
    codes = pack(seen)
    rows = _backgrounds(codes, background, draws, at, seed)
    if isinstance(rows, Skipped):
        return rows
    set_parts = 1 if hidden_only else sum(part.shape == observations.state[0].shape for part in observations.state)
    owners = torch.tensor(coding.owners, device=local.device)
    of_columns = levels[:, owners]
    values = [representatives(part[:, local], of_columns, 2**coding.bits) for part in observations.state[:set_parts]]
    setting = _Setting(local, owners, values)
    limits = ThresholdTensors.of(thresholds, like=observations.state[0])
    with preserved(module):
        following = _step_all(module, stepper, _at(observations, rows), setting, coding, limits)
    before = torch.arange(2**coding.elements).repeat_interleave(len(rows))
    lowest, *between, highest = (tuple(tuple(value[level].tolist()) for value in values) for level in range(2**coding.bits))
    return PerturbedTpm(
        counts=counts_from_codes(before.numpy(), following.cpu().numpy(), units=coding.elements),
        observed=tuple(torch.bincount(codes, minlength=2**coding.elements).tolist()),
        off=lowest,
        on=highest,
        background=background,
        between=tuple(between),
    )


def _local(coding: Coding, stepper: Stepper, observations: Observations) -> Tensor:
    """Returns, for each unit that the coding uses, its index within the hidden state that the stepper steps.

    A bidirectional layer has its units in two halves, and a stepper steps one of them (forward or backward).

    Raises:
        StepError: a unit belongs to the other direction.
    """
    width = observations.state[0].shape[-1]
    outside = [unit for unit in coding.columns if not stepper.offset <= unit < stepper.offset + width]
    if outside:
        msg = (
            f"units {list(coding.columns)}: {outside} are not among the units {stepper.offset} to {stepper.offset + width - 1} "
            "that make this step. One direction of a bidirectional layer is perturbed at a time; choose units of one direction."
        )
        raise StepError(msg)
    return torch.tensor([unit - stepper.offset for unit in coding.columns], device=observations.inputs.device)


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


def _backgrounds(codes: Tensor, background: Background, draws: int, at: UnitState | None, seed: int) -> Tensor | Skipped:
    """Returns the rows of the observations that are the backgrounds; Skipped where the state ``at`` was not observed."""
    if background == "sampled":
        return _sample(len(codes), draws, seed)
    if at is None:
        return torch.tensor([len(codes) - 1])
    wanted = index_of(at)
    rows = (codes == wanted).nonzero().flatten()
    if len(rows):
        return rows[-1:].cpu()
    reason = f"The state {at} was not seen among the {len(codes)} observed steps, so it has no background to be held at."
    return Skipped(code="state_not_observed", reason=reason)


def _sample(total: int, size: int, seed: int) -> Tensor:
    """Draws ``size`` rows without replacement, in increasing order; all rows where there are no more than ``size``."""
    if total <= size:
        return torch.arange(total)
    return torch.randperm(total, generator=torch.Generator().manual_seed(seed))[:size].sort().values


def _at(observations: Observations, rows: Tensor) -> Observations:
    """Returns the observations in these rows."""
    return Observations(tuple(part[rows] for part in observations.state), observations.inputs[rows])


@dataclass(frozen=True)
class _Setting:
    """Holds which positions of a state are set, and to which values.

    Args:
        local: positions in the state, ``[column]``.
        owners: for each column, the position of the unit that the column belongs to.
        values: for each part of the state that is set, the values ``[level, column]``.
    """

    local: Tensor
    owners: Tensor
    values: Sequence[Tensor]

    def into(self, state: State, levels: Tensor) -> State:
        """Returns each draw's state with the units set to each row of ``levels [state, unit]``: parts ``[state * draw, unit]``."""
        parts = [repeated(part, len(levels) * len(part)) for part in state]
        wanted = levels[:, self.owners]
        for part, values in zip(parts, self.values, strict=False):
            part[:, self.local] = values.gather(0, wanted).repeat_interleave(len(part) // len(levels), dim=0)
        return tuple(parts)


def _step_all(
    module: nn.Module, stepper: Stepper, draws: Observations, setting: _Setting, coding: Coding, limits: ThresholdTensors
) -> Tensor:
    """Computes the codes after one step from each of the 2^n states in each background: ``[2**n * draw]``, the state outermost."""
    n, count = coding.elements, len(draws.inputs)
    bits = (torch.arange(2**n, device=setting.local.device)[:, None] >> torch.arange(n, device=setting.local.device)) & 1
    codes = []
    for levels in torch.split(coding.levels(bits), max(1, MOST_ROWS // count)):
        following = stepper.read(module, setting.into(draws.state, levels), draws.inputs, setting.local)
        codes.append(pack(limits.bits(coding.values(following))))
    return torch.cat(codes)
