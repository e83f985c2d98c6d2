"""Builds recurrent layers that compute networks of logic gates, so that their Φ is known.

A gate here is ON if each of its two sums of bits exceeds its own threshold. AND, OR, COPY and majority need one sum. XOR needs
two (OR and NAND), and so does rule 110. An ``nn.RNN`` computes one sum in a step, so XOR cannot be one step of an ``nn.RNN``. An
``nn.GRU`` computes two sums: the first sum opens the reset gate, the second is the candidate (the update gate is 0). An
``nn.LSTM`` computes two sums with its input gate and its output gate (the forget gate is 0).

Input j of the layer drives unit j: 0 lets the gate decide, +1 sets the unit ON and -1 sets the unit OFF, whatever the gate says.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

STEEP = 60.0  # makes thresholds sharp: sums are at least 0.5 away from them, so gates are exactly 0 or 1 in float32
DRIVE = 20.0  # the weight of an input, larger than any sum of a few bits, so that inputs overrule gates


@dataclass(frozen=True)
class Sum:
    """Holds a weighted sum of some units' bits; the sum is true if it exceeds the threshold.

    The default (no weights) is always true.

    Attributes:
        weights: the weight of each unit, by the unit's index.
        threshold: the sum is true above this value.
    """

    weights: dict[int, float] = field(default_factory=dict)
    threshold: float = -1.0


@dataclass(frozen=True)
class Gate:
    """Holds two sums; the gate is ON if both sums are true."""

    first: Sum = Sum()
    second: Sum = Sum()


def AND(*units: int) -> Gate:  # noqa: N802
    """Returns the gate that is ON if all the units are ON."""
    return Gate(second=Sum(dict.fromkeys(units, 1.0), len(units) - 0.5))


def OR(*units: int) -> Gate:  # noqa: N802
    """Returns the gate that is ON if at least one of the units is ON."""
    return Gate(second=Sum(dict.fromkeys(units, 1.0), 0.5))


def COPY(unit: int) -> Gate:  # noqa: N802
    """Returns the gate that is ON if the unit is ON."""
    return OR(unit)


def MAJORITY(*units: int) -> Gate:  # noqa: N802
    """Returns the gate that is ON if more than half of the units are ON."""
    return Gate(second=Sum(dict.fromkeys(units, 1.0), len(units) / 2))


def NAND_SUM(*units: int) -> Sum:  # noqa: N802
    """Returns the sum that is true unless all the units are ON."""
    return Sum(dict.fromkeys(units, -1.0), 0.5 - len(units))


def XOR(a: int, b: int) -> Gate:  # noqa: N802
    """Returns the gate that is ON if exactly one of the two units is ON: OR and NAND."""
    return Gate(OR(a, b).second, NAND_SUM(a, b))


def RULE110(left: int, own: int, right: int) -> Gate:  # noqa: N802
    """Returns the gate of the elementary cellular automaton 110 for a cell and its two neighbours."""
    return Gate(OR(own, right).second, NAND_SUM(left, own, right))


BASIC = (OR(1, 2), COPY(2), XOR(0, 1))
"""PyPhi's basic network: Φ = 2.3125 in state (1, 0, 0)."""

FIGURE_4 = (OR(1, 2), AND(0, 2), XOR(0, 1))
"""Figure 4 of Oizumi, Albantakis and Tononi (2014): Φ = 1.916666 in state (1, 0, 0)."""

RULE_110 = tuple(RULE110((cell - 1) % 3, cell, (cell + 1) % 3) for cell in range(3))
"""Elementary cellular automaton 110 on a ring of three cells: Φ = 1.357083 in state (0, 0, 0), 1.015239 in state (1, 1, 1)."""

CHAIN = (Gate(second=Sum(threshold=1.0)), COPY(0), COPY(1))
"""A feed-forward chain with Φ = 0: unit 0 is OFF unless its input sets it ON, unit 1 copies unit 0, unit 2 copies unit 1."""

COPY_RING = (COPY(2), COPY(0), COPY(1))
"""A ring of three units in which each unit copies the unit before."""

MAJORITY_RING = tuple(MAJORITY((cell - 1) % 4, cell, (cell + 1) % 4) for cell in range(4))
"""A ring of four cells in which each cell takes the state of the majority among itself and its two neighbours."""


def recurrent_layer(gates: tuple[Gate, ...], kind: type[nn.Module] = nn.GRU) -> nn.Module:
    """Returns a recurrent layer with one unit for each gate; each step of the layer is one step of the gates.

    An ON unit has the activation 1 (RNN, GRU) or tanh(1) (LSTM), an OFF unit -1 (RNN, GRU) or 0 (LSTM): see :func:`threshold`.

    Args:
        gates: the gate of each unit.
        kind: ``nn.RNN``, ``nn.GRU`` or ``nn.LSTM``; the layer has ``batch_first=True``.

    Raises:
        ValueError: a gate needs two sums and the kind is ``nn.RNN``.
    """
    layer = kind(len(gates), len(gates), batch_first=True)
    write = {nn.RNN: _write_rnn, nn.GRU: _write_gru, nn.LSTM: _write_lstm}[kind]
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.zero_()
        for unit, gate in enumerate(gates):
            write(layer, unit, gate)
    return layer


