"""The causal TPM of a recurrent layer: its units are set into each of their states, and the layer makes one step.

IIT's TPM is p(next state | do(state)) (Oizumi, Albantakis and Tononi 2014, text S1; the notation is Pearl's). A chosen unit is
set to the mean of its activations below its threshold (OFF) or above it (ON). What is not set, the rest of the hidden state and the
input, is the background: R observed pairs of state and input, the same ones for each of the 2^n states, over which the next states
are averaged ("sampled"); or one observed pair ("fixed", IIT's background conditions).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np
import torch
from torch import Tensor, nn

from lightning_iit.capture.binarize import threshold_tensor, threshold_values
from lightning_iit.capture.stepper import Observations, State, Stepper
from lightning_iit.capture.transitions import pack
from lightning_iit.capture.untouched import untouched, unwrapped
from lightning_iit.errors import StepError
from lightning_iit.records import Counts, Skipped
from lightning_iit.records import State as UnitState
from lightning_iit.tpm.counts import counts_from_codes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jaxtyping import Float

    from lightning_iit.capture.reservoir import Call

Background: TypeAlias = Literal["sampled", "fixed"]

MOST_OBSERVATIONS = 4096
MOST_ROWS = 16_384
"""Rows of one call of the step, which bounds the memory that a perturbation takes."""


@dataclass(frozen=True)
class PerturbedTpm:
    """What follows each state that the units were set into.

    Args:
        counts: of n units: ``visits`` is the number of draws for every state, so the TPM has full coverage and needs no prior.
        observed: ``[2**n]``, how often each state was seen (not set) among the observations.
        off: what an OFF unit was set to, ``[unit]`` for each part of the state that was set.
        on: what an ON unit was set to, likewise.
        background: how the rest of the state and the input were chosen.
    """

    counts: Counts
    observed: tuple[int, ...]
    off: tuple[tuple[float, ...], ...]
    on: tuple[tuple[float, ...], ...]
    background: Background

    @property
    def draws(self) -> int:
        """From how many backgrounds each state was stepped."""
        return self.counts.visits[0]

    @property
    def state_by_node(self) -> Float[np.ndarray, "state unit"]:
        """The TPM ``[2**n, n]``: the share of the draws after which each unit was ON, rows little-endian."""
        return np.array(self.counts.on, dtype=np.float64) / self.draws


def observe(
    module: nn.Module, stepper: Stepper, calls: Sequence[Call], *, limit: int = MOST_OBSERVATIONS, seed: int = 0
) -> Observations | None:
    """The states that a module was in and the input it met in each, jointly, from calls kept while it trained.

    Args:
        module: the layer, with its weights of now.
        stepper: how to step it.
        calls: kept calls (:class:`~lightning_iit.capture.reservoir.Reservoir`).
        limit: keep at most so many, drawn at random and left in their order.
        seed: of that draw, by a generator of its own.

    Returns:
        The observations, or None where no step was seen (sequences of one time only, or no calls).
    """
    module = unwrapped(module)
    with untouched(module):
        found = [part for part in stepper.observations(module, calls) if len(part.inputs)]
    if not found:
        return None
    inputs = torch.cat([part.inputs for part in found])
    state = tuple(torch.cat(parts) for parts in zip(*[part.state for part in found], strict=True))
    rows = _sample(len(inputs), limit, seed)
    return Observations(tuple(part[rows] for part in state), inputs[rows])


def observed_thresholds(
    observations: Observations, stepper: Stepper, units: Sequence[int], strategy: str | float
) -> tuple[float, ...]:
    """Thresholds of some units, calibrated on the states that the module goes through with its weights of now.

    Thresholds calibrated earlier in an epoch may by its end leave a unit always ON or always OFF; and those of the layer's output
    are not those of a lower level.

    Args:
        observations: where the layer was seen.
        stepper: how it is stepped.
        units: n indices into the layer's unit axis.
        strategy: "median", "mean", "zero" or a number.
    """
    hidden = observations.state[0][:, _local(units, stepper, observations)]
    return threshold_values(strategy, hidden.double().cpu().numpy())


def perturbed_tpm(
    module: nn.Module,
    stepper: Stepper,
    units: Sequence[int],
    thresholds: Sequence[float],
    observations: Observations | None,
    *,
    background: Background = "sampled",
    draws: int = 128,
    hidden_only: bool = False,
    at: UnitState | None = None,
    seed: int = 0,
) -> PerturbedTpm | Skipped:
    """Sets n units into each of their 2^n states and reads them after one step.

    The module is in eval mode meanwhile and nothing of its training is touched: no gradient, buffer or random state.

    Args:
        module: the layer.
        stepper: how to step it (:func:`~lightning_iit.capture.steps.step_for`).
        units: n indices into the layer's unit axis, all of the stepper's direction.
        thresholds: of each of these units; it is ON above.
        observations: where the layer was seen (:func:`observe`).
        background: "sampled" or "fixed".
        draws: R, how many backgrounds are drawn (all of them, where fewer were observed); drawn without putting back.
        hidden_only: leave the cell state of an LSTM as it was observed. Else each unit's cell is set to the mean of its cell
            state where the unit was OFF or ON. (The cells of an LSTM with a projection belong to no unit, and are always left.)
        at: for "fixed": the background is the last observation with the units in this state; None takes the last one of all.
        seed: of the draws, by a generator of its own.

    Returns:
        The TPM; or Skipped with a code: ``no_transitions``, ``unit_never_on``, ``unit_never_off``, ``state_not_observed``.

    Raises:
        StepError: the module could not be stepped, or a unit is not in the direction that is stepped.
    """
    if observations is None:
        return Skipped(code="no_transitions", reason="No step of the layer was observed, so no state or input to perturb it in.")
    module = unwrapped(module)
    local = _local(units, stepper, observations)
    limits = threshold_tensor(tuple(thresholds), like=observations.state[0])
    seen = _on(observations.state[0][:, local], limits)
    missing = never_on_or_off(seen, units)
    if missing is not None:
        return missing
    codes = pack(seen)
    rows = _backgrounds(codes, background, draws, at, seed)
    if isinstance(rows, Skipped):
        return rows
    set_parts = 1 if hidden_only else sum(part.shape == observations.state[0].shape for part in observations.state)
    values = [representatives(part[:, local], seen) for part in observations.state[:set_parts]]
    with untouched(module):
        following = _step_all(module, stepper, _at(observations, rows), _Setting(local, values), limits)
    before = torch.arange(2 ** len(local)).repeat_interleave(len(rows))
    return PerturbedTpm(
        counts=counts_from_codes(before.numpy(), following.cpu().numpy(), units=len(local)),
        observed=tuple(torch.bincount(codes, minlength=2 ** len(local)).tolist()),
        off=tuple(tuple(value[0].tolist()) for value in values),
        on=tuple(tuple(value[1].tolist()) for value in values),
        background=background,
    )


def _local(units: Sequence[int], stepper: Stepper, observations: Observations) -> Tensor:
    width = observations.state[0].shape[-1]
    outside = [unit for unit in units if not stepper.offset <= unit < stepper.offset + width]
    if outside:
        msg = (
            f"units {list(units)}: {outside} are not among the units {stepper.offset} to {stepper.offset + width - 1} that make "
            "this step. One direction of a bidirectional layer is perturbed at a time; choose units of one direction."
        )
        raise StepError(msg)
    return torch.tensor([unit - stepper.offset for unit in units], device=observations.inputs.device)


def _on(values: Tensor, limits: Tensor) -> Tensor:
    return values.to(limits.dtype) > limits


def never_on_or_off(seen: Tensor, units: Sequence[int]) -> Skipped | None:
    """Why units whose observed bits are ``seen [row, unit]`` cannot be set, or None where each was ON and OFF."""
    for code, word, hits in (("unit_never_on", "ON", seen), ("unit_never_off", "OFF", ~seen)):
        never = [unit for unit, hit in zip(units, hits.any(0).tolist(), strict=True) if not hit]
        if never:
            which = f"Unit {never[0]} was" if len(never) == 1 else f"Units {', '.join(map(str, never))} were"
            reason = (
                f"{which} never {word} in the {len(seen)} observed steps, so there is no representative {word} value to set. "
                "Choose other units or another threshold, or count what is observed (tpm='observe')."
            )
            return Skipped(code=code, reason=reason)
    return None


def representatives(values: Tensor, seen: Tensor) -> Tensor:
    """The mean of each unit's values where the unit is OFF and where it is ON, ``[2, unit]``."""
    exact = values.double()
    means = [(exact * rows).sum(0) / rows.sum(0) for rows in (~seen, seen)]
    return torch.stack(means).to(values.dtype)


