"""Integrated information decomposition (ΦID) of two units: what their pasts tell of their futures, in 16 atoms.

Mediano, Rosas and others (2019), arXiv:1909.02297, and (2021), arXiv:2109.13186. An atom is named ``<past>t<future>``: r is what
both units have each (redundancy), x and y what the first and the second have alone, s what only both together have (synergy).
"""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from lightning_iit.errors import InvalidArgumentError, UnusableSeriesError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from jaxtyping import Float
    from numpy.typing import ArrayLike

    from lightning_iit.records.whole.pairs import Redundancy

Surprisals: TypeAlias = "Mapping[str, np.ndarray]"
"""The surprisal of each set of variables, by their letters (x, y: the pasts; a, b: the futures), along the last axis for each
sample; or its mean."""

_VARIABLES = "xyab"
SETS: tuple[str, ...] = tuple("".join(one) for size in range(1, 5) for one in combinations(_VARIABLES, size))
"""All sets of the four variables."""
SMALLEST_EIGENVALUE = 1e-10
"""Correlations with a smaller eigenvalue than this are those of dependent variables."""
_NODES = "rxys"
ATOMS: tuple[str, ...] = tuple(f"{past}t{future}" for past in _NODES for future in _NODES)
"""The names of the atoms."""
_MOEBIUS = np.array([[1, 0, 0, 0], [-1, 1, 0, 0], [-1, 0, 1, 0], [1, -1, -1, 1]])
"""What an atom of the lattice r < x, y < s is of the sums from below."""
_PASTS, _FUTURES = ("x", "y", "xy"), ("a", "b", "ab")


def phiid(
    past: Float[np.ndarray, "pair two"], present: Float[np.ndarray, "pair two"], redundancy: Redundancy = "mmi"
) -> dict[str, float]:
    """Computes the atoms of two units from pairs of a past and a present, taken for Gaussian.

    Args:
        past: ``[pair, 2]``, both units at one time.
        present: ``[pair, 2]``, both units at the later time.
        redundancy: "mmi", the smallest mutual information (Barrett 2015), or "ccs", common change in surprisal (Ince 2017, Entropy
            19:318), which depends on the samples one by one.

    Returns:
        Each atom in nats, by its name. Negative atoms are normal. Under "mmi" synergy reacts to the autocorrelation of independent
        units: compare it with surrogates before reading it as integration.

    Raises:
        UnusableSeriesError: the four variables are linearly dependent.

    Example:
        >>> import numpy as np
        >>> rng = np.random.default_rng(0)
        >>> x, y = rng.standard_normal((2, 5000))
        >>> exchanged = phiid(np.stack([x, y], axis=1), np.stack([y + x / 9, x - y / 9], axis=1) + rng.normal(0, 1, (5000, 2)))
        >>> exchanged["xty"] > 0.2, exchanged["xtx"] < 0.1
        (True, True)
    """
    variables = np.concatenate([past, present], axis=1)
    covariance = np.cov(variables, rowvar=False)
    if redundancy == "mmi":
        return phiid_of_covariance(covariance)
    return _named(_atoms(_local_gaussian(variables - variables.mean(axis=0), covariance), _common_change, np.ones(len(variables))))


def phiid_of_covariance(covariance: Float[np.ndarray, "four four"]) -> dict[str, float]:
    """Computes the atoms of two Gaussian units by minimum mutual information, from the covariance of (x, y, a, b), in nats."""
    return _named(_atoms(gaussian_entropies(covariance), _smallest, np.ones(1)))


