"""The diagnostics of a TPM: what its counts can carry, and which assumptions of Φ they contradict, each in one line of words."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lightning_iit.records import Diagnostic
from lightning_iit.tpm.conversion import bits
from lightning_iit.tpm.counts import MOST_UNITS_IN_HALVES, MOST_UNITS_IN_TRIPLES, joint, units_of, visits
from lightning_iit.tpm.diagnostics import effective_information, entropy
from lightning_iit.tpm.estimate import tpm_from_counts
from lightning_iit.tpm.resampling import RESAMPLES, Resampled, conditional_dependence, homogeneity, markov_order

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from lightning_iit.records import Counts, Dynamics, Kind

OK, VIOLATED, TOO_LITTLE, NOT_APPLICABLE = "ok", "violated", "not enough data", "not applicable"
SIGNIFICANT = 0.05
MIN_TRANSITIONS = 10
"""Transitions for each visited state, below which no test is made."""
ENOUGH_TRANSITIONS = 100
"""Transitions for each possible state, below which coin flips have a Φ that can be mistaken for one."""


def examine(
    counts: Counts,
    *,
    kind: Kind,
    prior: float = 0.5,
    dynamics: Dynamics | None = None,
    blocks: Sequence[Counts] | None = None,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> tuple[Diagnostic, ...]:
    """Checks what can be checked of the counts that a TPM was estimated from.

    Args:
        counts: the transitions.
        kind: ``causal`` counts were made by setting states, so order and stationarity do not apply.
        prior: the probability of ON in rows that were never visited.
        dynamics: three states in a row, and the counts of the first and of the second half of the window.
        blocks: the counts of each of several sources that were pooled (blocks of a deep network).
        resamples: for each p-value.
        seed: of the resampling.

    Returns:
        coverage, conditional_dependence, markov_order, stationarity, homogeneity (with ``blocks``), determinism, degeneracy,
        effective_information, self_transitions and multi_information. ``verdict`` is "ok", "violated", "not enough data" or
        "not applicable".
    """
    found = [
        coverage(counts, kind),
        _dependence(counts, resamples, seed),
        _order(counts, kind, dynamics, resamples, seed),
        _stationarity(counts, kind, dynamics, resamples, seed),
    ]
    if blocks is not None:
        words = "the pooled blocks have one TPM", "the blocks have different TPMs, so the pooled one describes none of them"
        found.append(_homogeneity("homogeneity", blocks, words, resamples, seed))
    return (*found, *_dynamics(counts, prior), self_transitions(counts, kind), multi_information(counts, kind))


def diagnostic_scalars(found: Iterable[Diagnostic]) -> dict[str, float]:
    """What is logged of diagnostics: each one's value under its name, and the p of a test as ``<name>_p``."""
    logged: dict[str, float] = {}
    for diagnostic in found:
        if diagnostic.value is not None:
            logged[diagnostic.name] = diagnostic.value
        if diagnostic.p is not None:
            logged[f"{diagnostic.name}_p"] = diagnostic.p
    return logged


def coverage(counts: Counts, kind: Kind) -> Diagnostic:
    """Visited states / possible states, and whether there are enough transitions for each."""
    n_visits = visits(counts)
    visited, possible = int((n_visits > 0).sum()), len(n_visits)
    per_state = counts.transitions / possible
    words = f"{visited} of {possible} states {'set' if kind == 'causal' else 'visited'}, {counts.transitions} transitions"
    if visited < possible:
        verdict, words = VIOLATED, f"{words}: the other rows of the TPM hold its prior"
    elif per_state < ENOUGH_TRANSITIONS:
        verdict, words = TOO_LITTLE, f"{words}: below {ENOUGH_TRANSITIONS} for each state even coin flips have Φ > 0"
    else:
        verdict = OK
    return Diagnostic(name="coverage", value=visited / possible, verdict=verdict, words=words)


def _dependence(counts: Counts, resamples: int, seed: int) -> Diagnostic:
    name = "conditional_dependence"
    if units_of(counts) < 2:
        return _without(name, NOT_APPLICABLE, "one unit has no other to depend on")
    if not counts.joint and counts.transitions:
        return _without(name, NOT_APPLICABLE, "the units were drawn one by one, so their dependence was not seen")
    if _sparse([counts]):
        return _without(name, TOO_LITTLE, _too_little("whether next states are conditionally dependent"))
    words = (
        "next states are conditionally independent, as state-by-node assumes",
        "next states are conditionally dependent, so Φ describes the independent version",
    )
    return _tested(name, conditional_dependence(counts, resamples=resamples, seed=seed), words)