def _backgrounds(codes: Tensor, background: Background, draws: int, at: UnitState | None, seed: int) -> Tensor | Skipped:
    if background == "sampled":
        return _sample(len(codes), draws, seed)
    if at is None:
        return torch.tensor([len(codes) - 1])
    wanted = sum(bit << unit for unit, bit in enumerate(at))
    rows = (codes == wanted).nonzero().flatten()
    if len(rows):
        return rows[-1:].cpu()
    reason = f"The state {at} was not seen among the {len(codes)} observed steps, so it has no background to be held at."
    return Skipped(code="state_not_observed", reason=reason)


def _sample(total: int, size: int, seed: int) -> Tensor:
    """Rows drawn without putting back, in increasing order; all of them where there are no more than ``size``."""
    if total <= size:
        return torch.arange(total)
    return torch.randperm(total, generator=torch.Generator().manual_seed(seed))[:size].sort().values


def _at(observations: Observations, rows: Tensor) -> Observations:
    return Observations(tuple(part[rows] for part in observations.state), observations.inputs[rows])


@dataclass(frozen=True)
class _Setting:
    """Which units are set, as indices into the state ``[unit]``, and their OFF and ON values ``[2, unit]`` for each part."""

    local: Tensor
    values: Sequence[Tensor]

    def into(self, state: State, bits: Tensor) -> State:
        """The state of each draw with the units set to each row of ``bits [state, unit]``: ``[state * draw, unit]``."""
        parts = [_repeated(part, len(bits)) for part in state]
        for part, (off, on) in zip(parts, self.values, strict=False):
            wanted = torch.where(bits.bool(), on, off)
            part[:, self.local] = wanted.repeat_interleave(len(part) // len(bits), dim=0)
        return tuple(parts)


def _step_all(module: nn.Module, stepper: Stepper, draws: Observations, setting: _Setting, limits: Tensor) -> Tensor:
    """The codes after one step from each of the 2^n states in each background, ``[2**n * draw]``, the state outermost."""
    n, count = len(setting.local), len(draws.inputs)
    bits = (torch.arange(2**n, device=limits.device)[:, None] >> torch.arange(n, device=limits.device)) & 1
    codes = []
    for states in torch.split(bits, max(1, MOST_ROWS // count)):
        state, inputs = setting.into(draws.state, states), _repeated(draws.inputs, len(states))
        following = stepper.read(module, state, inputs, setting.local)
        codes.append(pack(_on(following, limits)))
    return torch.cat(codes)


def _repeated(part: Tensor, times: int) -> Tensor:
    """``[draw, ...]`` laid end to end so many times."""
    return part.repeat(times, *[1] * (part.ndim - 1))
