"""What setting units of a layer to values of no information does to what a network is measured by."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias

import msgspec

if TYPE_CHECKING:
    from rich.table import Table

LESION_SCHEMA = 1
"""The version of a :class:`LesionRecord`."""
SetTo: TypeAlias = Literal["mean", "zero", "resample"]
"""What units are set to: their mean over the data, 0, or the values of another sample at the same place."""
SET_TO_WORDS: dict[SetTo, str] = {
    "mean": "set to their mean",
    "zero": "set to 0",
    "resample": "set to the values of other samples",
}


class LesionMeasure(msgspec.Struct, frozen=True, kw_only=True):
    """Holds one number that a network is measured by, with and without some of its units.

    Args:
        name: of the loss or metric.
        before: its mean over the data, of the network as it is.
        after: the same with the units set.
        controls: the same with each of the control sets set in their place.
    """

    name: str
    before: float
    after: float
    controls: tuple[float, ...]

    @property
    def p(self) -> float:
        """Returns (1 + k) / (controls + 1); k of the controls change the number, up or down, by as much as the units or more."""
        change = abs(self.after - self.before)
        k = sum(abs(control - self.before) >= change for control in self.controls)
        return (1 + k) / (len(self.controls) + 1)


class LesionRecord(msgspec.Struct, frozen=True, kw_only=True):
    """Holds what a lesion of some units did, beside lesions of random sets of other units of the same layer.

    Args:
        layer: the layer's name.
        units: the indices of the units.
        width: the number of units of the layer.
        to: what the units were set to.
        samples: how many samples each number is a mean over.
        control_units: the indices of each control set.
        seed: of the draw of the control sets, and of other samples.
        measures: the loss first, where there is one, and then what else was measured; one or more.
        part: what the units are of a record: all that were analysed, or a side of their partition; empty where they were given.
        schema: the version of this struct.
    """

    layer: str
    units: tuple[int, ...]
    width: int
    to: SetTo
    samples: int
    control_units: tuple[tuple[int, ...], ...]
    seed: int
    measures: tuple[LesionMeasure, ...]
    part: str = ""
    schema: int = LESION_SCHEMA

    @property
    def before(self) -> float:
        """Returns the first measure of the network as it is."""
        return self.measures[0].before

    @property
    def after(self) -> float:
        """Returns the first measure with the units set."""
        return self.measures[0].after

    @property
    def controls(self) -> tuple[float, ...]:
        """Returns the first measure with each control set."""
        return self.measures[0].controls

    @property
    def p(self) -> float:
        """Returns the p of the first measure: how often random sets change it as much, see :attr:`LesionMeasure.p`."""
        return self.measures[0].p

    @property
    def smallest_p(self) -> float:
        """Returns the smallest p that so many control sets can give."""
        return 1 / (len(self.control_units) + 1)

    @property
    def words(self) -> str:
        """Returns what was done and found, in sentences."""
        found = "; ".join(
            f"{one.name} {one.before:.4g} before, {one.after:.4g} after, {min(one.controls):.4g} to {max(one.controls):.4g} with "
            f"the controls, p = {one.p:.3f}"
            for one in self.measures
        )
        sets = len(self.control_units)
        of = f"{sets} random set{'s' if sets != 1 else ''} of {len(self.units)} other units"
        which = f"Unit{'s' if len(self.units) > 1 else ''} {', '.join(map(str, self.units))} of {self.layer!r}"
        return (
            f"{which} {SET_TO_WORDS[self.to]} on {self.samples} samples: {found}. Controls: {of}; the smallest p they can give is "
            f"{self.smallest_p:.3f}."
        )

    def __str__(self) -> str:
        return self.words

    def __rich__(self) -> Table:
        """Returns the table that rich prints."""
        from rich.table import Table

        columns = ("measure", "before", "after", f"{len(self.control_units)} controls", "p", "smallest p")
        table = Table(*columns, title=f"{self.layer}: units {', '.join(map(str, self.units))} {SET_TO_WORDS[self.to]}")
        for one in self.measures:
            controls = f"{min(one.controls):.4g} to {max(one.controls):.4g}"
            numbers = (f"{one.before:.4g}", f"{one.after:.4g}", controls, f"{one.p:.3f}", f"{self.smallest_p:.3f}")
            table.add_row(one.name, *numbers)
        return table
