"""The accelerated exact engine: IIT 3.0 as PyPhi computes it by default, some thousand times faster."""

from __future__ import annotations

import time
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

import numpy as np

from lightning_iit.errors import InvalidArgumentError, TooManyUnitsError
from lightning_iit.phi.fast.complexes import possible_complexes
from lightning_iit.phi.fast.results import concepts
from lightning_iit.phi.fast.search import CutSearch, Found
from lightning_iit.phi.fast.subsets import subsets_of
from lightning_iit.phi.fast.tables import Candidate, candidate, reachable, strongly_connected
from lightning_iit.records import Computed, Cut, EngineInfo, MajorComplex, PhiOptions, Skipped, System

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from lightning_iit.phi.engine import Progress

NAME = "fast"
MAX_UNITS = 8


@cache
def _version() -> str:
    """The version of this package; looking it up takes longer than Φ of three units."""
    try:
        return version("lightning-iit")
    except PackageNotFoundError:
        return "0"


class FastEngine:
    """IIT 3.0 with PyPhi's default options, and PyPhi's approximations ``cuts="one"`` and ``new_concepts=False``."""

    name = NAME
    max_units = MAX_UNITS

    def version(self) -> str:
        """The version of this package."""
        return _version()

    def load(self) -> None:
        """Compiles the kernels, or loads them from the user's cache, by analysing a system of two nodes."""
        system = System(tpm=((0.1, 0.3), (0.6, 0.2), (0.7, 0.9), (0.4, 0.8)), state=(1, 0))
        for _ in self.analyse([system], PhiOptions()):
            pass

    def check_options(self, options: PhiOptions) -> None:
        """Refuses PyPhi's further options, which only PyPhi implements.

        Raises:
            InvalidArgumentError: an option that this engine does not implement, or a value that cannot be.
        """
        if options.pyphi:
            msg = f"engine='fast' does not implement {', '.join(sorted(options.pyphi))}; use engine='auto' or 'pyphi'."
            raise InvalidArgumentError(msg)
        if options.cuts not in {"all", "one"}:
            msg = f"cuts={options.cuts!r}: choose 'all' or 'one'."
            raise InvalidArgumentError(msg)
        if options.threads < 1:
            msg = f"threads={options.threads}: give 1 or more."
            raise InvalidArgumentError(msg)

    def seconds(self, n: int) -> float:
        """About how long a dense system of n units takes on one core of 2025, in seconds."""
        known = [0.0, 1e-4, 1.5e-4, 2.5e-4, 1.5e-3, 0.025, 0.45, 9.0, 180.0]
        return known[n] if n < len(known) else known[-1] * 20.0 ** (n - len(known) + 1)

    def analyse(
        self, systems: Sequence[System], options: PhiOptions, progress: Progress | None = None
    ) -> Iterator[Computed | Skipped]:
        """Yields the result of each system in turn; states of one TPM and connectivity share what they can."""
        self.check_options(options)
        searches: dict[tuple[object, object], tuple[Candidate, CutSearch]] = {}
        keys = [(system.tpm, system.cm) for system in systems]
        for position, (system, key) in enumerate(zip(systems, keys, strict=True)):
            start = time.perf_counter()
            _check_size(system)
            if key not in searches:
                tables = candidate(system, tuple(range(system.n)))
                searches[key] = tables, CutSearch(tables, options, several=keys.count(key) > 1)
            tables, search = searches[key]
            checkpoint = _Progress(progress, position / len(systems), 1 / len(systems))
            result = _analyse(system, tables, search, options, checkpoint, start)
            if progress is not None:
                progress((position + 1) / len(systems))
            yield result

    def major_complex(self, system: System, options: PhiOptions, progress: Progress | None = None) -> MajorComplex:
        """The subset of nodes with the largest Φ; of equal Φ the larger, then the later one, as in PyPhi.

        A subset is given up as soon as one of its cuts shows less Φ than another subset has. ``nodes`` is empty where no
        subset has Φ > 0.
        """
        self.check_options(options)
        _check_size(system)
        start = time.perf_counter()
        subsets = possible_complexes(system)
        work = np.cumsum([0.0] + [20.0 ** len(nodes) for nodes in subsets])
        best: tuple[float, int, tuple[int, ...]] = (0.0, system.n + 1, ())
        winner: tuple[Candidate, Found] | None = None
        for done, cost, nodes in zip(work, np.diff(work), subsets, strict=False):
            tables = candidate(system, nodes)
            state = _state_of(system, tables)
            if not reachable(tables, state) or not strongly_connected(tables.dynamics.inputs):
                continue
            checkpoint = _Progress(progress, done / work[-1], cost / work[-1])
            found = CutSearch(tables, options).search(state, checkpoint, enough=best[0])
            key = (float(found.minimum.phi), len(nodes), nodes)
            if found.minimum.cut is not None and key > best:
                best, winner = key, (tables, found)
        if progress is not None:
            progress(1.0)
        if winner is None:
            return MajorComplex(nodes=(), result=_zero("No subset of the units has Φ > 0.", start))
        tables, found = winner
        return MajorComplex(nodes=tables.nodes, result=_computed(tables, found, options, start))


