"""Networks of logic gates as the weights of recurrent layers.

A gate here fires where two sums of bits both exceed their thresholds: AND, OR, COPY and majority need one sum, XOR is OR and
NAND, and rule 110 is OR and NAND too. An ``nn.RNN`` computes one sum a step, so XOR is no single step of it. An ``nn.GRU`` computes
two: the first opens the reset gate, the second is the candidate (update gate 0). An ``nn.LSTM`` has its input and its output gate
(forget gate 0).

Input j of the layer drives unit j: 0 lets the gate decide, +1 sets the unit ON and -1 sets it OFF, whatever the gate says.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

STEEP = 60.0  # how steep a threshold is: sums are 0.5 or more from it, so gates are 0 and 1 to the last digit of float32
DRIVE = 20.0  # how strongly an input drives its unit, against sums of at most a few bits


@dataclass(frozen=True)
class Sum:
    """True where the weighted sum of some units' bits exceeds a threshold; without weights, always."""

    weights: dict[int, float] = field(default_factory=dict)
    threshold: float = -1.0


@dataclass(frozen=True)
class Gate:
    """True where both sums are."""

    first: Sum = Sum()
    second: Sum = Sum()


def AND(*units: int) -> Gate:  # noqa: N802
    return Gate(second=Sum(dict.fromkeys(units, 1.0), len(units) - 0.5))


def OR(*units: int) -> Gate:  # noqa: N802
    return Gate(second=Sum(dict.fromkeys(units, 1.0), 0.5))


def COPY(unit: int) -> Gate:  # noqa: N802
    return OR(unit)


def MAJORITY(*units: int) -> Gate:  # noqa: N802
    return Gate(second=Sum(dict.fromkeys(units, 1.0), len(units) / 2))


def NAND_SUM(*units: int) -> Sum:  # noqa: N802
    return Sum(dict.fromkeys(units, -1.0), 0.5 - len(units))


def XOR(a: int, b: int) -> Gate:  # noqa: N802
    return Gate(OR(a, b).second, NAND_SUM(a, b))


def RULE110(left: int, own: int, right: int) -> Gate:  # noqa: N802
    return Gate(OR(own, right).second, NAND_SUM(left, own, right))


BASIC = (OR(1, 2), COPY(2), XOR(0, 1))
"""PyPhi's basic network: Φ = 2.3125 in (1, 0, 0)."""

FIGURE_4 = (OR(1, 2), AND(0, 2), XOR(0, 1))
"""Figure 4 of Oizumi, Albantakis and Tononi (2014): Φ = 1.916666 in (1, 0, 0)."""

RULE_110 = tuple(RULE110((cell - 1) % 3, cell, (cell + 1) % 3) for cell in range(3))
"""Elementary cellular automaton 110 on a ring of three cells: Φ = 1.357083 in (0, 0, 0), 1.015239 in (1, 1, 1)."""

CHAIN = (Gate(second=Sum(threshold=1.0)), COPY(0), COPY(1))
"""Feed-forward: unit 0 is driven from outside only (else OFF), and is copied along. Φ = 0."""

COPY_RING = (COPY(2), COPY(0), COPY(1))
"""Each of three units copies the one before it."""

MAJORITY_RING = tuple(MAJORITY((cell - 1) % 4, cell, (cell + 1) % 4) for cell in range(4))
"""Four cells on a ring, each becoming what most of itself and its neighbours are."""


def recurrent_layer(gates: tuple[Gate, ...], kind: type[nn.Module] = nn.GRU) -> nn.Module:
    """A layer of as many units as gates, batch first, whose every step is a step of the gates.

    A unit that is ON is 1 (RNN, GRU) or tanh(1) (LSTM), and one that is OFF is -1 or 0: see :func:`threshold`.
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
    """Between ON and OFF."""
    return 0.38 if kind is nn.LSTM else 0.0


def truth_table(gates: tuple[Gate, ...]) -> list[list[int]]:
    """What follows each state, rows little-endian: computed from the sums, not from a layer."""
    n = len(gates)

    def true(part: Sum, row: int) -> bool:
        return sum(weight * (row >> unit & 1) for unit, weight in part.weights.items()) > part.threshold

    return [[int(true(gate.first, row) and true(gate.second, row)) for gate in gates] for row in range(2**n)]


def drive(sequences: int, times: int, units: int, *, flip: float = 0.0, seed: int = 0) -> Tensor:
    """Inputs ``[sequence, time, unit]``: the first time sets a random state, after which gates decide.

    With ``flip``, each unit at each time is set ON with that probability, or OFF with that probability, so that it becomes other
    than its gate says with probability ``flip``, independently in time and of the other units.
    """
    generator = torch.Generator().manual_seed(seed)
    chance = torch.rand(sequences, times, units, generator=generator)
    inputs = (chance < flip).float() - (chance > 1 - flip).float()
    inputs[:, 0] = torch.randint(2, (sequences, units), generator=generator) * 2.0 - 1.0
    return inputs


def _spread(part: Sum, units: int, off: float, on: float) -> tuple[Tensor, float]:
    """Weights and bias by which activations (not bits) give the sum less its threshold."""
    weights = torch.zeros(units)
    for unit, value in part.weights.items():
        weights[unit] = value / (on - off)
    return weights, -float(weights.sum()) * off - part.threshold


def _write_rnn(layer: nn.RNN, unit: int, gate: Gate) -> None:
    if gate.first.weights:
        msg = f"Unit {unit} needs two sums, and a step of nn.RNN computes one: use nn.GRU or nn.LSTM."
        raise ValueError(msg)
    weights, bias = _spread(gate.second, layer.hidden_size, -1.0, 1.0)
    layer.weight_hh_l0[unit] = STEEP * weights
    layer.bias_hh_l0[unit] = STEEP * bias
    layer.weight_ih_l0[unit, unit] = STEEP * DRIVE


def _write_gru(layer: nn.GRU, unit: int, gate: Gate) -> None:
    n = layer.hidden_size
    reset, update, candidate = unit, n + unit, 2 * n + unit
    weights, bias = _spread(gate.first, n, -1.0, 1.0)
    layer.weight_hh_l0[reset] = STEEP * weights
    layer.bias_hh_l0[reset] = STEEP * bias
    layer.bias_hh_l0[update] = -STEEP
    # candidate = tanh(-1 + reset * (1 + sum)): OFF where the reset gate is shut, and the sum where it is open.
    weights, bias = _spread(gate.second, n, -1.0, 1.0)
    layer.weight_hh_l0[candidate] = STEEP * weights
    layer.bias_hh_l0[candidate] = STEEP * (1.0 + bias)
    layer.bias_ih_l0[candidate] = -STEEP
    layer.weight_ih_l0[candidate, unit] = STEEP * DRIVE


def _write_lstm(layer: nn.LSTM, unit: int, gate: Gate) -> None:
    n = layer.hidden_size
    on = float(torch.tanh(torch.tensor(1.0)))
    for row, part in ((unit, gate.first), (3 * n + unit, gate.second)):  # input gate, output gate
        weights, bias = _spread(part, n, 0.0, on)
        layer.weight_hh_l0[row] = STEEP * weights
        layer.bias_hh_l0[row] = STEEP * bias
        layer.weight_ih_l0[row, unit] = STEEP * DRIVE
    layer.bias_hh_l0[n + unit] = -STEEP  # forget gate
    layer.bias_hh_l0[2 * n + unit] = STEEP  # candidate
