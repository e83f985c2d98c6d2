"""Φ of many systems at once, as numbers only: by the engine's own method where it has one, else from its analyses."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol, runtime_checkable

import msgspec
import numpy as np

from lightning_iit.errors import InvalidSystemError
from lightning_iit.records import FORMALISM, PhiOptions, System, SystemPhi
from lightning_iit.records.system_checks import checked_cm

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jaxtyping import Float, Int
    from numpy.typing import ArrayLike

    from lightning_iit.phi.engine import PhiEngine, Progress
    from lightning_iit.records import Formalism


class Phis(NamedTuple):
    """Holds Φ of many systems by one formalism, ``[system]``; NaN where no state can be followed by the system's state.

    Args:
        phi: Φ (IIT 3.0) or φ_s (IIT 4.0).
        signed: signed φ_s; None for IIT 3.0.
    """

    phi: Float[np.ndarray, " system"]
    signed: Float[np.ndarray, " system"] | None = None


@runtime_checkable
class ComputesMany(Protocol):
    """Computes many Φ faster than one analysis after the other; what an engine may have beside the methods of ``PhiEngine``."""

    def phis(
        self,
        tpms: Float[np.ndarray, "system row node"],
        states: Int[np.ndarray, "system node"],
        cm: Int[np.ndarray, "node node"] | None,
        options: PhiOptions,
        formalisms: Sequence[Formalism],
        progress: Progress | None = None,
    ) -> tuple[Phis, ...]:
        """Returns Φ of each system by each formalism, the same numbers as ``analyse`` gives.

        Args:
            tpms: state-by-node TPMs, rows little-endian; equal TPMs that follow one another may share work.
            states: the state of each system.
            cm: the connectivity of all systems; None connects all nodes to all.
            options: cuts, approximations and threads; their formalism does not matter.
            formalisms: one or more that this engine computes, which may share work.
            progress: receives the finished fraction of all systems, from 0 to 1.
        """


def phis(
    engine: PhiEngine,
    tpms: Float[np.ndarray, "system row node"],
    states: Int[np.ndarray, "system node"] | Int[np.ndarray, " node"],
    cm: Int[np.ndarray, "node node"] | None = None,
    options: PhiOptions | None = None,
    progress: Progress | None = None,
) -> Float[np.ndarray, " system"]:
    """Computes Φ of many systems of one size with one engine; see :func:`phis_by_formalism` for the arguments.

    Returns:
        Φ of each system; NaN where no state can be followed by the system's state.

    Raises:
        InvalidSystemError: the connectivity is not that of so many nodes.
    """
    options = PhiOptions() if options is None else options
    return phis_by_formalism(engine, tpms, states, cm, options, (options.formalism,), progress)[0].phi


def phis_by_formalism(
    engine: PhiEngine,
    tpms: Float[np.ndarray, "system row node"],
    states: Int[np.ndarray, "system node"] | Int[np.ndarray, " node"],
    cm: Int[np.ndarray, "node node"] | None,
    options: PhiOptions,
    formalisms: Sequence[Formalism],
    progress: Progress | None = None,
) -> tuple[Phis, ...]:
    """Computes Φ of many systems by each of several formalisms; see :class:`ComputesMany` for the arguments.

    One state ``[node]`` is the state of all systems. The formalisms are IIT 3.0 alone, or versions of IIT 4.0.

    Raises:
        InvalidSystemError: the connectivity is not that of so many nodes.
    """
    tpms = np.asarray(tpms, np.float64)
    cm = None if cm is None else np.array(checked_cm(cm, tpms.shape[2]))
    each = np.broadcast_to(np.asarray(states, np.int64), (len(tpms), tpms.shape[2]))
    if options.nodes is not None and formalisms[0] == FORMALISM:  # IIT 4.0 has another rule for the background of causes
        tpms, each, cm = _conditioned(tpms, each, cm, options.nodes)
    if isinstance(engine, ComputesMany):
        return engine.phis(tpms, each, cm, options, formalisms, progress)
    of_each = (msgspec.structs.replace(options, formalism=one) for one in formalisms)
    return tuple(phis_by_analyses(engine, tpms, each, cm, one, progress) for one in of_each)


def _conditioned(
    tpms: Float[np.ndarray, "system row node"],
    states: Int[np.ndarray, "system node"],
    cm: Int[np.ndarray, "node node"] | None,
    nodes: tuple[int, ...],
) -> tuple[Float[np.ndarray, "system row node"], Int[np.ndarray, "system node"], Int[np.ndarray, "node node"] | None]:
    """Returns the candidate systems of these nodes, the others held at their states; see :func:`subsystem` for one system."""
    inside = list(nodes)
    free = np.arange(1 << len(nodes))
    rows = sum(((free >> k & 1) << node for k, node in enumerate(nodes)), start=np.zeros_like(free))
    held = np.where(np.isin(np.arange(states.shape[1]), inside), 0, states) @ (1 << np.arange(states.shape[1]))
    chosen = np.take_along_axis(tpms, (held[:, None] + rows)[:, :, None], axis=1)[:, :, inside]
    return chosen, states[:, inside], None if cm is None else cm[np.ix_(inside, inside)]


def checked_systems(
    tpms: ArrayLike, states: ArrayLike, cm: ArrayLike | None
) -> tuple[Float[np.ndarray, "system row node"], Int[np.ndarray, "system node"], Int[np.ndarray, "node node"] | None]:
    """Returns TPMs, the state of each and their connectivity as arrays, entries that rounding took outside of 0 to 1 taken back.

    Raises:
        InvalidSystemError: a wrong shape, an entry that is no probability, or a state or connectivity that is not binary.
    """
    rows = _array(tpms, "tpms")
    if rows.ndim != 3 or not rows.size:
        msg = f"tpms: got the shape {rows.shape}; give one or more state-by-node TPMs as an array [k, 2**n, n]."
        raise InvalidSystemError(msg)
    each = _array(states, "states")
    if each.ndim not in (1, 2) or (each.ndim == 2 and len(each) != len(rows)):
        msg = (
            f"states: got the shape {each.shape} for {len(rows)} TPMs; give a state for each, [{len(rows)}, n], or one state, [n]."
        )
        raise InvalidSystemError(msg)
    each = np.broadcast_to(each, (len(rows), each.shape[-1]))
    # a System says what is wrong with its parts; the first is always asked, for shapes and connectivity
    sound = ((rows >= 0) & (rows <= 1)).all(axis=(1, 2)) & ((each == 0) | (each == 1)).all(axis=1)
    sound[0] = False
    for position in np.flatnonzero(~sound):
        system = System(tpm=rows[position], state=each[position], cm=cm)
    return rows.clip(0.0, 1.0), each.astype(np.int64), None if system.cm is None else np.array(system.cm)


def _array(value: ArrayLike, what: str) -> Float[np.ndarray, ...]:
    """Returns numbers as an array, or raises InvalidSystemError naming them as ``what``."""
    try:
        return np.asarray(value, np.float64)
    except (TypeError, ValueError) as error:
        msg = f"{what}: expected an array of numbers, all parts of one length, got {type(value).__name__} ({error})."
        raise InvalidSystemError(msg) from error


def phis_by_analyses(
    engine: PhiEngine,
    tpms: Float[np.ndarray, "system row node"],
    states: Int[np.ndarray, "system node"],
    cm: Int[np.ndarray, "node node"] | None,
    options: PhiOptions,
    progress: Progress | None = None,
) -> Phis:
    """Computes Φ of many systems by ``engine.analyse``, whose results are dropped; see :class:`ComputesMany`."""
    systems = [System(tpm=tpm, state=state, cm=cm) for tpm, state in zip(tpms, states, strict=True)]
    found = [
        (one.phi, one.signed_phi if isinstance(one, SystemPhi) else None) for one in engine.analyse(systems, options, progress)
    ]
    phi, signed = np.array(found, np.float64).reshape(-1, 2).T  # None becomes NaN
    return Phis(phi, None if options.formalism == FORMALISM else signed)
