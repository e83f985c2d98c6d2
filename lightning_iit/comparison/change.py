"""The change of a layer's Φ between two epochs, group by group: did training change it?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np

from lightning_iit.comparison.exchanges import holm, signed_rank
from lightning_iit.errors import InvalidArgumentError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from lightning_iit.records import EpochRecord, Survey, SurveyGroup

SIGNIFICANCE = 0.05
"""A change is called one where its p-value is at most this."""
SEEDS_NOT_COMPARED = "seeds not compared"
"""The words that stand beside a change of one run: the spread over untrained networks is not known."""


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
            than six groups that differ. It is about these groups of this network: it says nothing about other trainings.
        p_smallest: the smallest p that so many groups can give; None where there is no p.
        noise: the standard deviation of the difference between two halves of the data through the same weights, estimated from
            resampled sequences; None where sequences were not resampled.
        by_tpm: the part of the difference that comes from the TPM: the weights of the states are those of ``epoch``. None where
            a state that was visited then has no Φ now.
        by_states: the rest: what comes from the states that are visited. None with ``by_tpm``.
    """

    layer: str
    epoch: int
    to: int
    kind: str
    before: float
    after: float
    groups: int
    up: int
    p: float | None = None
    p_smallest: float | None = None
    noise: float | None = None
    by_tpm: float | None = None
    by_states: float | None = None

    @property
    def difference(self) -> float:
        """Returns ``after - before``."""
        return self.after - self.before

    @property
    def above_noise(self) -> bool:
        """Says whether the difference is larger than that between two halves of the data."""
        return self.noise is None or abs(self.difference) > self.noise

    @property
    def scalars(self) -> dict[str, float]:
        """Returns what is logged of the change: ``phi_change`` and ``phi_change_p``."""
        return {"phi_change": self.difference} | ({} if self.p is None else {"phi_change_p": self.p})

    @property
    def words(self) -> str:
        """Returns the answer in a sentence or two."""
        return " ".join(filter(None, (self._answer, self._parts)))

    @property
    def _answer(self) -> str:
        """Returns whether Φ changed, with the numbers that say so."""
        against = "the untrained one" if self.epoch < 0 else f"that of epoch {self.epoch}"
        counted = f"{self.up} of {self.groups} groups rose"
        tested = f"no p with so few groups, against {against}"
        if self.p is not None:
            said = "p < 0.001" if self.p < 0.001 else f"p = {self.p:.3f}"
            smallest = f"smallest possible {self.p_smallest:.2g}"
            tested = f"paired Wilcoxon {said} for these groups of this network, against {against}; {smallest}"
        numbers = f"from {self.before:.4f} to {self.after:.4f} ({counted}; {tested}; {SEEDS_NOT_COMPARED})"
        if self.kind == "statistical":
            return (
                f"The number counted from the data went {numbers}. It is no integration of the layer, whose units have no "
                "connections among them: Φ by structure is 0 before and after."
            )
        if not self.above_noise:
            noise = f"the noise of {self.noise:.4f} between two halves of the data"
            return f"Φ of the layer did not change: {numbers}, which is within {noise}."
        if self.p is not None and self.p > SIGNIFICANCE:
            return f"No change of Φ of the layer can be told: {numbers}."
        went = "rose" if self.difference > 0 else "fell" if self.difference < 0 else "stayed"
        return f"Φ of the layer {went} {numbers}."

    @property
    def _parts(self) -> str:
        """Returns what comes from the TPM and what from the states visited."""
        if self.by_tpm is None or self.by_states is None:
            return ""
        return (
            f"Of the difference {self.by_tpm:+.4f} comes from the TPM and {self.by_states:+.4f} from the states that are visited."
        )


def change(records: Iterable[EpochRecord], layer: str, *, epoch: int = -1, to: int | None = None) -> Change:
    """Compares the surveys of a layer at two epochs of one run.

    Args:
        records: the records of the run.
        layer: the layer's name.
        epoch: the earlier epoch; -1 is the untrained network.
        to: the later epoch; None for the last one that has a Φ.

    Returns:
        The change; its p is not corrected for the number of layers (:func:`changes` does).

    Raises:
        InvalidArgumentError: the layer or an epoch has no survey, or the two were not made of the same units.
    """
    surveys = {record.epoch: record for record in records if record.layer == layer and record.step is None and _surveyed(record)}
    if to is None:
        to = max((one for one in surveys if one > epoch), default=None)
    missing = [one for one in (epoch, to) if one not in surveys]
    if to is None or missing:
        there = ", ".join(map(str, sorted(surveys))) or "none"
        which = f"epoch {missing[0]}" if missing and missing[0] is not None else f"an epoch after {epoch}"
        msg = f"change(layer={layer!r}): {which} has no Φ of this layer that can be compared; epochs that have one: {there}."
        raise InvalidArgumentError(msg)
    return _between(surveys[epoch], surveys[to])


def changes(records: Sequence[EpochRecord], *, epoch: int = -1, to: int | None = None) -> dict[str, Change]:
    """Compares two epochs of every layer that has both; the p-values are corrected for the number of layers (Holm).

    Args:
        records: the records of the run.
        epoch: the earlier epoch.
        to: the later epoch; None for the last one of each layer.

    Returns:
        The changes by layer; a layer that cannot be compared is not there.
    """
    found: dict[str, Change] = {}
    for layer in dict.fromkeys(record.layer for record in records):
        try:
            found[layer] = change(records, layer, epoch=epoch, to=to)
        except InvalidArgumentError:
            continue
    corrected = holm([one.p for one in found.values()])
    return {layer: msgspec.structs.replace(one, p=p) for (layer, one), p in zip(found.items(), corrected, strict=True)}


def _surveyed(record: EpochRecord) -> bool:
    """Says whether a record has a survey with a Φ."""
    return record.survey is not None and record.survey.phi is not None


def _between(one: EpochRecord, other: EpochRecord) -> Change:
    """Returns the change between two records of a layer, of the groups that have a Φ in both."""
    assert one.survey is not None
    assert other.survey is not None
    if one.kind != other.kind or one.formalism != other.formalism:
        msg = (
            f"change(layer={one.layer!r}): epoch {one.epoch} is {one.kind} ({one.formalism}) and epoch {other.epoch} {other.kind} "
            f"({other.formalism}), which cannot be compared."
        )
        raise InvalidArgumentError(msg)
    then, now = _by_units(one.survey), _by_units(other.survey)
    pairs = [(then[units], now[units]) for units in then if units in now]
    pairs = [(a, b) for a, b in pairs if a.phi is not None and b.phi is not None]
    if not pairs:
        msg = (
            f"change(layer={one.layer!r}): epochs {one.epoch} and {other.epoch} have no group of the same units, so nothing can be "
            "compared. Units are chosen once for a run; a resumed run keeps them."
        )
        raise InvalidArgumentError(msg)
    before, after = np.array([a.phi for a, _ in pairs]), np.array([b.phi for _, b in pairs])
    kept = [b.weighted(a) for a, b in pairs]
    by_tpm = None if any(phi is None for phi in kept) else float((np.array(kept, dtype=float) - before).mean())
    difference = float(after.mean() - before.mean())
    test = signed_rank((after - before).tolist())
    errors = [survey.se for survey in (one.survey, other.survey) if survey.se is not None]
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
    )


def _by_units(survey: Survey) -> dict[tuple[int, ...], SurveyGroup]:
    """Returns the groups by the indices of their units."""
    return {group.units.indices: group for group in survey.groups}
