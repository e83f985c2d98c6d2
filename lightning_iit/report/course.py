"""What a layer's Φ did between the two epochs that the answer compares, and what each of its groups did."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lightning_iit.comparison.change import changes, groups_with_phi, is_structural_zero
from lightning_iit.comparison.selections import of_last_selection
from lightning_iit.records import logged, symbol
from lightning_iit.records.shown.numbers import decimals
from lightning_iit.report import cells
from lightning_iit.report.markup import table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lightning_iit.records import EpochRecord

SHOWN = 40
"""The table of groups has at most this many rows: of more groups those that fell most and those that rose most."""


def course_words(records: Sequence[EpochRecord]) -> str:
    """Returns where a layer's Φ was highest and lowest on its way, which the first and the last epoch do not tell.

    Args:
        records: the records of one layer and one formalism, in order of epoch.

    Returns:
        A sentence; empty with fewer than three epochs, and for a layer whose structural Φ is 0.
    """
    known = [(record.epoch, phi) for record in of_last_selection(records) if (phi := logged.layer_phi(record)) is not None]
    if len(known) < 3 or is_structural_zero(records[-1]):
        return ""
    ends = sorted((known[0][1], known[-1][1]))
    (most, high), (least, low) = max(known[1:-1], key=lambda one: one[1]), min(known[1:-1], key=lambda one: one[1])
    said = [f"{decimals(known[1][1])} after the first epoch of training"] if (known[0][0], known[1][0]) == (-1, 0) else []
    said += [f"highest at epoch {most} ({decimals(high)})"] if high > ends[1] else []
    said += [f"lowest at epoch {least} ({decimals(low)})"] if low < ends[0] else []
    if not said:
        return f"On the way {symbol(records[-1].formalism)} stayed between the two."
    return f"On the way {symbol(records[-1].formalism)} was {', '.join(said)}."


def averaged_words(record: EpochRecord) -> str:
    """Returns that Φ of set units was not looked at where nothing is averaged; empty where it was, and for watched units."""
    made = record.perturbation
    if record.kind != "causal" or made is None or made.background != "sampled" or record.moments is not None:
        return ""
    what = symbol(record.formalism)
    return (
        f"It is the {what} of a system averaged over backgrounds; {what} at single moments was not looked at (`moments=50` does)."
    )


def by_group(records: Sequence[EpochRecord]) -> list[str]:
    """Writes the table of what Φ of each group was and is, from the largest fall to the largest rise.

    Args:
        records: the records of one layer and one formalism, in order of epoch.

    Returns:
        Heading, words and table; nothing for a single group, where no two epochs can be compared, and where the structural Φ is 0.
    """
    last = records[-1]
    found = changes(records, epoch=None, formalism=last.formalism).get(last.layer)
    if found is None or found.structural_zero or found.groups < 2:
        return []
    then, now = (_groups(next(one for one in records if one.epoch == epoch)) for epoch in (found.epoch, found.to))
    pairs = sorted((phi - then[labels], labels) for labels, phi in now.items() if labels in then)
    shown = pairs if len(pairs) <= SHOWN else pairs[: SHOWN // 2] + pairs[-SHOWN // 2 :]
    rows = [(" ".join(units), decimals(then[units]), decimals(now[units]), decimals(by, sign=True)) for by, units in shown]
    fell, rose = sum(by < 0 for by, _ in pairs), sum(by > 0 for by, _ in pairs)
    left_out = f" The {len(pairs) - len(shown)} that changed least are left out." if len(shown) < len(pairs) else ""
    before = "the untrained network" if found.epoch < 0 else f"epoch {found.epoch}"
    words = f"From {before} to epoch {found.to}, from the largest fall to the largest rise: {fell} fell, {rose} rose.{left_out}"
    words += f" {symbol(last.formalism)} of a group is here the mean over its states; in detail, below, it is that of one state."
    return [f"### Groups ({cells.kind(last)})", words, table(("units", "Φ before", "Φ after", "change"), rows)]


def _groups(record: EpochRecord) -> dict[tuple[str, ...], float]:
    """Returns Φ of each group that has one, by the names of its units."""
    return {group.units.labels: group.phi for group in groups_with_phi(record.survey).values() if group.phi is not None}
