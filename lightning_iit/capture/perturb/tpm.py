"""The causal TPM of a recurrent layer: units are set into each of their states, and the layer makes one step.

IIT's TPM is p(next state | do(state)) (Oizumi, Albantakis and Tononi 2014, text S1; the notation is Pearl's). A chosen unit is set
to the mean of its activations below its threshold (OFF) or above it (ON), or within one of its quartiles. The rest of the hidden
state and the input are not set and form the background: R observed pairs of state and input, the same pairs for each of the 2^n
states, over which the next states are averaged ("sampled"); or one observed pair ("fixed", IIT's background conditions).
"""

from __future__ import annotations

from collections import defaultdict
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn

from lightning_iit.capture.count.coding import Coding, ThresholdTensors
from lightning_iit.capture.count.transitions import pack
from lightning_iit.capture.perturb.backgrounds import Background, backgrounds, most_backgrounds, sample
from lightning_iit.capture.perturb.cells import WeightsCopy
from lightning_iit.capture.perturb.setting import Setting, never_in_a_level, representatives
from lightning_iit.capture.perturb.stepped import step_groups
from lightning_iit.capture.perturb.stepper import Observations, Stepper
from lightning_iit.capture.preserved import preserved, unwrapped
from lightning_iit.errors import StepError
from lightning_iit.records import Counts, Skipped, Thresholds
from lightning_iit.records import State as UnitState
from lightning_iit.tpm.counts import counts_from_joint
from lightning_iit.tpm.sequences import NextBits

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from jaxtyping import Float

    from lightning_iit.capture.perturb.reservoir import Call

MOST_OBSERVATIONS = 16_384
"""The most observed steps that are kept of a layer and epoch, unless more backgrounds are asked for."""


