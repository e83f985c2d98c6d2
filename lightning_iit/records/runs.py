"""The records of a run, in their order."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from lightning_iit.errors import MissingDependencyError
from lightning_iit.records.epochs import EpochRecord
from lightning_iit.records.schema import FORMALISM_WORDS, symbol
from lightning_iit.records.shown import html
from lightning_iit.records.shown.numbers import decimals
from lightning_iit.records.shown.printed import brief_value
from lightning_iit.records.surveys import Survey

if TYPE_CHECKING:
    import pandas as pd

_SHOWN = 3
"""How many records a ``repr`` shows of the beginning and of the end of a run."""


class Records(tuple[EpochRecord, ...]):
    """Holds the records of a run, in order of epoch, step and layer."""

    __slots__ = ()

    @classmethod
    def ordered(cls, records: Iterable[EpochRecord]) -> Records:
        """Sorts records by epoch, then by step (the record of the whole epoch comes last), then by layer."""
        return cls(sorted(records, key=lambda record: (*record.order, record.layer)))

    def to_dataframe(self) -> pd.DataFrame:
        """Builds a pandas DataFrame with one row for each record and formalism.

        The columns are: epoch, step, layer, kind, status, null; Φ of the layer (``layer_phi``) with its 90 % interval
        (``layer_phi_low``, ``layer_phi_high``) and the number of ``groups`` that it is the mean of; ``units`` (their indices) and
        ``state`` ("0110", in the order of the units) of the Φ that is described in detail (``phi``); and all scalars.
        A record of several ``formalism`` has a row for each: φ_s of IIT 4.0 stands in the columns of Φ, but is not on its scale.

        Raises:
            MissingDependencyError: pandas is not installed.
        """
        try:
            import pandas as pd
        except ImportError as error:
            msg = "to_dataframe() needs pandas: pip install pandas."
            raise MissingDependencyError(msg) from error
        return pd.DataFrame([_row(one) for record in self for one in record.by_formalism])

    def __repr__(self) -> str:
        """Returns how many records of which layers and epochs there are, and the first and the last ones, in a few lines."""
        shown = self if len(self) <= 2 * _SHOWN else (*self[:_SHOWN], None, *self[-_SHOWN:])
        lines = ("  ..." if record is None else f"  {record.when}, {record.short_words}" for record in shown)
        return "\n".join([f"<Records: {self._summary}>", *lines])

    @property
    def _summary(self) -> str:
        """Returns the number of records, the layers and the epochs in one line."""
        if not self:
            return "none"
        layers, epochs = {record.layer for record in self}, [record.epoch for record in self]
        of = brief_value(next(iter(layers))) if len(layers) == 1 else f"{len(layers)} layers"
        return f"{len(self)} of {of}, epochs {min(epochs)} to {max(epochs)}"

    def _repr_html_(self) -> str:
        """Returns a table with one row for each record, for a notebook."""
        columns = ("epoch", "layer", "Φ", "kind", "null", "from", "states seen", "remark")
        rows = [_html_row(record) for record in self]
        return html.block(f"Records: {self._summary}", html.table(columns, rows, right=("epoch", "Φ", "states seen")))


def _html_row(record: EpochRecord) -> tuple[str, ...]:
    """Returns the cells of one record in a notebook's table."""
    when = record.when.removeprefix("epoch ")
    seen = "" if record.tpm is None else f"{sum(record.tpm.visited)} of {len(record.tpm.visited)}"
    data = "" if record.counts is None else record.data_words
    if record.phi is None:
        return when, record.layer, "none", record.kind, "", data, seen, record.result.reason
    remark = f"structural {symbol(record.formalism)} is 0" if record.structural_phi == 0.0 else record.result.reason
    return when, record.layer, decimals(record.phi), record.kind, record.null_words, data, seen, remark


def _row(record: EpochRecord) -> dict[str, Any]:
    """Returns the row of one record: its key, kind, status, null, Φ of the layer, units, state and scalars by column."""
    survey = record.survey or Survey()
    return {
        "epoch": record.epoch,
        "step": record.step,
        "layer": record.layer,
        "global_step": record.global_step,
        "wall_time": record.wall_time,
        "kind": record.kind,
        "formalism": record.formalism,
        "axis": record.axis,
        "status": "computed" if record.phi is not None else type(record.result).__struct_config__.tag,
        "reason": record.result.reason,
        "null": record.null_words,
        "layer_phi": survey.phi,
        "layer_phi_low": survey.low,
        "layer_phi_high": survey.high,
        "groups": sum(group.phi is not None for group in survey.groups) or None,
        "units": "" if record.units is None else ", ".join(record.units.labels),
        "state": "".join(map(str, record.states[0].state)) if record.states else "",
        **record.scalars,
        "phi": record.phi,
    }


def formalisms_in(records: Iterable[EpochRecord]) -> tuple[str, ...]:
    """Returns the formalisms of some records, in the order of their years."""
    there = {formalism for record in records for formalism in record.formalisms}
    return tuple(formalism for formalism in FORMALISM_WORDS if formalism in there)