def phiid_of_counts(counts: ArrayLike, redundancy: Redundancy = "mmi") -> dict[str, float]:
    """Computes the atoms of two binary units from how often each transition was seen, in bits.

    Args:
        counts: ``[2, 2, 2, 2]`` or 16 numbers: of each (past of x, past of y, future of x, future of y), the first slowest.
        redundancy: "mmi" or "ccs".

    Raises:
        InvalidArgumentError: not 16 numbers that are 0 or more, or all 0.
    """
    table = np.asarray(counts, dtype=np.float64).ravel()
    if table.shape != (16,) or not (table >= 0).all() or not table.any():
        msg = f"counts: got {np.shape(counts)} numbers; give 16 numbers from 0, of each transition between two states of two units."
        raise InvalidArgumentError(msg)
    shares = (table / table.sum()).reshape(2, 2, 2, 2)
    local: dict[str, np.ndarray] = {}
    for one in SETS:
        summed = tuple(axis for axis, letter in enumerate(_VARIABLES) if letter not in one)
        marginal = np.broadcast_to(shares.sum(axis=summed, keepdims=True), shares.shape)
        local[one] = -np.log2(np.where(shares > 0, marginal, 1.0)).ravel()
    seen = shares.ravel()
    if redundancy == "ccs":
        return _named(_atoms(local, _common_change, seen))
    entropies = {one: np.array([float(seen @ values)]) for one, values in local.items()}
    return _named(_atoms(entropies, _smallest, np.ones(1)))


def phiid_sums(atoms: Mapping[str, float]) -> dict[str, float]:
    """Returns sums of atoms by their names in the papers.

    Returns:
        ``storage``, ``transfer``, ``copy``, ``erasure``, ``upward_causation``, ``downward_causation``; ``phi_wms`` (what both units
        tell of their future beyond what each tells of its own) and ``phi_r`` (the same with the redundancy added back).
    """
    groups = {
        "storage": "rtr xtx yty sts",
        "transfer": "xty ytx",
        "copy": "xtr ytr",
        "erasure": "rtx rty",
        "upward_causation": "xts yts rts",
        "downward_causation": "stx sty str",
    }
    sums = {name: sum(atoms[one] for one in members.split()) for name, members in groups.items()}
    own = sum(atoms[one] for one in ("rtr", "rtx", "xtr", "xtx", "rtr", "rty", "ytr", "yty"))
    wms = sum(atoms.values()) - own
    return sums | {"phi_wms": wms, "phi_r": wms + atoms["rtr"]}


def gaussian_entropies(covariance: Float[np.ndarray, "*pair four four"]) -> dict[str, np.ndarray]:
    """Returns the entropy of each set of the variables (less a constant for each variable), for one covariance or several.

    Raises:
        UnusableSeriesError: the variables are linearly dependent.
    """
    correlation = _correlations(covariance)
    found = {}
    for one in SETS:
        rows = [_VARIABLES.index(letter) for letter in one]
        factor = np.linalg.cholesky(correlation[..., rows, :][..., rows])
        found[one] = np.atleast_1d(np.log(np.diagonal(factor, axis1=-2, axis2=-1)).sum(axis=-1))
    return found


def _correlations(covariance: Float[np.ndarray, "*pair four four"]) -> Float[np.ndarray, "*pair four four"]:
    """Returns the correlations of a covariance, after a check that none of the variables is a linear function of the others."""
    scale = np.sqrt(np.diagonal(covariance, axis1=-2, axis2=-1))
    if not (scale > 0).all():
        msg = "A unit of the pair never varies, so ΦID of the pair is not defined. Leave that unit out."
        raise UnusableSeriesError(msg)
    correlation = covariance / scale[..., :, None] / scale[..., None, :]
    if np.linalg.eigvalsh(correlation).min() < SMALLEST_EIGENVALUE:
        msg = (
            "The pasts and the futures of two units are linearly dependent, so ΦID of this pair is not defined. Leave one of the "
            "two units out."
        )
        raise UnusableSeriesError(msg)
    return np.asarray(correlation)


def _local_gaussian(centred: Float[np.ndarray, "pair four"], covariance: Float[np.ndarray, "four four"]) -> dict[str, np.ndarray]:
    """Returns the surprisal of each sample in each set of the variables (less a constant for each variable)."""
    correlation = _correlations(covariance)
    scaled = centred / np.sqrt(np.diagonal(covariance))
    found = {}
    for one in SETS:
        rows = [_VARIABLES.index(letter) for letter in one]
        factor = np.linalg.cholesky(correlation[np.ix_(rows, rows)])
        white = np.linalg.solve(factor, scaled[:, rows].T)
        found[one] = 0.5 * (white**2).sum(axis=0) + np.log(np.diagonal(factor)).sum()
    return found


