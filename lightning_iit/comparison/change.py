"""The change of a layer's Φ between two epochs, group by group: did training change it?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np

from lightning_iit.comparison.answer import Change
from lightning_iit.comparison.exchanges import holm, signed_rank
from lightning_iit.errors import InvalidArgumentError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lightning_iit.records import EpochRecord, Survey, SurveyGroup


def change(records: Iterable[EpochRecord], layer: str | None = None, epoch: int = -1, to: int | None = None) -> Change:
    """Compares Φ of a layer at two epochs of one run, group by group.

    Args:
        records: the records of the run, as ``callback.records`` and ``load_run`` give them.
        layer: the layer's name; None for the only layer.
        epoch: the earlier epoch; -1 is the untrained network.
        to: the later epoch; None for the last one that has a Φ.

    Returns:
        The change; its p is corrected for the number of layers that have both epochs (Holm).

    Raises:
        InvalidArgumentError: there is no such layer, an epoch has no Φ of several groups and states, or the two epochs are not of
            the same units, kind or formalism.

    Example::

        print(change(load_run("lightning_logs/version_0"), "gru").words)
    """
    kept = [record for record in records if record.step is None]
    layers = list(dict.fromkeys(record.layer for record in kept))
    if layer is None and len(layers) == 1:
        layer = layers[0]
    if layer is None or layer not in layers:
        there = ", ".join(map(repr, layers)) or "none yet"
        msg = f"change(layer={layer!r}): say which layer; the layers of this run's records are {there}."
        raise InvalidArgumentError(msg)
    _compared(kept, layer, epoch, to)  # says why it cannot be
    return changes(kept, epoch=epoch, to=to)[layer]


def changes(records: Iterable[EpochRecord], *, epoch: int | None = None, to: int | None = None) -> dict[str, Change]:
    """Compares two epochs of every layer that has both; the p-values are corrected for the number of layers (Holm).

    Args:
        records: the records of the run.
        epoch: the earlier epoch; None for the earliest one that has a Φ, which is the untrained network where it was analysed.
        to: the later epoch; None for the last one of each layer.

    Returns:
        The changes by layer; a layer that cannot be compared is not there.
    """
    kept = [record for record in records if record.step is None]
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


def _compared(records: Iterable[EpochRecord], layer: str, epoch: int | None, to: int | None) -> Change:
    """Compares two epochs of a layer; the p is that of this layer alone."""
    by_epoch = {record.epoch: record for record in records if record.layer == layer}
    surveyed = sorted(number for number, record in by_epoch.items() if record.survey is not None and record.survey.phi is not None)
    if epoch is None:
        epoch = surveyed[0] if surveyed else -1
    if to is None:
        to = surveyed[-1] if surveyed and surveyed[-1] > epoch else epoch + 1
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
    then, now = _by_units(one.survey), _by_units(other.survey)
    pairs = [(then[units], now[units]) for units in then if units in now]
    if not pairs:
        msg = f"{where} have no group of the same units with a Φ. Units are chosen once for a run, and a resumed run keeps them."
        raise InvalidArgumentError(msg)
    before, after = (np.array([group.phi for group in side], dtype=float) for side in zip(*pairs, strict=True))
    kept = [_with_weights_of(a, b) for a, b in pairs]
    by_tpm = None if None in kept else float((np.array(kept, dtype=float) - before).mean())
    difference = float(after.mean() - before.mean())
    test = signed_rank((after - before).tolist())
    errors = [survey.se for survey in (one.survey, other.survey) if survey is not None and survey.se is not None]
    counts = [group.counts for group in pairs[0] if group.counts is not None]
    return Change(
        layer=one.layer,
        epoch=one.epoch,
        to=other.epoch,
        kind=one.kind,
        before=float(before.mean()),
        after=float(after.mean()),
        groups=len(pairs),
        up=int((after > before).sum()),
        p=None if test is None else test.p,
        p_smallest=None if test is None else test.smallest,
        # Half the data has twice the variance, and a difference of two halves that of both: 2 se.
        noise=2.0 * float(np.sqrt(np.mean(np.square(errors)))) if len(errors) == 2 else None,
        by_tpm=by_tpm,
        by_states=None if by_tpm is None else difference - by_tpm,
        transitions=None if one.kind == "causal" or len(counts) < 2 else (counts[0].transitions, counts[1].transitions),
        structural_zero=one.kind == "statistical" or one.structural_phi == 0.0,
    )


def _by_units(survey: Survey | None) -> dict[tuple[int, ...], SurveyGroup]:
    """Returns the groups that have a Φ by the indices of their units."""
    return {} if survey is None else {group.units.indices: group for group in survey.groups if group.phi is not None}


def _with_weights_of(then: SurveyGroup, now: SurveyGroup) -> float | None:
    """Returns the mean Φ of now over the states of then; None where one of these has no Φ now."""
    known = {state for state, phi in zip(now.states, now.phis, strict=False) if phi is not None}
    visited = {state for state, visits in zip(then.states, then.visits, strict=True) if visits}
    return now.weighted(then) if visited <= known else None
