"""The fast engine: IIT 3.0 as PyPhi computes Φ by default, exact and some thousand times faster."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from lightning_iit.errors import InvalidArgumentError, TooManyUnitsError
from lightning_iit.phi.compiling import code_is_on_disk
from lightning_iit.phi.engine import OWN, THREADS_FROM, own_engine, unreachable
from lightning_iit.phi.fast.complexes import possible_complexes
from lightning_iit.phi.fast.cuts import system_cuts
from lightning_iit.phi.fast.numbers import Numbers
from lightning_iit.phi.fast.results import concepts
from lightning_iit.phi.fast.search import CutSearch, Found
from lightning_iit.phi.fast.subsets import subsets_of
from lightning_iit.phi.fast.tables import Candidate, candidate, inputs_of, reachable, strongly_connected
from lightning_iit.phi.fast.ties import JITTER, moved, tied_mechanisms
from lightning_iit.phi.many import Phis, phis_by_analyses
from lightning_iit.records import FORMALISM, Computed, Cut, MajorComplex, PhiOptions, Skipped, System
from lightning_iit.records.results import Partitions, RankedPartition

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from jaxtyping import Float, Int
    from numpy.typing import NDArray

    from lightning_iit.phi.engine import Progress
    from lightning_iit.records import Formalism

MAX_UNITS = 8
"""The largest number of units that the fast engine accepts."""


_NO_CONCEPT = "Φ is 0 without a search: no mechanism of the system has a concept."


class FastEngine:
    """Computes Φ of up to 8 units with PyPhi's defaults, or its approximations ``cuts="one"`` and ``new_concepts=False``."""

    name = OWN
    max_units = MAX_UNITS

    def version(self) -> str:
        """Returns the version of this package."""
        return own_engine().version

    def load(self) -> None:
        """Compiles the kernels, or loads the machine code from the user's cache, by analysing a system of two nodes."""
        system = System(tpm=((0.1, 0.3), (0.6, 0.2), (0.7, 0.9), (0.4, 0.8)), state=(1, 0))
        for _ in self.analyse([system], PhiOptions()):
            pass

    def is_compiled(self) -> bool:
        """Says whether the machine code is in the user's cache, so that no worker has to compile it."""
        return code_is_on_disk()

    def check_options(self, options: PhiOptions) -> None:
        """Checks that this engine implements the options; further options of PyPhi are refused.

        Raises:
            InvalidArgumentError: this engine does not implement an option, or an option has an impossible value.
        """
        if options.pyphi:
            msg = f"engine='fast' does not implement {', '.join(sorted(options.pyphi))}; use engine='auto' or 'pyphi'."
            raise InvalidArgumentError(msg)
        if options.cuts not in {"all", "one"}:
            msg = f"cuts={options.cuts!r}: choose 'all' or 'one'."
            raise InvalidArgumentError(msg)
        if options.formalism != FORMALISM:
            msg = f"formalism={options.formalism!r}: this engine computes IIT 3.0."
            raise InvalidArgumentError(msg)
        if options.threads < 1:
            msg = f"threads={options.threads}: give 1 or more."
            raise InvalidArgumentError(msg)

    def seconds(self, n: int) -> float:
        """Returns about how many seconds one analysis of a densely connected system of ``n`` units takes on one core of 2025."""
        known = [0.0, 1e-4, 1.5e-4, 2.5e-4, 8e-4, 7e-3, 0.07, 0.8, 30.0]
        return known[n] if n < len(known) else known[-1] * 20.0 ** (n - len(known) + 1)

    def analyse(
        self, systems: Sequence[System], options: PhiOptions, progress: Progress | None = None
    ) -> Iterator[Computed | Skipped]:
        """Yields one result for each system, in the order of ``systems``; systems with the same TPM and connectivity share work.

        Args:
            systems: the systems to analyse, each with its state.
            options: cuts, approximations and threads.
            progress: receives the finished fraction of all systems, from 0 to 1.

        Yields:
            ``Computed``, or ``Skipped`` where no state of the system leads to the state to analyse.

        Raises:
            InvalidArgumentError: this engine does not implement an option, or an option has an impossible value.
            TooManyUnitsError: a system has more than 8 units.
        """
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
            if options.ties and isinstance(result, Computed) and result.cut is not None:
                result = self._with_ties(result, system, tables, options, checkpoint, start)
            if progress is not None:
                progress((position + 1) / len(systems))
            yield result

    def phis(
        self,
        tpms: Float[np.ndarray, "system row node"],
        states: Int[np.ndarray, "system node"],
        cm: Int[np.ndarray, "node node"] | None,
        options: PhiOptions,
        formalisms: Sequence[Formalism] = (FORMALISM,),
        progress: Progress | None = None,
    ) -> tuple[Phis]:
        """Returns Φ of each system, the same number as :meth:`analyse` gives; NaN where the state is unreachable.

        Args:
            tpms: state-by-node TPMs, rows little-endian; equal TPMs that follow one another share work.
            states: the state of each system.
            cm: the connectivity of all systems; None connects all nodes to all.
            options: cuts, approximations and threads.
            formalisms: IIT 3.0.
            progress: receives the finished fraction of all systems, from 0 to 1.

        Raises:
            InvalidArgumentError: this engine does not implement an option, or an option has an impossible value.
            TooManyUnitsError: the systems have more than 8 units.
        """
        for formalism in formalisms:
            self.check_options(msgspec.structs.replace(options, formalism=formalism))
        n = tpms.shape[2]
        if n >= THREADS_FROM:  # one Φ takes so long that the objects around it cost nothing
            return (phis_by_analyses(self, tpms, states, cm, options, progress),)
        numbers = Numbers(inputs_of(np.ones((n, n), np.int64) if cm is None else np.asarray(cm)), options)
        checkpoint = _Progress(progress, 0.0, 1.0)
        found = np.empty(len(tpms))
        for position, phi in enumerate(numbers.phis(tpms, states)):
            found[position] = phi
            checkpoint((position + 1) / len(tpms))
        return (Phis(found),)

    def major_complex(self, system: System, options: PhiOptions, progress: Progress | None = None) -> MajorComplex:
        """Returns the subset of nodes with the largest Φ; each subset is analysed with the other nodes held at their states.

        Of subsets with equal Φ, the subset with more nodes wins, then the lexicographically later subset, as in PyPhi. The search
        of a subset ends early as soon as one of its cuts has a smaller Φ than the best subset so far.

        Args:
            system: the system to search, with its state.
            options: cuts, approximations and threads.
            progress: receives the finished fraction of the search, from 0 to 1.

        Returns:
            The subset of nodes and the result of that subset; no nodes and Φ = 0 where no subset has Φ > 0.

        Raises:
            InvalidArgumentError: this engine does not implement an option, or an option has an impossible value.
            TooManyUnitsError: the system has more than 8 units.
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
            whole = candidate(system, tuple(range(system.n)))
            why = _without_a_search(whole, _state_of(system, whole))
            unreachable = f" {why.reason}" if isinstance(why, Skipped) else ""
            return MajorComplex(nodes=(), result=_zero(f"No subset of the units has Φ > 0.{unreachable}", start))
        tables, found = winner
        return MajorComplex(nodes=tables.nodes, result=_computed(tables, found, options, start))

    def best_partitions(self, system: System, options: PhiOptions, k: int) -> Partitions | Skipped:
        """Returns the k cuts with the smallest Φ, of equal Φ in PyPhi's order.

        Raises:
            InvalidArgumentError: this engine does not implement an option, or an option has an impossible value.
            TooManyUnitsError: the system has more than 8 units.
        """
        self.check_options(options)
        _check_size(system)
        start = time.perf_counter()
        tables = candidate(system, tuple(range(system.n)))
        state = _state_of(system, tables)
        plain = msgspec.structs.replace(options, ties=False, repertoires=False)
        search, reason = CutSearch(tables, plain, best=k), _without_a_search(tables, state)
        if isinstance(reason, Skipped):
            return reason
        best = () if reason else search.search(state, lambda _: None).best
        members = subsets_of(tables.nodes)
        ranked = [
            RankedPartition(phi=float(one.phi), cut=Cut(from_nodes=members[one.cut.source], to_nodes=members[one.cut.target]))
            for one in best
            if one.cut is not None
        ]
        return Partitions(
            formalism=FORMALISM,
            partitions=tuple(ranked),
            number=len(system_cuts(system.n, options.cuts)) if ranked else 0,
            reason=reason or ("" if ranked else _NO_CONCEPT),
            engine=own_engine(),
            seconds=time.perf_counter() - start,
        )

    def _with_ties(
        self, result: Computed, system: System, tables: Candidate, options: PhiOptions, checkpoint: _Progress, start: float
    ) -> Computed:
        """Adds to a result the concepts whose purviews tie, and the range of Φ of TPMs that differ by very little."""
        state, members = _state_of(system, tables), subsets_of(tables.nodes)
        assert result.cut is not None
        source = sum(1 << node for node in result.cut.from_nodes)
        tied = tied_mechanisms(tables.tpm, tables.dynamics.inputs, state, source)
        tpms = moved(tables.tpm, JITTER)
        cm = None if system.cm is None else np.array(system.cm)
        plain = msgspec.structs.replace(options, ties=False, repertoires=False)
        states = np.broadcast_to(state, (len(tpms), len(state)))
        (moved_phis,) = self.phis(tpms, states, cm, plain, progress=lambda _: checkpoint(1.0))
        return msgspec.structs.replace(
            result,
            tied_purviews=tuple(members[mechanism] for mechanism in tied.tolist()),
            phi_jitter=(float(moved_phis.phi.min()), float(moved_phis.phi.max())),
            seconds=time.perf_counter() - start,
        )


class _Progress:
    """Converts progress within one part of the work to progress of all of the work; reports at most 20 times a second.

    Args:
        progress: receives the finished fraction of all of the work; None receives nothing.
        before: the fraction of the work that lies before this part.
        share: the fraction of the work that this part makes up.
    """

    def __init__(self, progress: Progress | None, before: float, share: float) -> None:
        self._progress, self._before, self._share = progress, before, share
        self._last = 0.0

    def __call__(self, fraction: float) -> None:
        now = time.monotonic()
        if self._progress is not None and now - self._last > 0.05:
            self._last = now
            self._progress(self._before + fraction * self._share)


def _state_of(system: System, tables: Candidate) -> NDArray[np.int64]:
    """Returns the states of the candidate's nodes, ``[n]``."""
    return np.array([system.state[node] for node in tables.nodes], dtype=np.int64)


