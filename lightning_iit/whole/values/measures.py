"""The measures by their names: their values at a partition, and what must hold between them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, get_args

from lightning_iit.errors import UnusableSeriesError
from lightning_iit.records.whole.measures import SYMBOLS, MeasureName
from lightning_iit.whole.values.determinants import information, stochastic_interaction, total_correlation, total_correlation_pairs
from lightning_iit.whole.values.phi_g import STARTS, phi_g
from lightning_iit.whole.values.phi_star import phi_star

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from lightning_iit.whole.values.covariances import Covariances
    from lightning_iit.whole.values.partitions import Partition
    from lightning_iit.whole.values.set_functions import LogDetFunction

MEASURES: tuple[MeasureName, ...] = get_args(MeasureName)
"""The names of all measures."""
OF_DETERMINANTS: dict[MeasureName, Callable[[Covariances], LogDetFunction]] = {
    "total_correlation": total_correlation,
    "total_correlation_pairs": total_correlation_pairs,
    "stochastic_interaction": stochastic_interaction,
}
"""The measures that are sums of logarithms of determinants."""
_PARAMETERS: dict[MeasureName, float] = {
    "total_correlation": 1.0,
    "total_correlation_pairs": 4.0,
    "stochastic_interaction": 3.0,
    "phi_g": 2.0,
}
"""How many parameters across parts each pair of units has in the model that a measure compares with."""
_TOLERANCE = 1e-6


class Value(NamedTuple):
    """Holds the value of a measure at a partition.

    Args:
        value: in nats.
        spread: of Φ_G by how much the ends of its searches differ.
        beta: of Φ* its exponent.
    """

    value: float
    spread: float = 0.0
    beta: float | None = None


def values_at(
    given: Covariances, partition: Partition, names: Sequence[MeasureName], *, starts: int = STARTS, seed: int = 0
) -> dict[MeasureName, Value]:
    """Computes measures at a partition, and checks what must hold between them.

    Args:
        given: the covariances.
        partition: the parts.
        names: the measures.
        starts: from how many places the search for Φ_G begins.
        seed: the seed of its random places.

    Raises:
        UnusableSeriesError: the values contradict each other, so they are not certain.
    """
    found: dict[MeasureName, Value] = {}
    for name in names:
        if name == "phi_star":
            star = phi_star(given, partition)
            found[name] = Value(star.value, beta=star.beta)
        elif name == "phi_g":
            geometric = phi_g(given, partition, starts=starts, seed=seed)
            found[name] = Value(geometric.value, geometric.spread)
        else:
            found[name] = Value(OF_DETERMINANTS[name](given).at(partition))
    _check(given, partition, found)
    return {name: one._replace(value=max(one.value, 0.0)) for name, one in found.items()}


def _check(given: Covariances, partition: Partition, found: dict[MeasureName, Value]) -> None:
    """Raises UnusableSeriesError where a value is below 0 or above what bounds it.

    Kitazono, Kanai and Oizumi (2018), equation 13: Φ_G <= SI <= MI. Φ* and Φ_G are at most the information of the past on the
    present, and SI and MI1 add up to MI.
    """
    sums = {name: float(function(given).at(partition)) for name, function in OF_DETERMINANTS.items() if _needed(name, found)}
    values = {**sums, **{name: one.value for name, one in found.items()}}
    limits: dict[str, list[float]] = {name: [] for name in values}
    if "phi_star" in found or "phi_g" in found:
        whole = information(given)
        for name in ("phi_star", "phi_g"):
            limits.setdefault(name, []).append(whole)
        limits["phi_g"].append(values["stochastic_interaction"])
    broken = [
        name
        for name, value in values.items()
        for limit in (*limits[name], float("inf"))
        if not -_TOLERANCE <= value <= limit + _TOLERANCE
    ]
    if len(sums) == len(OF_DETERMINANTS):
        rest = values["total_correlation_pairs"] - values["total_correlation"] - values["stochastic_interaction"]
        broken += ["total_correlation_pairs"] * (abs(rest) > _TOLERANCE)
    if broken:
        names = ", ".join(SYMBOLS[name] for name in SYMBOLS if name in broken)
        msg = (
            f"{names} of a partition into {len(partition)} parts contradicts what must hold between the measures: the covariances "
            "are too close to singular. Leave out units that are nearly dependent, or record more samples."
        )
        raise UnusableSeriesError(msg)


def _needed(name: MeasureName, found: dict[MeasureName, Value]) -> bool:
    """Returns whether a measure is computed for the check; covariances of rows without an order have total correlation only."""
    return set(found) != {"total_correlation"} or name == "total_correlation"


def expected_bias(name: MeasureName, partition: Partition, samples: int) -> float | None:
    """Returns the bias of a measure of independent units to first order, in nats: parameters across parts / (2 samples).

    None for Φ*, of which no such formula is known. Samples that resemble each other have a larger one, and so have few samples.

    Example:
        >>> expected_bias("total_correlation", ((0,), (1,), (2,), (3,), (4,)), 500)
        0.01
    """
    if name not in _PARAMETERS or not samples:
        return None
    sizes = [len(part) for part in partition]
    pairs = (sum(sizes) ** 2 - sum(size**2 for size in sizes)) / 2
    return _PARAMETERS[name] * pairs / (2 * samples)
