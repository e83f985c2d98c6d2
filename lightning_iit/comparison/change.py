"""The change of a layer's Φ between two epochs, group by group: did training change it?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np

from lightning_iit.comparison.exchanges import FEWEST_PAIRS, RESAMPLED, error_times, holm, signed_rank
from lightning_iit.comparison.selections import of_last_selection
from lightning_iit.errors import InvalidArgumentError
from lightning_iit.records import FORMALISM, Kind, symbol
from lightning_iit.records.shown.numbers import decimals, digits

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lightning_iit.records import EpochRecord, Survey, SurveyGroup


SIGNIFICANCE = 0.05
"""A change is called one where its p-value is at most this."""
SEEDS_NOT_COMPARED = "seeds not compared"
"""The words that stand beside a change of one run: how much networks differ that begin with other weights is not known."""
TOO_FEW_GROUPS = f"no p-value, since fewer than {FEWEST_PAIRS} groups differ: the smallest possible one is above {SIGNIFICANCE:g}"
"""The words in the place of a p where there is none."""
_AS_MANY = 1.1
"""Watched epochs are compared where one has at most so many times the transitions of the other."""


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """Holds how Φ of a layer differs between two epochs of one run; the groups of units and their states are compared in pairs.

    Args:
        layer: the layer's name.
        epoch: the earlier epoch; -1 is the untrained network.
        to: the later epoch.
        kind: the kind of both numbers: "causal", "observational" or "statistical".
        formalism: the version of the theory of both numbers: "iit3", "iit4-2023" or "iit4-2026".
        before: Φ of the layer at ``epoch``: the mean over the groups that have a Φ in both epochs.
        after: Φ of the layer at ``to``, of the same groups.
        groups: how many groups were compared: those that have a Φ in both epochs.
        left_out: how many further groups have none in one of the epochs.
        up: in how many of them Φ rose.
        p: the p-value of Wilcoxon's signed-rank test over the groups, corrected (Holm) for the number of layers; None with fewer
            than six groups that differ, and where the structural Φ is 0. It is about these groups of this network: it says nothing
            about other trainings. Groups may share units, so it is approximate. They share their data too, so it is at least the p
            of the mean difference against ``error_times`` its standard error from resampled sequences.
        p_smallest: the smallest p that so many groups can give, corrected like ``p``; None where there is no p.
        p_by_error: whether ``p`` is that of the mean difference against its standard error.
        error_times: how many times the standard error is taken: 1.5, and 2 where a unit is in more than 5 groups as a mean
            (measured: ``docs/statistics.md``).
        layers: for how many layers ``p`` is corrected: those that have one.
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
    formalism: str = FORMALISM
    before: float
    after: float
    groups: int
    up: int
    left_out: int = 0
    p: float | None = None
    p_smallest: float | None = None
    p_by_error: bool = False
    error_times: float = RESAMPLED
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


def change(
    records: Iterable[EpochRecord],
    layer: str | None = None,
    epoch: int = -1,
    to: int | None = None,
    *,
    formalism: str | None = None,
) -> Change:
    """Compares Φ of a layer at two epochs of one run, group by group.

    Args:
        records: the records of the run, as ``callback.records`` and ``load_run`` give them.
        layer: the layer's name; None for the only layer.
        epoch: the earlier epoch; -1 is the untrained network.
        to: the later epoch; None for the last one that has a Φ.
        formalism: "iit3", "iit4-2023" or "iit4-2026"; None for the first one of the records.

    Returns:
        The change; its p is corrected for the number of layers that are tested (Holm).

    Raises:
        InvalidArgumentError: there is no such layer, an epoch has no Φ of several groups and states, or the two epochs are not of
            the same units, kind or formalism.

    Example::

        from lightning_iit import load_run

        print(change(load_run("lightning_logs/version_0"), "gru").words)
    """
    kept = _of_one_formalism(records, formalism)
    layers = list(dict.fromkeys(record.layer for record in kept))
    if layer is None and len(layers) == 1:
        layer = layers[0]
    if layer is None or layer not in layers:
        there = ", ".join(map(repr, layers)) or "none yet"
        msg = f"change(layer={layer!r}): say which layer; the layers of this run's records are {there}."
        raise InvalidArgumentError(msg)
    _compared(kept, layer, epoch, to)  # says why it cannot be
    return changes(kept, epoch=epoch, to=to)[layer]