@contextmanager
def still(module: nn.Module) -> Iterator[nn.Module]:
    """Makes a context in which a module may be stepped without a trace in its training; a copy of its weights needs no care."""
    module = unwrapped(module)
    with torch.no_grad() if isinstance(module, WeightsCopy) else preserved(module):
        yield module


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
        sequences: S, from how many sequences the backgrounds come; None where not known.
        bits: the next state in each background, if it was asked for.
    """

    counts: Counts
    observed: tuple[int, ...]
    off: tuple[tuple[float, ...], ...]
    on: tuple[tuple[float, ...], ...]
    background: Background
    between: tuple[tuple[tuple[float, ...], ...], ...] = ()
    sequences: int | None = None
    bits: NextBits | None = None

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
    with still(module) as stepped:
        found = [part for part in stepper.observations(stepped, calls) if len(part.inputs)]
    if not found:
        return None
    inputs = torch.cat([part.inputs for part in found])
    state = tuple(torch.cat(parts) for parts in zip(*[part.state for part in found], strict=True))
    ids = [part.sequences for part in found if part.sequences is not None]
    known = Observations(state, inputs, torch.cat(ids) if len(ids) == len(found) else None)
    return known if len(inputs) <= limit else known.at(sample(len(inputs), limit, seed))


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


def perturbed_tpms(
    module: nn.Module,
    stepper: Stepper,
    groups: Sequence[tuple[Coding, Thresholds]],
    observations: Observations | None,
    *,
    background: Background = "sampled",
    draws: int | None = None,
    hidden_only: bool = False,
    at: Sequence[UnitState | None] = (),
    seed: int = 0,
    with_bits: bool = False,
) -> list[PerturbedTpm | Skipped]:
    """Sets the elements of each group into each of their 2^n states, makes one step, and counts the next states.

    All states, and all groups of one size, are set into the same backgrounds. For torch's own recurrent layers and cells what the
    backgrounds fix is computed once for all of them. Meanwhile the module is in eval mode; its gradients, buffers and random states
    are left or restored as they were.

    Args:
        module: the layer, or a copy of its weights (:class:`~lightning_iit.capture.perturb.cells.WeightsCopy`).
        stepper: steps the layer (:func:`~lightning_iit.capture.perturb.steps.step_for`).
        groups: for each group the coding and the thresholds of its elements. The units must all be in the stepper's direction. All
            members of a macro unit are set, each to its own mean over the observations with the macro unit in that state.
        observations: the states in which the layer was observed (:func:`observe`).
        background: "sampled" or "fixed".
        draws: R, how many backgrounds are drawn, without replacement; all where fewer were observed. None takes all, but no more
            than a fixed amount of work allows (:func:`~lightning_iit.capture.perturb.backgrounds.most_backgrounds`).
        hidden_only: leave the cell state of an LSTM as it was observed. Otherwise each unit's cell is set to the mean of its cell
            state where the unit was OFF or ON. (The cells of an LSTM with a projection belong to no unit, and are always left.)
        at: for "fixed", by group: the background is the last observation in this state; None takes the last observation of all.
        seed: the seed of the draws, by a generator of its own.
        with_bits: keep the next state of each background, so that whole sequences can be resampled.

    Returns:
        For each group the TPM; or Skipped with a code: ``no_transitions``, ``unit_never_on``, ``unit_never_off``,
        ``quartile_not_seen``, ``state_not_observed``.

    Raises:
        StepError: the module could not be stepped, or a unit is not in the direction that is stepped.
    """
    if observations is None:
        reason = "No step of the layer was observed, so no state or input to perturb it in."
        return [Skipped(code="no_transitions", reason=reason) for _ in groups]
    places = tuple(at) or (None,) * len(groups)
    with still(module) as stepped:
        plans = [
            _plan(observations, stepper, *group, background=background, draws=draws, hidden_only=hidden_only, at=state, seed=seed)
            for group, state in zip(groups, places, strict=True)
        ]
        # Groups with the same backgrounds are stepped together.
        together: dict[tuple[int, ...], list[_Plan]] = defaultdict(list)
        for plan in plans:
            if isinstance(plan, _Plan):
                together[len(plan.rows), int(plan.rows[-1])].append(plan)
        found: dict[int, PerturbedTpm] = {}
        for same in together.values():
            rows = observations.at(same[0].rows)
            steps = step_groups(stepped, stepper, rows, [plan.setting for plan in same], with_bits=with_bits)
            for plan, (joint, packed) in zip(same, steps, strict=True):
                found[id(plan)] = _perturbed(plan, rows, joint, packed, background)
    return [plan if isinstance(plan, Skipped) else found[id(plan)] for plan in plans]


@dataclass(frozen=True)
class _Plan:
    """Holds what is done for one group: what is set, in which rows of the observations, and the codes of all observed states."""

    setting: Setting
    rows: Tensor
    codes: Tensor


def _plan(
    observations: Observations,
    stepper: Stepper,
    coding: Coding,
    thresholds: Thresholds,
    *,
    background: Background,
    draws: int | None,
    hidden_only: bool,
    at: UnitState | None,
    seed: int,
) -> _Plan | Skipped:
    """Finds the values and the backgrounds of a group; or why it cannot be perturbed."""
    local = _local(coding, stepper, observations)
    seen = observed_states(observations, stepper, coding, thresholds)
    levels = coding.levels(seen)
    missing = never_in_a_level(levels, coding.names, coding.bits)
    if missing is not None:
        return missing
    codes = pack(seen)
    most = most_backgrounds(stepper, observations, coding.elements) if draws is None else draws
    rows = backgrounds(codes, background, most, at, seed)
    if isinstance(rows, Skipped):
        return rows
    set_parts = 1 if hidden_only else sum(part.shape == observations.state[0].shape for part in observations.state)
    of_columns = levels[:, torch.tensor(coding.owners, device=local.device)]
    values = [representatives(part[:, local], of_columns, 2**coding.bits) for part in observations.state[:set_parts]]
    return _Plan(Setting(coding, ThresholdTensors.of(thresholds, like=observations.state[0]), local, values), rows, codes)


def _perturbed(plan: _Plan, rows: Observations, joint: Tensor, packed: np.ndarray | None, background: Background) -> PerturbedTpm:
    """Builds the TPM of a group from what followed its states."""
    coding, values = plan.setting.coding, plan.setting.levels
    lowest, *between, highest = (tuple(tuple(value[level].tolist()) for value in values) for level in range(2**coding.bits))
    ids = None if rows.sequences is None else rows.sequences.cpu().numpy()
    return PerturbedTpm(
        counts=counts_from_joint(joint.cpu().numpy()),
        observed=tuple(torch.bincount(plan.codes, minlength=2**coding.elements).tolist()),
        off=lowest,
        on=highest,
        background=background,
        between=tuple(between),
        sequences=None if ids is None else len(np.unique(ids)),
        bits=None if packed is None else NextBits(packed, ids, plan.codes[plan.rows.to(plan.codes.device)].cpu().numpy()),
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
