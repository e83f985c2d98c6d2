"""Answers for each layer of a run whether training changed its Φ, by each formalism."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lightning_iit.errors import RecordError
from lightning_iit.records import decode
from lightning_iit.records.runs import formalisms_in
from lightning_iit.viewer.protocol import Answer, AnswerList

if TYPE_CHECKING:
    from lightning_iit.records import EpochRecord
    from lightning_iit.viewer.sources import RecordSource


def answers(source: RecordSource, run: str) -> AnswerList:
    """Compares the first and the last survey of each layer of a run, by each formalism that they have.

    The first is that of the untrained network, or of the first epoch with a survey where the run has none of that network; or of
    the first epoch since a command has changed which units are watched. Of each layer two records are read.

    Args:
        source: the source that holds the run.
        run: the id of the run.

    Returns:
        The answers; a layer that cannot be compared has none.

    Raises:
        LookupError: there is no such run.
    """
    from lightning_iit.comparison.change import changes  # with scipy, which a page without surveys does not need
    from lightning_iit.comparison.selections import since_words

    rows = [row for row in source.index(run).rows if any(one.phi_layer is not None for one in (row, *row.others))]
    last = {row.layer: row for row in rows}  # rows are in order of epoch, so the last one stays
    same = [row for row in rows if row.selection == last[row.layer].selection]
    first = {row.layer: row for row in reversed(same)}
    others = {row.layer for row in rows if row not in same}
    pairs = [(first[layer].epoch, row.epoch, layer) for layer, row in last.items()]
    read = [_read(source, run, layer, epoch) for one, other, layer in pairs if one < other for epoch in (one, other)]
    records = [record for record in read if record is not None]
    found = [one for formalism in formalisms_in(records) for one in changes(records, epoch=None, formalism=formalism).values()]
    return AnswerList(
        answers=tuple(
            Answer(
                layer=one.layer,
                epoch=one.epoch,
                to=one.to,
                formalism=one.formalism,
                words=f"{since_words(first[one.layer].epoch)} {one.words}" if one.layer in others else one.words,
            )
            for one in found
        )
    )


def _read(source: RecordSource, run: str, layer: str, epoch: int) -> EpochRecord | None:
    """Returns a record; None where it is not there, or cannot be read (the index says so)."""
    try:
        return decode(source.record(run, layer, epoch))
    except (LookupError, RecordError):
        return None