def threshold(kind: type[nn.Module]) -> float:
    """Returns a value between the activations of OFF and ON units of this kind of layer."""
    return 0.38 if kind is nn.LSTM else 0.0


def truth_table(gates: tuple[Gate, ...]) -> list[list[int]]:
    """Returns the next state of each state, computed from the sums and not from a layer; rows little-endian.

    Example:
        >>> truth_table((COPY(1), COPY(0)))  # two units that exchange their states
        [[0, 0], [0, 1], [1, 0], [1, 1]]
    """
    n = len(gates)

    def true(part: Sum, row: int) -> bool:
        return sum(weight * (row >> unit & 1) for unit, weight in part.weights.items()) > part.threshold

    return [[int(true(gate.first, row) and true(gate.second, row)) for gate in gates] for row in range(2**n)]


def drive(sequences: int, times: int, units: int, *, flip: float = 0.0, seed: int = 0) -> Tensor:
    """Returns inputs ``[sequence, time, unit]``: the first time sets a random state, and the gates decide from then on.

    Args:
        sequences: the number of sequences.
        times: the number of time steps.
        units: the number of units.
        flip: at each later time each unit is set ON with this probability, and OFF with this probability, so that the unit
            becomes the opposite of what its gate says with probability ``flip`` (independently of other times and units).
        seed: the seed of the random numbers.
    """
    generator = torch.Generator().manual_seed(seed)
    chance = torch.rand(sequences, times, units, generator=generator)
    inputs = (chance < flip).float() - (chance > 1 - flip).float()
    inputs[:, 0] = torch.randint(2, (sequences, units), generator=generator) * 2.0 - 1.0
    return inputs


def _spread(part: Sum, units: int, off: float, on: float) -> tuple[Tensor, float]:
    """Returns weights and bias that compute the sum minus its threshold from activations (``off`` or ``on``) instead of bits."""
    weights = torch.zeros(units)
    for unit, value in part.weights.items():
        weights[unit] = value / (on - off)
    return weights, -float(weights.sum()) * off - part.threshold


def _write_rnn(layer: nn.RNN, unit: int, gate: Gate) -> None:
    """Writes a gate's second sum into the weights of an ``nn.RNN``; raises ``ValueError`` if the gate has a first sum too."""
    if gate.first.weights:
        msg = f"Unit {unit} needs two sums, and a step of nn.RNN computes one: use nn.GRU or nn.LSTM."
        raise ValueError(msg)
    weights, bias = _spread(gate.second, layer.hidden_size, -1.0, 1.0)
    layer.weight_hh_l0[unit] = STEEP * weights
    layer.bias_hh_l0[unit] = STEEP * bias
    layer.weight_ih_l0[unit, unit] = STEEP * DRIVE


def _write_gru(layer: nn.GRU, unit: int, gate: Gate) -> None:
    """Writes a gate's two sums into the reset gate and the candidate of an ``nn.GRU``."""
    n = layer.hidden_size
    reset, update, candidate = unit, n + unit, 2 * n + unit
    weights, bias = _spread(gate.first, n, -1.0, 1.0)
    layer.weight_hh_l0[reset] = STEEP * weights
    layer.bias_hh_l0[reset] = STEEP * bias
    layer.bias_hh_l0[update] = -STEEP
    # The candidate is tanh(-1 + reset * (1 + sum)): OFF if the reset gate is closed, else decided by the sum.
    weights, bias = _spread(gate.second, n, -1.0, 1.0)
    layer.weight_hh_l0[candidate] = STEEP * weights
    layer.bias_hh_l0[candidate] = STEEP * (1.0 + bias)
    layer.bias_ih_l0[candidate] = -STEEP
    layer.weight_ih_l0[candidate, unit] = STEEP * DRIVE


def _write_lstm(layer: nn.LSTM, unit: int, gate: Gate) -> None:
    """Writes a gate's two sums into the input gate and the output gate of an ``nn.LSTM``."""
    n = layer.hidden_size
    on = float(torch.tanh(torch.tensor(1.0)))
    for row, part in ((unit, gate.first), (3 * n + unit, gate.second)):  # input gate, output gate
        weights, bias = _spread(part, n, 0.0, on)
        layer.weight_hh_l0[row] = STEEP * weights
        layer.bias_hh_l0[row] = STEEP * bias
        layer.weight_ih_l0[row, unit] = STEEP * DRIVE
    layer.bias_hh_l0[n + unit] = -STEEP  # forget gate
    layer.bias_hh_l0[2 * n + unit] = STEEP  # candidate