def changes(
    records: Iterable[EpochRecord], *, epoch: int | None = -1, to: int | None = None, formalism: str | None = None
) -> dict[str, Change]:
    """Compares two epochs of every layer that has both; the p-values are corrected for the number of layers that are tested (Holm).

    Args:
        records: the records of the run.
        epoch: the earlier epoch; -1 is the untrained network, None the earliest one of each layer that has a Φ, of the units that
            it has at its last epoch.
        to: the later epoch; None for the last one of each layer.
        formalism: "iit3", "iit4-2023" or "iit4-2026"; None for the first one of each record.

    Returns:
        The changes by layer; a layer that cannot be compared is not there.
    """
    kept = _of_one_formalism(records, formalism)
    found: dict[str, Change] = {}
    for layer in dict.fromkeys(record.layer for record in kept):
        try:
            found[layer] = _compared(kept, layer, epoch, to)
        except InvalidArgumentError:
            continue
    tested = sum(one.p is not None for one in found.values())
    return {
        layer: one
        if one.p_smallest is None
        else msgspec.structs.replace(one, p=p, p_smallest=min(1.0, tested * one.p_smallest), layers=tested)
        for (layer, one), p in zip(found.items(), holm([one.p for one in found.values()]), strict=True)
    }


def _of_one_formalism(records: Iterable[EpochRecord], formalism: str | None) -> list[EpochRecord]:
    """Returns the records of whole epochs, as one formalism has them; those without its numbers are left out."""
    kept = [record for record in records if record.step is None]
    if formalism is None:
        return kept
    return [record.of(formalism) for record in kept if formalism in record.formalisms]


def _compared(records: Iterable[EpochRecord], layer: str, epoch: int | None, to: int | None) -> Change:
    """Compares two epochs of a layer; the p is that of this layer alone."""
    by_epoch = {record.epoch: record for record in records if record.layer == layer}
    if epoch is None:  # no earlier one than that of the same units
        by_epoch = {record.epoch: record for record in of_last_selection(by_epoch.values())}
    surveyed = sorted(number for number, record in by_epoch.items() if groups_with_phi(record.survey))
    # An epoch whose survey was not finished is compared where it is asked for, or where there is no other.
    whole = [
        number for number in surveyed if (survey := by_epoch[number].survey) is not None and survey.phi is not None
    ] or surveyed
    if epoch is None:
        epoch = whole[0] if whole else -1
    if to is None:
        to = next((number for number in (whole[-1:] + surveyed[-1:]) if number > epoch), epoch + 1)
    for wanted in (epoch, to):
        if wanted not in surveyed:
            record = by_epoch.get(wanted)
            why = "is not in the records of this run"
            if record is not None:
                why = f"has no Φ of the layer ({record.result.reason or 'its groups were not surveyed, as in version 0.1.0'})"
            there = ", ".join(map(str, surveyed)) or "none"
            msg = f"change(layer={layer!r}): epoch {wanted} {why}. Epochs that can be compared: {there}."
            raise InvalidArgumentError(msg)
    return between(by_epoch[epoch], by_epoch[to])


