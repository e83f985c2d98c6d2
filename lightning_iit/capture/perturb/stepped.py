"""The states that follow when units are set into each of their states in each of many backgrounds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn

from lightning_iit.capture.count.transitions import pack
from lightning_iit.capture.perturb.split import FixedSums, GroupSums
from lightning_iit.capture.perturb.stepper import repeated

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lightning_iit.capture.perturb.setting import Setting
    from lightning_iit.capture.perturb.stepper import Observations, Stepper

ROWS_AT_ONCE = 2048
"""So many backgrounds are stepped at a time; a multiple of 8, since bits are packed into bytes."""
MOST_ROWS = 16_384
"""The most rows in one call of a step, which bounds the memory that a perturbation takes."""


def step_groups(
    module: nn.Module, stepper: Stepper, backgrounds: Observations, settings: Sequence[Setting], *, with_bits: bool
) -> list[tuple[Tensor, np.ndarray | None]]:
    """Makes one step from each of the 2^n states of each group in each background.

    Args:
        module: the layer, or a copy of its weights.
        stepper: steps the layer.
        backgrounds: the states and inputs of R rows, in which units are set.
        settings: for each group what is set.
        with_bits: whether the bits are returned too.

    Returns:
        For each group: how often state t followed state s, ``[s, t]``; and the bits of each element after each state in each
        background, ``[2**n, n, R]`` packed along the last axis, or None.
    """
    everything = torch.cat([setting.local for setting in settings])
    weights = stepper.weights(module) if hasattr(stepper, "weights") else None
    tables = [everything.new_zeros(2 ** (2 * setting.coding.elements)) for setting in settings]
    packed: list[list[np.ndarray]] = [[] for _ in settings]
    for rows in torch.split(torch.arange(len(backgrounds.inputs), device=everything.device), ROWS_AT_ONCE):
        part = backgrounds.at(rows)
        fixed = None if weights is None else FixedSums.of(weights, part, everything)
        for setting, table, parts in zip(settings, tables, packed, strict=True):
            if fixed is None:
                pieces = _stepped(module, stepper, part, setting)
            else:
                pieces = _from_sums(fixed.without(setting.local), setting)
            bits = [setting.read(following) for following in pieces]
            codes = torch.cat([pack(piece) for piece in bits])
            size = len(codes)
            before = torch.arange(size, device=table.device)[:, None]
            table.add_(torch.bincount((before * size + codes).flatten(), minlength=size**2))
            if with_bits:
                parts.append(np.packbits(torch.cat(bits).transpose(1, 2).cpu().numpy(), axis=-1))
    return [
        (table.reshape(2**setting.coding.elements, -1), np.concatenate(parts, axis=-1) if with_bits else None)
        for setting, table, parts in zip(settings, tables, packed, strict=True)
    ]


def _from_sums(sums: GroupSums, setting: Setting) -> Iterator[Tensor]:
    """Yields the next values of a group's columns ``[state, row, column]``, some states at a time."""
    for values in zip(*[torch.split(part, sums.states_at_once) for part in setting.values], strict=True):
        yield sums.following(values)


def _stepped(module: nn.Module, stepper: Stepper, part: Observations, setting: Setting) -> Iterator[Tensor]:
    """Yields the same as :func:`_from_sums`, from whole steps of any module."""
    rows = len(part.inputs)
    for values in zip(*[torch.split(each, max(1, MOST_ROWS // rows)) for each in setting.values], strict=True):
        count = len(values[0])
        state = [repeated(each, count * rows) for each in part.state]
        for each, value in zip(state, values, strict=False):
            each[:, setting.local] = value.repeat_interleave(rows, dim=0)
        following = stepper.step(module, tuple(state), repeated(part.inputs, count * rows))[0]
        yield following[:, setting.local].reshape(count, rows, -1)
