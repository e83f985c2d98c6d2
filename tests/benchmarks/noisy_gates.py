"""Networks of logic gates with noise, and a GRU that steps exactly like one: its Φ is known without any data."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from lightning_iit.records import State, System
from lightning_iit.tpm.states import state_of

GATES: dict[str, Callable[..., int]] = {"OR": int.__or__, "COPY": int, "XOR": int.__xor__, "AND": int.__and__}
BASIC = ("OR", 1, 2), ("COPY", 2), ("XOR", 0, 1)
"""The gate of each unit and the units it reads: PyPhi's basic network."""
ANDS = ("AND", 2, 3), ("AND", 2, 3), ("AND", 0, 1), ("AND", 0, 1)
"""PyPhi's macro network (Hoel, Albantakis, Marshall and Tononi 2016), whose noise is 0.3 in all units."""


class Noisy(NamedTuple):
    """A network of gates with noise: with which probability it sets each unit ON, and OFF, whatever the gate says."""

    name: str
    gates: tuple[tuple[Any, ...], ...]
    on: tuple[float, ...]
    off: tuple[float, ...]

    def system(self, state: State) -> System:
        states = [state_of(index, len(state)) for index in range(2 ** len(state))]
        gates = [(GATES[gate], sources, on, off) for (gate, *sources), on, off in zip(*self[1:], strict=True)]
        tpm = [[1 - off if gate(*(at[unit] for unit in sources)) else on for gate, sources, on, off in gates] for at in states]
        return System(tpm=tpm, state=state)

    def layer(self) -> nn.GRU:
        """A GRU that steps exactly so, with activations of 1 (ON) and -1; an input of 1 or -1 sets its unit ON or OFF.

        A gate is the candidate state; an XOR is a NAND that is reset where both are OFF.
        """
        n, k = len(self.gates), 20.0  # tanh(20) is 1 in float32
        layer = nn.GRU(n, n, batch_first=True).eval().requires_grad_(False)
        for weights in layer.parameters():
            nn.init.zeros_(weights)
        layer.bias_hh_l0[:n] = 2 * k  # no reset
        layer.bias_hh_l0[n : 2 * n] = -2 * k  # nothing of the old state is kept
        layer.weight_ih_l0[2 * n :] = 10 * k * torch.eye(n)
        for unit, (gate, *sources) in enumerate(self.gates):
            layer.weight_hh_l0[2 * n + unit, sources] = -k if gate == "XOR" else k
            layer.bias_hh_l0[2 * n + unit] = {"OR": k, "COPY": 0.0, "AND": -k, "XOR": 2 * k}[gate]
            if gate == "XOR":
                layer.bias_ih_l0[2 * n + unit] = -k
                layer.weight_hh_l0[unit, sources] = k
                layer.bias_hh_l0[unit] = k
        return layer

    def inputs(self, sequences: int, seed: int) -> Tensor:
        """Sequences of 8 inputs: a random state, then the noise; each unit's stays as it was with probability 1/2."""
        rng = np.random.default_rng(seed)
        size = 8, sequences
        chances = zip(self.on, self.off, strict=True)
        inputs = np.stack([rng.choice([1.0, -1.0, 0.0], p=[on, off, 1 - on - off], size=size) for on, off in chances], axis=-1)
        inputs[0] = rng.choice([1.0, -1.0], size=inputs[0].shape)
        for before, now in pairwise(inputs[1:]):
            now[:] = np.where(rng.random(now.shape) < 0.5, before, now)
        return torch.tensor(inputs, dtype=torch.float32).transpose(0, 1)