def _order(counts: Counts, kind: Kind, dynamics: Dynamics | None, resamples: int, seed: int) -> Diagnostic:
    name = "markov_order"
    if kind == "causal":
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
    return _tested(name, markov_order(entries, units_of(counts), resamples=resamples, seed=seed), words)


def _stationarity(counts: Counts, kind: Kind, dynamics: Dynamics | None, resamples: int, seed: int) -> Diagnostic:
    name = "stationarity"
    if kind == "causal":
        return _without(name, NOT_APPLICABLE, "each state was set at one and the same time")
    if units_of(counts) > MOST_UNITS_IN_HALVES:
        return _without(name, NOT_APPLICABLE, f"halves are not counted apart for more than {MOST_UNITS_IN_HALVES} units")
    words = (
        "first and second half of the window have one TPM",
        "the TPM changes from the first to the second half of the window, so it is an average of what was never there",
    )
    return _homogeneity(name, dynamics.halves if dynamics is not None else (), words, resamples, seed)


def _homogeneity(name: str, groups: Sequence[Counts], words: tuple[str, str], resamples: int, seed: int) -> Diagnostic:
    if len(groups) < 2:
        return _without(name, NOT_APPLICABLE, "the parts were not counted apart")
    if any(not counts.joint and counts.transitions for counts in groups):
        return _without(name, NOT_APPLICABLE, "the units were drawn one by one")
    if _sparse(groups) or any(counts.transitions == 0 for counts in groups):
        return _without(name, TOO_LITTLE, _too_little("whether the TPM stays the same"))
    return _tested(name, homogeneity(groups, resamples=resamples, seed=seed), words)


def _dynamics(counts: Counts, prior: float) -> tuple[Diagnostic, ...]:
    information, determinism, degeneracy = effective_information(tpm_from_counts(counts, prior).state_by_node)
    n = units_of(counts)
    return (
        Diagnostic(name="determinism", value=determinism, words=f"next states are {determinism:.0%} certain (0%: coin flips)"),
        Diagnostic(
            name="degeneracy",
            value=degeneracy,
            words=f"over all states, next states are {degeneracy:.0%} alike (0%: all equally frequent)",
        ),
        Diagnostic(
            name="effective_information",
            value=information,
            unit="bit",
            words=f"a state sets {information:.2f} of {n} bit of the next",
        ),
    )


def self_transitions(counts: Counts, kind: Kind) -> Diagnostic:
    """The share of transitions that stay in their state, beside the share that chance would give the same states.

    Many of them mean slow units: each is then predicted by itself, and a permutation null is rejected without any integration.
    """
    name = "self_transitions"
    if kind == "causal":
        return _without(name, NOT_APPLICABLE, "each state was set, not visited")
    if not counts.joint:
        return _without(name, NOT_APPLICABLE, "no joint table of transitions")
    table = joint(counts)
    total = table.sum()
    stay = float(np.trace(table) / total)
    chance = float(table.sum(axis=1) @ table.sum(axis=0) / total**2)
    return Diagnostic(name=name, value=stay, words=f"{stay:.0%} of the transitions stay in their state (chance: {chance:.0%})")


def multi_information(counts: Counts, kind: Kind) -> Diagnostic:
    """How much the units' states depend on each other at one time: a cheap baseline beside Φ.

    ``sum_j H(unit j) - H(state)`` in bits over the visited states (Watanabe 1960; McGill 1954), the bias of each entropy taken
    away to first order (Miller 1955: ``(m - 1) / (2 N ln 2)`` for m outcomes seen); never below 0.
    """
    name = "multi_information"
    if kind == "causal":
        return _without(name, NOT_APPLICABLE, "each state was set equally often")
    n_visits, total = visits(counts), counts.transitions
    if not total:
        return _without(name, TOO_LITTLE, "no transitions")
    states = n_visits / total
    ons = states @ bits(units_of(counts))
    units = np.stack([ons, 1.0 - ons])
    outcomes = (np.count_nonzero(units, axis=0) - 1).sum() - (np.count_nonzero(states) - 1)
    value = float(entropy(units).sum() - entropy(states) + outcomes / (2.0 * total * np.log(2.0)))
    value = max(value, 0.0)
    return Diagnostic(name=name, value=value, unit="bit", words=f"the units' states share {value:.2f} bit at one time")


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
