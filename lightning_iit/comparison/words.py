"""What a change of Φ between two epochs means, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lightning_iit.comparison.change import Change

SIGNIFICANCE = 0.05
"""A change is called one where its p-value is at most this."""
SEEDS_NOT_COMPARED = "seeds not compared"
"""The words that stand beside a change of one run: how much networks differ that begin with other weights is not known."""
_AS_MANY = 1.1
"""Watched epochs are compared where one has at most so many times the transitions of the other."""


def p_words(p: float, smallest: float) -> str:
    """Returns a p-value with the smallest one that the test can give.

    Example:
        >>> p_words(0.0004, 2**-19)
        'p < 0.001, smallest possible 1.9e-06'
    """
    return f"{'p < 0.001' if p < 0.001 else f'p = {p:.3f}'}, smallest possible {smallest:.2g}"


def words_of(change: Change) -> str:
    """Returns the answer to "did training change Φ?": what Φ was and is, whether it changed, and where the change comes from."""
    numbers = f"from {change.before:.4f} {_when(change.epoch)} to {change.after:.4f} {_when(change.to)}"
    if change.structural_zero:
        return (
            "No change of integration: by structure the Φ of these units is 0, before and after. The number that the data give went"
            f" {numbers}; it describes the data that passed through."
        )
    of = "the layer" if change.groups > 1 else "the analysed units"
    evidence = f"({change.up} of {change.groups} group{'s' * (change.groups > 1)} rose; {_tested(change)}; {SEEDS_NOT_COMPARED})"
    return " ".join(filter(None, (f"{_verdict(change, of, numbers)} {evidence}.", _caution(change), _parts(change))))


def _verdict(change: Change, of: str, numbers: str) -> str:
    """Returns whether Φ changed; that it did is said only where nothing speaks against it."""
    if not change.above_noise:
        halves = f"two halves of the same data differ by {change.noise:.4f}"
        return f"Φ of {of} did not change by more than noise: it went {numbers}, and {halves}"
    if change.p is None or change.p > SIGNIFICANCE or _unequal(change):
        return f"Whether Φ of {of} changed cannot be told: it went {numbers}"
    return f"Φ of {of} {'rose' if change.difference > 0 else 'fell'} {numbers}"


def _tested(change: Change) -> str:
    """Returns the outcome of the test, or that there are too few groups for one."""
    if change.p is None or change.p_smallest is None:
        return "too few groups for a p-value"
    layers = f", corrected for {change.layers} layers" if change.layers > 1 else ""
    return f"paired Wilcoxon {p_words(change.p, change.p_smallest)}{layers}, for these groups of this network"


def _caution(change: Change) -> str:
    """Returns what a watched change may come from besides the training; empty where units were set."""
    if change.kind == "causal":
        return ""
    said = "The units were watched, not set, so this is a change of what was watched, not of causes."
    if _unequal(change) and change.transitions is not None:
        before, after = change.transitions
        said += f" A watched Φ comes out larger from fewer transitions, and there were {before:,} before and {after:,} after."
    return said


def _parts(change: Change) -> str:
    """Returns what comes from the TPM and what from the states visited."""
    if change.by_tpm is None or change.by_states is None:
        return ""
    return (
        f"Of the difference, {change.by_tpm:+.4f} comes from the TPM (states weighted as before) and {change.by_states:+.4f} from"
        " which states are visited."
    )


def _unequal(change: Change) -> bool:
    """Says whether two watched epochs have too different numbers of transitions to be compared."""
    return change.transitions is not None and max(change.transitions) > _AS_MANY * min(change.transitions)


def _when(epoch: int) -> str:
    """Returns an epoch in words."""
    return "in the untrained network" if epoch < 0 else f"at epoch {epoch}"