def between(one: EpochRecord, other: EpochRecord) -> Change:
    """Compares two records of a layer, by the groups that have a Φ in both; the p is that of this layer alone.

    Args:
        one: the earlier record, with a survey.
        other: the later record.

    Raises:
        InvalidArgumentError: the records have no survey, no group of the same units, or are of two kinds or formalisms.
    """
    where = f"change(layer={one.layer!r}): epochs {one.epoch} and {other.epoch}"
    if (one.kind, one.formalism) != (other.kind, other.formalism):
        msg = f"{where} are {one.kind} ({one.formalism}) and {other.kind} ({other.formalism}), which cannot be compared."
        raise InvalidArgumentError(msg)
    if one.provenance.selection != other.provenance.selection:
        msg = (
            f"{where} are of other units: a command changed what is watched between them. Compare epochs before the change with "
            "one another, or epochs since then; `record.provenance.selection` has the number of the change."
        )
        raise InvalidArgumentError(msg)
    then, now = groups_with_phi(one.survey), groups_with_phi(other.survey)
    pairs = [(then[units], now[units]) for units in then if units in now]
    if not pairs:
        msg = f"{where} have no group of the same units with a Φ. Units are chosen once for a run, and a resumed run keeps them."
        raise InvalidArgumentError(msg)
    before, after = (np.array([group.phi for group in side], dtype=float) for side in zip(*pairs, strict=True))
    kept = [_with_weights_of(a, b) for a, b in pairs]
    by_tpm = None if None in kept else float((np.array(kept, dtype=float) - before).mean())
    difference = float(after.mean() - before.mean())
    structural_zero = is_structural_zero(one)
    errors = [survey.se for survey in (one.survey, other.survey) if survey is not None and survey.se is not None]
    # An epoch that was not resampled is taken to have the error of the other one.
    error = float(np.sqrt(2.0 * np.mean(np.square(errors)))) if errors else None
    times = error_times([units for units in then if units in now])
    test = None if structural_zero else signed_rank((after - before).tolist(), error=error, times=times)
    counts = [group.counts for group in pairs[0] if group.counts is not None]
    return Change(
        layer=one.layer,
        epoch=one.epoch,
        to=other.epoch,
        kind=one.kind,
        formalism=one.formalism,
        before=float(before.mean()),
        after=float(after.mean()),
        groups=len(pairs),
        left_out=len(_units_of(one.survey) | _units_of(other.survey)) - len(pairs),
        up=int((after > before).sum()),
        p=None if test is None else test.p,
        p_smallest=None if test is None else test.smallest,
        p_by_error=test is not None and test.by_error,
        error_times=times,
        # Half the data has twice the variance, so the difference of two halves has sqrt(2) times the error of the whole.
        noise=float(np.sqrt(2.0)) * error if error is not None and len(errors) == 2 else None,
        by_tpm=by_tpm,
        by_states=None if by_tpm is None else difference - by_tpm,
        transitions=None if one.kind == "causal" or len(counts) < 2 else (counts[0].transitions, counts[1].transitions),
        structural_zero=structural_zero,
    )


def is_structural_zero(record: EpochRecord) -> bool:
    """Says whether the units of a record have no connections among them, so that a change of its Φ is none of integration."""
    return record.kind == "statistical" or record.structural_phi == 0.0


def _units_of(survey: Survey | None) -> set[tuple[int, ...]]:
    """Returns the indices of the units of every group."""
    return set() if survey is None else {group.units.indices for group in survey.groups}


def groups_with_phi(survey: Survey | None) -> dict[tuple[int, ...], SurveyGroup]:
    """Returns the groups that have a Φ by the indices of their units."""
    return {} if survey is None else {group.units.indices: group for group in survey.groups if group.phi is not None}


def _with_weights_of(then: SurveyGroup, now: SurveyGroup) -> float | None:
    """Returns the mean Φ of now over the states of then; None where one of these has no Φ now."""
    known = {state for state, phi in zip(now.states, now.phis, strict=False) if phi is not None}
    visited = {state for state, visits in zip(then.states, then.visits, strict=True) if visits}
    return now.weighted(then) if visited <= known else None


# --- in words -----------------------------------------------------------------------------------------------------------


def _figure(value: float, *, sign: bool = False) -> str:
    """Returns a number with four decimals, or with two digits where these would hardly show it.

    Example:
        >>> _figure(0.0309), _figure(0.0000123), _figure(0.0), _figure(-0.0000123, sign=True)
        ('0.0309', '1.2e−5', '0', '−1.2e−5')
    """
    if abs(value) < 1e-12:  # what rounding leaves of a difference of equal numbers
        return "0"
    return decimals(value, sign=sign) if abs(value) >= 0.0005 else digits(value, sign=sign)


