"""The diagnostics of a TPM: what its counts can carry, and which assumptions of Φ they contradict, each in one line of words.

To add one, write a function from :class:`Evidence` to a ``Diagnostic`` and name it in ``DIAGNOSTICS``. It is then in every record,
is logged as a scalar under its name (and ``<name>_p``), and stands in the report and the viewer.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from lightning_iit.records import Diagnostic
from lightning_iit.records.shown.numbers import percent
from lightning_iit.tpm import information, resampling
from lightning_iit.tpm.conversion import bits
from lightning_iit.tpm.counts import MOST_UNITS_IN_HALVES, MOST_UNITS_IN_TRIPLES, joint, units_of, visits
from lightning_iit.tpm.estimate import tpm_from_counts
from lightning_iit.tpm.resampling import RESAMPLES, Resampled

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from lightning_iit.records import Counts, Dynamics, Kind

OK, VIOLATED, TOO_LITTLE, NOT_APPLICABLE = "ok", "violated", "not enough data", "not applicable"
SIGNIFICANT = 0.05
MIN_TRANSITIONS = 10
"""Transitions for each visited state, below which no test is made."""
ENOUGH_TRANSITIONS = 100
"""Transitions for each possible state, below which coin flips have a Φ that can be mistaken for one."""


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """Holds what a diagnostic may look at.

    Args:
        counts: the transitions that the TPM was estimated from.
        kind: ``causal`` counts were made by setting states, so order and stationarity do not apply to them.
        prior: the probability of ON in rows that were never visited.
        dynamics: three states in a row, and the counts of the first and of the second half of the window.
        blocks: the counts of each of several sources that were pooled (blocks of a deep network).
        resamples: how many resamples each p-value is made of.
        seed: of the resampling.
    """

    counts: Counts
    kind: Kind
    prior: float = 0.5
    dynamics: Dynamics | None = None
    blocks: Sequence[Counts] | None = None
    resamples: int = RESAMPLES
    seed: int = 0

    @cached_property
    def information(self) -> tuple[float, float, float]:
        """Effective information (bits), determinism and degeneracy of the TPM."""
        return information.effective_information(tpm_from_counts(self.counts, self.prior).state_by_node)


Check: TypeAlias = Callable[[Evidence], Diagnostic | None]
"""Returns one diagnostic, or None where there is nothing to say (no pooled blocks, for one)."""


def diagnose(evidence: Evidence, *, guard: Callable[[str], AbstractContextManager[object]] = nullcontext) -> tuple[Diagnostic, ...]:
    """Returns every diagnostic of ``DIAGNOSTICS`` that has something to say, in that order.

    Each has a ``verdict``: "ok", "violated", "not enough data", "not applicable", or none where a value is only described.

    Args:
        evidence: what the diagnostics look at.
        guard: makes the context in which each is computed, from words for it: one that takes exceptions leaves that one out.
    """
    found: list[Diagnostic | None] = []
    for check in DIAGNOSTICS:
        with guard(f"the diagnostic {check.__name__}"):
            found.append(check(evidence))
    return tuple(diagnostic for diagnostic in found if diagnostic is not None)


def diagnostic_scalars(found: Iterable[Diagnostic]) -> dict[str, float]:
    """Returns what is logged of diagnostics: the value of each under its name, and the p of a test as ``<name>_p``."""
    logged: dict[str, float] = {}
    for diagnostic in found:
        if diagnostic.value is not None:
            logged[diagnostic.name] = diagnostic.value
        if diagnostic.p is not None:
            logged[f"{diagnostic.name}_p"] = diagnostic.p
    return logged


def coverage(evidence: Evidence) -> Diagnostic:
    """Compares visited states with possible ones, and says whether there are enough transitions for each."""
    counts = evidence.counts
    n_visits = visits(counts)
    visited, possible = int((n_visits > 0).sum()), len(n_visits)
    per_state = counts.transitions / possible
    causal = evidence.kind == "causal"
    data = f"set, {per_state:,.0f} times each" if causal else f"visited, {counts.transitions:,} transitions"
    words = f"{visited} of {possible} states {data}"
    if visited < possible:
        verdict, words = VIOLATED, f"{words}: the other rows of the TPM hold its prior"
    elif per_state < ENOUGH_TRANSITIONS and not causal:
        verdict, words = TOO_LITTLE, f"{words}: below {ENOUGH_TRANSITIONS} for each state even coin flips read above 0"
    else:
        verdict = OK
    return Diagnostic(name="coverage", value=visited / possible, verdict=verdict, words=words)


def conditional_dependence(evidence: Evidence) -> Diagnostic:
    """Tests whether the units' next states depend on each other, given the present one; state-by-node assumes that they do not.

    Where units were set nothing is tested: through the backgrounds that they share they depend on each other, however many there
    are. The value in bits then says how far the averaged system is from the one with independent noise, whose Φ is computed.
    """
    name, counts = "conditional_dependence", evidence.counts
    if units_of(counts) < 2:
        return _without(name, NOT_APPLICABLE, "one unit has no other to depend on")
    if not counts.joint and counts.transitions:
        return _without(name, NOT_APPLICABLE, "the units were drawn one by one, so their dependence was not seen")
    if _sparse([counts]):
        return _without(name, TOO_LITTLE, _too_little("whether next states are conditionally dependent"))
    if evidence.kind == "causal":
        value = resampling.conditional_dependence(counts, resamples=1, seed=evidence.seed).bits
        said = (
            f"the averaged system is {value:.2f} bit from the one whose units' noise is independent, with the same probabilities "
            "for each unit; what is computed is of the latter. This is no sign of too few data"
        )
        return Diagnostic(name=name, value=value, unit="bit", words=said)
    words = (
        "next states are conditionally independent, as state-by-node assumes",
        "next states are conditionally dependent, so Φ describes the independent version",
    )
    test = resampling.conditional_dependence(counts, resamples=evidence.resamples, seed=evidence.seed)
    return _tested(name, test, words)


def markov_order(evidence: Evidence) -> Diagnostic:
    """Tests whether the state before the present one says more of the next state than the present state alone does."""
    name, counts, dynamics = "markov_order", evidence.counts, evidence.dynamics
    if evidence.kind == "causal":
        return _without(name, NOT_APPLICABLE, "each state was set, so no state came before it")
    if units_of(counts) > MOST_UNITS_IN_TRIPLES:
        return _without(name, NOT_APPLICABLE, f"three states in a row are not counted for more than {MOST_UNITS_IN_TRIPLES} units")
    if dynamics is None or dynamics.triples is None:
        return _without(name, NOT_APPLICABLE, "three states in a row were not counted")
    entries = np.array(dynamics.triples, dtype=np.int64).reshape(-1, 4)
    present = np.bincount(entries[:, 1], entries[:, 3], len(counts.visits))
    if present.sum() < MIN_TRANSITIONS * max((present > 0).sum(), 1):
        return _without(name, TOO_LITTLE, _too_little("whether the state before matters"))
    words = (
        "the state before the present one says no more of the next",
        "the state before the present one says more of the next, so the units' state is not all that drives them",
    )
    test = resampling.markov_order(entries, units_of(counts), resamples=evidence.resamples, seed=evidence.seed)
    return _tested(name, test, words)


def stationarity(evidence: Evidence) -> Diagnostic:
    """Tests whether the first and the second half of the transitions have one TPM."""
    name, dynamics = "stationarity", evidence.dynamics
    if evidence.kind == "causal":
        return _without(name, NOT_APPLICABLE, "each state was set at one and the same time")
    if units_of(evidence.counts) > MOST_UNITS_IN_HALVES:
        return _without(name, NOT_APPLICABLE, f"halves are not counted apart for more than {MOST_UNITS_IN_HALVES} units")
    words = (
        "first and second half of the window have one TPM",
        "the TPM changes from the first to the second half of the window, so it is an average of what was never there",
    )
    return _homogeneous(name, dynamics.halves if dynamics is not None else (), words, evidence)


def homogeneity(evidence: Evidence) -> Diagnostic | None:
    """Tests whether the sources that were pooled have one TPM; says nothing where none were pooled."""
    if evidence.blocks is None:
        return None
    words = "the pooled blocks have one TPM", "the blocks have different TPMs, so the pooled one describes none of them"
    return _homogeneous("homogeneity", evidence.blocks, words, evidence)


def determinism(evidence: Evidence) -> Diagnostic:
    """Says how certain the next states are, given the present one."""
    _, value, _ = evidence.information
    return Diagnostic(name="determinism", value=value, words=f"next states are {percent(value)} certain (0 %: coin flips)")


def degeneracy(evidence: Evidence) -> Diagnostic:
    """Says how alike the next states of all present states are."""
    _, _, value = evidence.information
    words = f"over all states, next states are {percent(value)} alike (0 %: all equally frequent)"
    return Diagnostic(name="degeneracy", value=value, words=words)


def effective_information(evidence: Evidence) -> Diagnostic:
    """Says how many bits of the next state a state sets."""
    value, _, _ = evidence.information
    words = f"a state sets {value:.2f} of {units_of(evidence.counts)} bit of the next"
    return Diagnostic(name="effective_information", value=value, unit="bit", words=words)


def self_transitions(evidence: Evidence) -> Diagnostic:
    """Compares the share of transitions that stay in their state with the share that chance would give the same states.

    Many of them mean slow units: each is then predicted by itself, and a permutation null is rejected without any integration.
    """
    name, counts = "self_transitions", evidence.counts
    if evidence.kind == "causal":
        return _without(name, NOT_APPLICABLE, "each state was set, not visited")
    if not counts.joint:
        return _without(name, NOT_APPLICABLE, "no joint table of transitions")
    table = joint(counts)
    total = table.sum()
    stay = float(np.trace(table) / total)
    chance = float(table.sum(axis=1) @ table.sum(axis=0) / total**2)
    words = f"{percent(stay)} of the transitions stay in their state (chance: {percent(chance)})"
    return Diagnostic(name=name, value=stay, words=words)


def multi_information(evidence: Evidence) -> Diagnostic:
    """Says how much the units' states depend on each other at one time: a cheap baseline beside Φ.

    ``sum_j H(unit j) - H(state)`` in bits over the visited states (Watanabe 1960; McGill 1954), the bias of each entropy taken
    away to first order (Miller 1955: ``(m - 1) / (2 N ln 2)`` for m outcomes seen); never below 0.
    """
    name, counts = "multi_information", evidence.counts
    if evidence.kind == "causal":
        return _without(name, NOT_APPLICABLE, "each state was set equally often")
    n_visits, total = visits(counts), counts.transitions
    if not total:
        return _without(name, TOO_LITTLE, "no transitions")
    states = n_visits / total
    ons = states @ bits(units_of(counts))
    units = np.stack([ons, 1.0 - ons])
    outcomes = (np.count_nonzero(units, axis=0) - 1).sum() - (np.count_nonzero(states) - 1)
    value = float(information.entropy(units).sum() - information.entropy(states) + outcomes / (2.0 * total * np.log(2.0)))
    value = max(value, 0.0)
    return Diagnostic(name=name, value=value, unit="bit", words=f"the units' states share {value:.2f} bit at one time")


DIAGNOSTICS: tuple[Check, ...] = (
    coverage,
    conditional_dependence,
    markov_order,
    stationarity,
    homogeneity,
    determinism,
    degeneracy,
    effective_information,
    self_transitions,
    multi_information,
)
"""Every diagnostic, in the order in which records, report and viewer have them."""


def _homogeneous(name: str, groups: Sequence[Counts], words: tuple[str, str], evidence: Evidence) -> Diagnostic:
    if len(groups) < 2:
        return _without(name, NOT_APPLICABLE, "the parts were not counted apart")
    if any(not counts.joint and counts.transitions for counts in groups):
        return _without(name, NOT_APPLICABLE, "the units were drawn one by one")
    if _sparse(groups) or any(counts.transitions == 0 for counts in groups):
        return _without(name, TOO_LITTLE, _too_little("whether the TPM stays the same"))
    return _tested(name, resampling.homogeneity(groups, resamples=evidence.resamples, seed=evidence.seed), words)


def _tested(name: str, test: Resampled, words: tuple[str, str]) -> Diagnostic:
    verdict = VIOLATED if test.p <= SIGNIFICANT else OK
    said = words[1] if verdict == VIOLATED else words[0]
    head, comma, tail = said.partition(",")
    line = f"{head} ({test.bits:.2f} bit, p = {test.p:.3f}){comma}{tail}"
    return Diagnostic(name=name, value=test.bits, unit="bit", p=test.p, verdict=verdict, words=line)


def _without(name: str, verdict: str, words: str) -> Diagnostic:
    return Diagnostic(name=name, value=None, verdict=verdict, words=words)


def _sparse(groups: Sequence[Counts]) -> bool:
    pooled = np.sum([visits(counts) for counts in groups], axis=0)
    return bool(pooled.sum() < MIN_TRANSITIONS * max((pooled > 0).sum(), 1))


def _too_little(what: str) -> str:
    return f"fewer than {MIN_TRANSITIONS} transitions for each visited state cannot say {what}"
