"""The epochs of a layer in which the same units were watched, where commands have changed these while training went on."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lightning_iit.records import EpochRecord


def of_last_selection(records: Iterable[EpochRecord]) -> list[EpochRecord]:
    """Returns the records of each layer whose units are those of its last epoch; all of them where no command has changed these."""
    kept = list(records)
    last = {one.layer: one.provenance.selection for one in sorted(kept, key=lambda one: one.order)}
    return [one for one in kept if one.provenance.selection == last[one.layer]]


def changed_since(records: Iterable[EpochRecord]) -> int | None:
    """Returns the first epoch of the units that a layer has at its last epoch; None where it had others at no earlier epoch.

    Args:
        records: those of one layer.
    """
    kept = list(records)
    now = of_last_selection(kept)
    return min(one.epoch for one in now) if len(now) < len(kept) else None


def changed_words(records: Iterable[EpochRecord]) -> str:
    """Returns a sentence on since when the units of a layer are those of its last epoch; empty where they were never changed."""
    since = changed_since(records)
    return "" if since is None else since_words(since)


def since_words(since: int) -> str:
    """Returns a sentence on the first epoch since a command has changed which units of a layer are watched."""
    return f"A command changed which units or groups are watched: since epoch {since} they are others than before."
