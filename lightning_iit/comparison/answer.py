"""The answer to "did training change Φ?": the numbers of a change between two epochs, and what they mean in words."""

from __future__ import annotations

import msgspec

from lightning_iit.records import Kind  # noqa: TC001  msgspec reads it

SIGNIFICANCE = 0.05
"""A change is called one where its p-value is at most this."""
SEEDS_NOT_COMPARED = "seeds not compared"
"""The words that stand beside a change of one run: how much networks differ that begin with other weights is not known."""
_AS_MANY = 1.1
"""Watched epochs are compared where one has at most so many times the transitions of the other."""


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """Holds how Φ of a layer differs between two epochs of one run; the groups of units and their states are compared in pairs.

    Args:
        layer: the layer's name.
        epoch: the earlier epoch; -1 is the untrained network.
        to: the later epoch.
        kind: the kind of both numbers: "causal", "observational" or "statistical".
        before: Φ of the layer at ``epoch``: the mean over the groups that have a Φ in both epochs.
        after: Φ of the layer at ``to``, of the same groups.
        groups: how many groups were compared.
        up: in how many of them Φ rose.
        p: the p-value of Wilcoxon's signed-rank test over the groups, corrected (Holm) for the number of layers; None with fewer
            than six groups that differ. It is about these groups of this network: it says nothing about other trainings. Groups
            may share units, so it is approximate.
        p_smallest: the smallest p that so many groups can give, corrected like ``p``; None where there is no p.
        layers: for how many layers ``p`` is corrected.
        noise: the standard deviation of the difference between two halves of the data through the same weights, estimated from
            resampled sequences; None where sequences were not resampled.
        by_tpm: the part of the difference that comes from the TPM: the weights of the states are those of ``epoch``. None where
            a state that was visited then has no Φ now.
        by_states: the rest: what comes from the states that are visited. None with ``by_tpm``.
        transitions: of watched layers, from how many transitions the first group's Φ comes at ``epoch`` and at ``to``; a watched Φ
            comes out larger from fewer. None where units were set.
        structural_zero: whether the units have no connections among them, so that their structural Φ is 0 at both epochs.
    """

    layer: str
    epoch: int
    to: int
    kind: Kind
    before: float
    after: float
    groups: int
    up: int
    p: float | None = None
    p_smallest: float | None = None
    layers: int = 1
    noise: float | None = None
    by_tpm: float | None = None
    by_states: float | None = None
    transitions: tuple[int, int] | None = None
    structural_zero: bool = False

    @property
    def difference(self) -> float:
        """Returns ``after - before``."""
        return self.after - self.before

    @property
    def above_noise(self) -> bool:
        """Says whether the difference is larger than that between two halves of the data; True where that is not known."""
        return self.noise is None or abs(self.difference) > self.noise

    @property
    def scalars(self) -> dict[str, float]:
        """Returns what is logged of the change: ``phi_change`` and ``phi_change_p``; nothing where the structural Φ is 0."""
        if self.structural_zero:
            return {}
        return {"phi_change": self.difference} | ({} if self.p is None else {"phi_change_p": self.p})

    @property
    def words(self) -> str:
        """Returns the answer in a few sentences."""
        return _words_of(self)


def _p_words(p: float, smallest: float) -> str:
    """Returns a p-value with the smallest one that the test can give.

    Example:
        >>> _p_words(0.0004, 2**-19)
        'p < 0.001, smallest possible 1.9e-06'
    """
    return f"{'p < 0.001' if p < 0.001 else f'p = {p:.3f}'}, smallest possible {smallest:.2g}"


def _words_of(change: Change) -> str:
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
    return f"paired Wilcoxon {_p_words(change.p, change.p_smallest)}{layers}, for these groups of this network"


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