def _p_words(p: float, smallest: float) -> str:
    """Returns a p-value with the smallest one that the test can give.

    Example:
        >>> _p_words(0.0004, 2**-19)
        'p < 0.001, smallest possible 1.9e−6'
    """
    return f"{'p < 0.001' if p < 0.001 else f'p = {p:.3f}'}, smallest possible {digits(smallest)}"


def _words_of(change: Change) -> str:
    """Returns the answer to "did training change Φ?": what Φ was and is, whether it changed, and where the change comes from."""
    numbers = f"from {_figure(change.before)} {_when(change.epoch)} to {_figure(change.after)} {_when(change.to)}"
    if change.structural_zero:
        return (
            "There is nothing to change: in what is counted here no unit of the layer acts on another, so by structure their"
            f" {symbol(change.formalism)} is 0, before training and after. The number that the data give ({numbers}) describes"
            " the data that passed through."
        )
    of = "the layer" if change.groups > 1 else "the analysed units"
    have = "has" if change.left_out == 1 else "have"
    missing = f"{change.left_out} more {have} no Φ at one of the epochs; " if change.left_out else ""
    evidence = f"({change.up} of {change.groups} groups rose; {missing}{_tested(change)}; {SEEDS_NOT_COMPARED})"
    if change.groups == 1:
        evidence = f"(no p-value, since this is a single group of units; {SEEDS_NOT_COMPARED})"
    return " ".join(filter(None, (f"{_verdict(change, of, numbers)} {evidence}.", _caution(change), _parts(change))))


def _verdict(change: Change, of: str, numbers: str) -> str:
    """Returns whether Φ changed; that it did is said only where nothing speaks against it."""
    what = symbol(change.formalism)
    if not change.above_noise:
        halves = f"two halves of the same data differ by {_figure(change.noise or 0.0)}"
        return f"{what} of {of} did not change by more than noise: it went {numbers}, and {halves}"
    if _unequal(change) or (change.p is not None and change.p > SIGNIFICANCE):
        return f"Whether {what} of {of} changed cannot be told: it went {numbers}"
    if change.p is None:
        return f"{what} of {of} went {numbers}"
    return f"{what} of {of} {'rose' if change.difference > 0 else 'fell'} {numbers}"


def _tested(change: Change) -> str:
    """Returns the outcome of the test, or why there is none."""
    if change.p is None or change.p_smallest is None:
        return TOO_FEW_GROUPS
    layers = f", corrected for {change.layers} layers" if change.layers > 1 else ""
    test = "paired Wilcoxon"
    if change.p_by_error:
        test = "the mean change beside the uncertainty of the data, which is common to all groups:"
    return f"{test} {_p_words(change.p, change.p_smallest)}{layers}, for these groups of this network"


def _caution(change: Change) -> str:
    """Returns what a watched change may come from besides the training; empty where units were set."""
    if change.kind == "causal":
        return ""
    said = "The units were watched, not set, so this is a change of what was watched, not of causes."
    what = symbol(change.formalism)
    if _unequal(change) and change.transitions is not None:
        before, after = change.transitions
        said += f" A watched {what} comes out larger from fewer transitions, and there were {before:,} before and {after:,} after."
    return said


def _parts(change: Change) -> str:
    """Returns what comes from the TPM and what from the states visited, or that these cannot be told apart."""
    if change.by_tpm is None or change.by_states is None:
        return "The two are not of the same states, so it is not known how much of the difference comes from the states alone."
    return (
        f"Of the difference, {_figure(change.by_tpm, sign=True)} comes from the TPM (states weighted as before) and"
        f" {_figure(change.by_states, sign=True)} from"
        " which states are visited."
    )


def _unequal(change: Change) -> bool:
    """Says whether two watched epochs have too different numbers of transitions to be compared."""
    return change.transitions is not None and max(change.transitions) > _AS_MANY * min(change.transitions)


def _when(epoch: int) -> str:
    """Returns an epoch in words."""
    return "in the untrained network" if epoch < 0 else f"at epoch {epoch}"
