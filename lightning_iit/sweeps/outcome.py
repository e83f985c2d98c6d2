"""What a sweep returns: the records of all its checkpoints, and what failed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from lightning_iit.records import Records  # noqa: TC001  msgspec reads the annotations

if TYPE_CHECKING:
    from collections.abc import Iterator

_NAMED = 3
"""How many checkpoints a line of failures names at most."""


class SweepFailure(msgspec.Struct, frozen=True, kw_only=True):
    """Holds an analysis of a sweep that has no Φ.

    Attributes:
        checkpoint: the checkpoint's file.
        layer: the layer; empty where the checkpoint could not be run at all.
        reason: why there is no Φ, in words.
    """

    checkpoint: str
    layer: str
    reason: str


class Sweep(msgspec.Struct, frozen=True, kw_only=True):
    """Holds the outcome of a sweep.

    Attributes:
        folder: the run's directory, for ``lightning-iit view`` and :func:`~lightning_iit.load_run`.
        records: the records in it, in order of epoch, step and layer.
        failures: the analyses without a Φ, in the order of the checkpoints.
        computed: how many analyses have ended with a Φ in this call.
        there_before: how many had one already, and were not computed again.
        notes: which units and thresholds all checkpoints have, and which files hold the same weights as others.
    """

    folder: str
    records: Records
    failures: tuple[SweepFailure, ...] = ()
    computed: int = 0
    there_before: int = 0
    notes: tuple[str, ...] = ()

    @property
    def words(self) -> str:
        """Returns the outcome in a sentence."""
        before, lost = self.there_before, len(self.failures)
        there = f", {before} {'was' if before == 1 else 'were'} there already" if before else ""
        failed = f", {lost} {'has' if lost == 1 else 'have'} no Φ" if lost else ""
        return f"{self.computed} analyses computed{there}{failed}."

    @property
    def failures_in_words(self) -> tuple[str, ...]:
        """Returns the failures as lines, those of one reason together."""
        return tuple(self._lines())

    def _lines(self) -> Iterator[str]:
        reasons: dict[str, list[str]] = {}
        for one in self.failures:
            name = f"{one.checkpoint}, layer {one.layer!r}" if one.layer else one.checkpoint
            reasons.setdefault(one.reason, []).append(name)
        for reason, names in reasons.items():
            more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
            yield f"{'; '.join(names[:_NAMED])}{more}: {reason}"