def _informations(surprisals: Surprisals) -> dict[str, np.ndarray]:
    """Returns the mutual information of each set of pasts with each set of futures, by the letters of both."""
    return {
        past + future: surprisals[past] + surprisals[future] - surprisals[past + future] for past in _PASTS for future in _FUTURES
    }


def _atoms(
    surprisals: Surprisals, redundancies: Callable[[dict[str, np.ndarray]], dict[str, np.ndarray]], weights: np.ndarray
) -> Float[np.ndarray, "*pair past future"]:
    """Returns the 4 x 4 atoms of the lattice, by Moebius inversion of the sums from below.

    Args:
        surprisals: of each set of variables.
        redundancies: gives the redundancies from the mutual informations.
        weights: of each sample, along the last axis of the surprisals.
    """
    found = _informations(surprisals)
    found |= redundancies(found)
    rows = (("r>r", "r>a", "r>b", "r>ab"), *((f"{one}>r", f"{one}a", f"{one}b", f"{one}ab") for one in _PASTS))
    sums = np.array([[np.average(found[name], axis=-1, weights=weights) for name in row] for row in rows])
    return np.asarray(np.einsum("pq,qr...,fr->pf...", _MOEBIUS, sums, _MOEBIUS))


def _smallest(found: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Returns the redundancies as the smallest mutual information (of means)."""
    redundant = {f"r>{future}": np.minimum(found[f"x{future}"], found[f"y{future}"]) for future in _FUTURES}
    redundant |= {f"{past}>r": np.minimum(found[f"{past}a"], found[f"{past}b"]) for past in _PASTS}
    return redundant | {"r>r": np.minimum.reduce([found[pair] for pair in ("xa", "xb", "ya", "yb")])}


def _common(one: np.ndarray, other: np.ndarray, both: np.ndarray) -> np.ndarray:
    """Returns the common change in surprisal of each sample: what two sources share, where all signs agree."""
    shared = one + other - both
    agree = (np.sign(one) == np.sign(other)) & (np.sign(other) == np.sign(both)) & (np.sign(both) == np.sign(shared))
    return np.where(agree, shared, 0.0)


def _common_change(found: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Returns the redundancies of each sample by common change in surprisal; that of both pasts and both futures likewise."""
    redundant = {f"r>{future}": _common(found[f"x{future}"], found[f"y{future}"], found[f"xy{future}"]) for future in _FUTURES}
    redundant |= {f"{past}>r": _common(found[f"{past}a"], found[f"{past}b"], found[f"{past}ab"]) for past in _PASTS}
    pairs = [found[pair] for pair in ("xa", "xb", "ya", "yb")]
    shared = found["xab"] + found["yab"] + found["xya"] + found["xyb"] - found["xyab"] - sum(pairs)
    shared = shared + redundant["r>a"] + redundant["r>b"] - redundant["r>ab"]
    shared = shared + redundant["x>r"] + redundant["y>r"] - redundant["xy>r"]
    agree = np.logical_and.reduce([np.sign(pair) == np.sign(shared) for pair in pairs])
    return redundant | {"r>r": np.where(agree, shared, 0.0)}


def _named(atoms: Float[np.ndarray, "past future"]) -> dict[str, float]:
    return {name: float(value) for name, value in zip(ATOMS, atoms.ravel(), strict=True)}


def atoms_of_covariances(covariances: Float[np.ndarray, "pair four four"]) -> dict[str, Float[np.ndarray, " pair"]]:
    """Computes the atoms of many pairs of Gaussian units at once, as :func:`phiid_of_covariance` does."""
    entropies = {one: values[:, None] for one, values in gaussian_entropies(covariances).items()}
    found = _atoms(entropies, _smallest, np.ones(1))
    return {name: found[position // 4, position % 4] for position, name in enumerate(ATOMS)}