def _check_size(system: System) -> None:
    """Raises TooManyUnitsError where the system has more than 8 units."""
    if system.n > MAX_UNITS:
        msg = f"system of {system.n} nodes: the fast engine takes up to {MAX_UNITS}; analyse fewer units."
        raise TooManyUnitsError(msg)


def _analyse(
    system: System, tables: Candidate, search: CutSearch, options: PhiOptions, checkpoint: _Progress, start: float
) -> Computed | Skipped:
    """Returns the result of one system; Φ is 0 without a search where no cut can make a difference."""
    state = _state_of(system, tables)
    reason = _without_a_search(tables, state)
    if isinstance(reason, Skipped):
        return reason
    if reason:
        return _zero(reason, start)
    found = search.search(state, checkpoint)
    return _zero(_NO_CONCEPT, start) if found.minimum.cut is None else _computed(tables, found, options, start)


def _without_a_search(tables: Candidate, state: NDArray[np.int64]) -> Skipped | str:
    """Returns why Φ is 0 whatever the cuts are; empty where they decide; ``Skipped`` where no state leads to this one."""
    if not reachable(tables, state):
        return unreachable(tuple(state.tolist()))
    if len(tables.nodes) < 2:
        return "Φ is 0 without a search: fewer than two units cannot be cut."
    if not strongly_connected(tables.dynamics.inputs):
        return "Φ is 0 without a search: the connections do not lead from every unit to every other."
    return ""


def _zero(reason: str, start: float) -> Computed:
    """Returns a Φ of 0 that needed no search, with the reason."""
    return Computed(phi=0.0, engine=own_engine(), seconds=time.perf_counter() - start, reason=reason)


def _computed(tables: Candidate, found: Found, options: PhiOptions, start: float) -> Computed:
    """Builds the record of a finished search, with node indices of the whole system."""
    minimum = found.minimum
    cut, members = minimum.cut, subsets_of(tables.nodes)
    assert cut is not None
    assert minimum.mice is not None
    return Computed(
        phi=float(minimum.phi),
        cut=Cut(from_nodes=members[cut.source], to_nodes=members[cut.target]),
        concepts=concepts(tables, found.rows, found.mice, found.whole, with_repertoires=options.repertoires),
        partitioned_concepts=concepts(tables, found.rows, minimum.mice, found.partitioned, with_repertoires=options.repertoires),
        phi_margin=float(found.second - minimum.phi) if options.ties and found.second < np.inf else None,
        cuts_evaluated=found.evaluated,
        seconds=time.perf_counter() - start,
        engine=own_engine(),
    )
