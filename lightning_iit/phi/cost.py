"""Predictions before any Φ is computed: the seconds for one Φ, the Φ of coin flips, and how many units the data are enough for."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from lightning_iit.errors import InvalidArgumentError
from lightning_iit.phi.registry import get_engine
from lightning_iit.records.schema import FORMALISM, FORMALISM_WORDS, Formalism, symbol

if TYPE_CHECKING:
    from collections.abc import Sequence

TRANSITIONS_PER_STATE = 100
"""Transitions for each possible state from which on the Φ of coin flips is small beside the Φ of most systems."""
MOST_UNITS = 6
"""The most units that :func:`units_for` suggests by default; with 6 units, one Φ still takes less than a second."""
FEWEST_UNITS = 2
"""The fewest units that can be cut in two."""
_STRUCTURES = {
    "fast": {1: 3e-4, 2: 3e-4, 3: 4e-4, 4: 1e-3, 5: 4e-3, 6: 0.04},
    "pyphi": {1: 0.02, 2: 0.05, 3: 0.2, 4: 3.0, 5: 50.0},
}
"""Seconds of one structure by engine and number of units, measured for dense stochastic systems; PyPhi's 5 units extrapolated."""
_PER_STATE = (5, 10, 25, 50, 100, 250, 1000)
"""Transitions for each possible state at which coin flips were simulated; the columns of ``_COIN_FLIPS``."""
_COIN_FLIPS: dict[int, tuple[float, ...]] = {
    2: (0.049, 0.0239, 0.00952, 0.00471, 0.00238, 0.000976, 0.000241),
    3: (0.147, 0.0659, 0.0265, 0.0132, 0.00681, 0.0028, 0.000713),
    4: (0.41, 0.189, 0.0708, 0.037, 0.0183, 0.00767, 0.00191),
    5: (0.922, 0.403, 0.166, 0.0873, 0.0447, 0.0181, 0.00486),
    6: (1.9, 0.871, 0.342, 0.173, 0.0856, 0.0354, 0.00944),
}
"""Mean Φ of coin flips with ``_PER_STATE`` transitions for each of the ``2**n`` states, by n; ``tests/support/coin_flips.py``
simulates them.

For n = 2 to 6 the means are over 2,000, 1,000, 400, 100 and 56 samples, with ``seed=n`` (n = 6: 16 samples with ``seed=6`` and 40
samples with ``seed=106``)."""


def seconds_per_phi(engine: str, n: int, formalism: Formalism = FORMALISM) -> float:
    """Returns about how many seconds one analysis of ``n`` densely connected units takes on one core.

    Raises:
        InvalidArgumentError: there is no such engine.
    """
    return get_engine(engine, formalism).seconds(n)


def seconds_per_structure(engine: str, n: int) -> float | None:
    """Returns about how many seconds one cause-effect structure (IIT 4.0) of ``n`` densely connected units takes on one core.

    Returns:
        The seconds; None where the engine computes none of so many units, or where its time was not measured.

    Example:
        >>> seconds_per_structure("fast", 6) < 1.0, seconds_per_structure("fast", 7)
        (True, None)
    """
    return _STRUCTURES.get(engine, {}).get(n)


def units_for(transitions: float, *, most: int = MOST_UNITS) -> int:
    """Returns the largest number of units n, from 2 to ``most``, with at least 100 transitions for each of the 2**n states.

    Returns 2 also where there are too few transitions for two units.

    Args:
        transitions: the number of transitions from which one TPM will be estimated.
        most: the largest number of units to return.

    Example:
        >>> units_for(1600)  # 100 transitions for each of 16 states
        4
    """
    if transitions < TRANSITIONS_PER_STATE * 2**FEWEST_UNITS:
        return FEWEST_UNITS
    units = math.floor(math.log2(transitions / TRANSITIONS_PER_STATE))
    return min(most, units)


def transitions_for(n: int) -> int:
    """Returns how many transitions ``n`` units need: 100 for each of the ``2**n`` possible states.

    Example:
        >>> transitions_for(4)
        1600
    """
    return TRANSITIONS_PER_STATE << n


def coin_flip_phi(n: int, transitions: float) -> float | None:
    """Returns the mean Φ that independent coin flips would show (their true Φ is 0), from a table of simulations.

    Φ of an estimated TPM is biased upward, and the Φ of coin flips shows how large this bias is. Between the simulated
    numbers of transitions, log Φ is interpolated linearly in the logarithm of the number of transitions. Above the largest
    simulated number the line continues with the slope of the last two points; there, Φ falls about as ``1 / transitions``.

    Args:
        n: the number of units.
        transitions: the number of transitions from which the TPM is estimated.

    Returns:
        The mean Φ, never more than the mean Φ at the smallest simulated number of transitions (5 for each state); None for more
        units than were simulated (6).

    Raises:
        InvalidArgumentError: there are fewer than two units, or ``transitions`` is not above 0.

    Example:
        >>> round(coin_flip_phi(4, 1600), 4)
        0.0183
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


def seconds_in_words(n: int, engine: str = "auto", formalisms: Sequence[Formalism] = (FORMALISM,)) -> str:
    """Describes in words how long one Φ of ``n`` units takes by each version of the theory.

    Raises:
        InvalidArgumentError: there is no such engine, or it does not compute a formalism.

    Example:
        >>> seconds_in_words(4, "fast", ("iit3", "iit4-2023"))
        'about 0.0008 s for each Φ (IIT 3.0), 0.0001 s for each φ_s (IIT 4.0 (2023))'
    """
    each = [
        f"{seconds_per_phi(engine, n, one):.2g} s for each {symbol(one)}"
        + (f" ({FORMALISM_WORDS[one]})" if len(formalisms) > 1 else "")
        for one in formalisms
    ]
    return f"about {', '.join(each)}"


def cost_in_words(
    n: int, transitions: int, engine: str = "auto", formalisms: Sequence[Formalism] = (FORMALISM,)
) -> tuple[str, bool]:
    """Describes in words how long one Φ of ``n`` units takes and which Φ coin flips would show with so many transitions.

    What coin flips show is known of Φ of IIT 3.0 only.

    Args:
        n: the number of units.
        transitions: the number of transitions from which one TPM will be estimated.
        engine: the name of the engine whose time is given.
        formalisms: the versions of the theory.

    Returns:
        One or two sentences, and whether there are at least 100 transitions for each possible state. Where there are fewer, the
        second sentence suggests a number of units and a window (in epochs).

    Raises:
        InvalidArgumentError: there is no such engine.
    """
    seconds = seconds_in_words(n, engine, formalisms)
    said = f"{n} units: {seconds}; {transitions:,} transitions for {2**n} possible states"
    known = n >= FEWEST_UNITS and transitions > 0 and FORMALISM in formalisms
    flips = coin_flip_phi(n, transitions) if known else None
    read = f", with which independent coin flips (true Φ = 0) read Φ = {flips:.2g}" if flips is not None else ""
    wanted = transitions_for(n)
    if transitions >= wanted:
        return f"{said}{read}.", True
    window = math.ceil(wanted / max(transitions, 1))
    advice = f"Use units={units_for(transitions)}, window={window} (epochs for one TPM) or more data"
    return f"{said}{read}: fewer than {TRANSITIONS_PER_STATE} for each. {advice}.", False