class _Progress:
    """Tells the caller how far all of the work is, given how far a part of it is; not more often than 20 times a second."""

    def __init__(self, progress: Progress | None, before: float, share: float) -> None:
        self._progress, self._before, self._share = progress, before, share
        self._last = 0.0

    def __call__(self, fraction: float) -> None:
        now = time.monotonic()
        if self._progress is not None and now - self._last > 0.05:
            self._last = now
            self._progress(self._before + fraction * self._share)


def _state_of(system: System, tables: Candidate) -> NDArray[np.int64]:
    return np.array([system.state[node] for node in tables.nodes], dtype=np.int64)


def _check_size(system: System) -> None:
    if system.n > MAX_UNITS:
        msg = f"system of {system.n} nodes: the fast engine takes up to {MAX_UNITS}; analyse fewer units."
        raise TooManyUnitsError(msg)


def _analyse(
    system: System, tables: Candidate, search: CutSearch, options: PhiOptions, checkpoint: _Progress, start: float
) -> Computed | Skipped:
    state = _state_of(system, tables)
    if not reachable(tables, state):
        return Skipped(
            code="state_unreachable",
            reason=f"No state can be followed by {tuple(state.tolist())}: after each, some unit is certainly in its other state.",
        )
    if len(tables.nodes) < 2:
        return _zero("Φ is 0 without a search: fewer than two units cannot be cut.", start)
    if not strongly_connected(tables.dynamics.inputs):
        return _zero("Φ is 0 without a search: the connections do not lead from every unit to every other.", start)
    found = search.search(state, checkpoint)
    if found.minimum.cut is None:
        return _zero("Φ is 0 without a search: no mechanism of the system has a concept.", start)
    return _computed(tables, found, options, start)


def _zero(reason: str, start: float) -> Computed:
    return Computed(phi=0.0, engine=EngineInfo(name=NAME, version=_version()), seconds=time.perf_counter() - start, reason=reason)


def _computed(tables: Candidate, found: Found, options: PhiOptions, start: float) -> Computed:
    minimum = found.minimum
    cut, members = minimum.cut, subsets_of(tables.nodes)
    assert cut is not None
    assert minimum.mice is not None
    return Computed(
        phi=float(minimum.phi),
        cut=Cut(from_nodes=members[cut.source], to_nodes=members[cut.target]),
        concepts=concepts(tables, found.rows, found.mice, found.whole, with_repertoires=options.repertoires),
        partitioned_concepts=concepts(tables, found.rows, minimum.mice, found.partitioned, with_repertoires=options.repertoires),
        cuts_evaluated=found.evaluated,
        seconds=time.perf_counter() - start,
        engine=EngineInfo(name=NAME, version=_version()),
    )
