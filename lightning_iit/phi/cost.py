"""What Φ costs before any is computed: seconds for one, the Φ of coin flips, and how many units the data carry."""

from __future__ import annotations

import math

import numpy as np

from lightning_iit.errors import InvalidArgumentError
from lightning_iit.phi.registry import get_engine
from lightning_iit.records import Computed, PhiOptions, System

TRANSITIONS_PER_STATE = 100
"""From here on the Φ of coin flips is small beside the Φ of most systems."""
MOST_UNITS = 6
"""What :func:`units_for` offers at most: one Φ still takes about a second."""
FEWEST_UNITS = 2
_PER_STATE = (5, 10, 25, 50, 100, 250, 1000)
_COIN_FLIPS: dict[int, tuple[float, ...]] = {
    2: (0.049, 0.0239, 0.00952, 0.00471, 0.00238, 0.000976, 0.000241),
    3: (0.147, 0.0659, 0.0265, 0.0132, 0.00681, 0.0028, 0.000713),
    4: (0.41, 0.189, 0.0708, 0.037, 0.0183, 0.00767, 0.00191),
    5: (0.922, 0.403, 0.166, 0.0873, 0.0447, 0.0181, 0.00486),
    6: (1.9, 0.871, 0.342, 0.173, 0.0856, 0.0354, 0.00944),
}
"""Mean Φ of :func:`simulate_coin_flips` with ``_PER_STATE`` transitions for each of the ``2**n`` states, by n.

2,000, 1,000, 400, 100 and 56 samples for n = 2 to 6, ``seed=n`` (n = 6: 16 samples, and 40 with seed 106)."""


def seconds_per_phi(engine: str, n: int) -> float:
    """About how long one analysis of n densely connected units takes on one core, in seconds.

    Raises:
        InvalidArgumentError: no such engine.
    """
    return get_engine(engine).seconds(n)


def units_for(transitions: float, *, most: int = MOST_UNITS) -> int:
    """The most units, from 2 to ``most``, with 100 transitions for each possible state: ``100 * 2**n <= transitions``."""
    if transitions < TRANSITIONS_PER_STATE * 2**FEWEST_UNITS:
        return FEWEST_UNITS
    units = math.floor(math.log2(transitions / TRANSITIONS_PER_STATE))
    return min(most, units)


def transitions_for(n: int) -> int:
    """How many transitions n units want: 100 for each of the ``2**n`` possible states."""
    return TRANSITIONS_PER_STATE << n


def coin_flip_phi(n: int, transitions: float) -> float | None:
    """The mean Φ that independent coin flips would give (their true Φ is 0), from a table of simulations.

    Between the simulated numbers of transitions it is interpolated linearly in the logarithms of both, and beyond them it goes
    on in a straight line; near 1000 transitions for each state Φ falls about as ``1 / transitions``.

    Returns:
        The mean Φ, never more than that of the fewest transitions simulated; None for more units than were simulated.

    Raises:
        InvalidArgumentError: fewer than two units or no transition.
    """
    if n < FEWEST_UNITS or not transitions > 0:
        msg = f"coin_flip_phi({n}, {transitions}): Φ needs two units and at least one transition."
        raise InvalidArgumentError(msg)
    if n not in _COIN_FLIPS:
        return None
    known = np.log(np.array(_COIN_FLIPS[n]))
    at = math.log(transitions / 2**n)
    axis = np.log(np.array(_PER_STATE, dtype=float))
    if at > axis[-1]:
        slope = (known[-1] - known[-2]) / (axis[-1] - axis[-2])
        return float(math.exp(known[-1] + slope * (at - axis[-1])))
    return float(math.exp(np.interp(at, axis, known)))


def cost_in_words(n: int, transitions: int, engine: str = "auto") -> tuple[str, bool]:
    """What n units with so many transitions for one TPM cost, and what coin flips would read.

    Returns:
        A sentence or two, and whether there are 100 transitions for each possible state.
    """
    said = f"{n} units: about {seconds_per_phi(engine, n):.2g} s for each Φ; {transitions:,} transitions for {2**n} possible states"
    flips = coin_flip_phi(n, transitions) if n >= FEWEST_UNITS and transitions > 0 else None
    read = f", with which independent coin flips (true Φ = 0) read Φ = {flips:.2g}" if flips is not None else ""
    wanted = transitions_for(n)
    if transitions >= wanted:
        return f"{said}{read}.", True
    window = math.ceil(wanted / max(transitions, 1))
    advice = f"Use units={units_for(transitions)}, window={window} (epochs for one TPM) or more data"
    return f"{said}{read}: fewer than {TRANSITIONS_PER_STATE} for each. {advice}.", False


def simulate_coin_flips(n: int, transitions: int, *, samples: int, seed: int = 0) -> float:
    """The mean Φ (fast engine) of n independent fair coins, estimated from so many transitions, in the most visited state.

    Rows that were never visited hold 1/2, as in the callback.
    """
    rng = np.random.default_rng(seed)
    systems = [_coins(rng, n, transitions) for _ in range(samples)]
    results = [result for system in systems for result in get_engine("fast").analyse([system], PhiOptions())]
    return float(np.mean([result.phi for result in results if isinstance(result, Computed)]))


def _coins(rng: np.random.Generator, n: int, transitions: int) -> System:
    codes = rng.integers(0, 2**n, transitions + 1)
    states = (codes[:, None] >> np.arange(n)) & 1
    visits = np.bincount(codes[:-1], minlength=2**n)
    on = np.zeros((2**n, n))
    np.add.at(on, codes[:-1], states[1:])
    tpm = np.where(visits[:, None] > 0, on / np.maximum(visits, 1)[:, None], 0.5)
    mode = int(visits.argmax())
    return System(tpm=tpm, state=tuple(int(mode >> unit & 1) for unit in range(n)))  # type: ignore[arg-type]
