"""What a comparison of runs found: a row for each layer and pair of sides, the curves over epochs, and both in words."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

import msgspec

from lightning_iit.comparison.change import SEEDS_NOT_COMPARED, SIGNIFICANCE, TOO_FEW_GROUPS
from lightning_iit.records import symbol
from lightning_iit.records.shown.numbers import digits

if TYPE_CHECKING:
    from lightning_iit.records import Kind

UNTRAINED, TRAINED = "untrained", "trained"
WILCOXON = "paired Wilcoxon over the groups of one network"
PAIRED = "exact permutation, paired by run"
UNPAIRED = "exact permutation of run means"


class LayerComparison(msgspec.Struct, frozen=True, kw_only=True):
    """Holds how Φ of a layer differs between two sides: two groups of runs, or the untrained and the trained networks.

    Args:
        layer: the layer's name; where the sides have one layer each of other names, both names.
        one: the first side, e.g. "lr=0.1" or "untrained".
        other: the second side, e.g. "lr=0.01" or "trained".
        phi_one: mean Φ of the layer over the runs of the first side.
        low_one: the lower end of its 90 % interval: of the mean over runs (Student's t), and of a single run that of its survey;
            None where there is none.
        high_one: the upper end.
        phi_other: mean Φ of the second side.
        low_other: the lower end of its interval.
        high_other: the upper end.
        difference: ``phi_other - phi_one``; of pairs the mean difference.
        p: the p-value of ``test``, corrected (Holm) for the number of rows that are tested; None where so few values have no p,
            and where ``structural_zero``.
        p_smallest: the smallest p that this test can give with so many values, corrected likewise; None without a p.
        test: how the difference was tested.
        up: in how many pairs Φ is higher on the second side; None where nothing is paired.
        pairs: how many pairs there are: runs, or the groups of one network; 0 where nothing is paired.
        spread: the standard deviation of Φ over runs: of the untrained networks where these are the first side, else pooled over
            both sides; None where no side has two runs.
        kind: the kind of all these numbers: "causal", "observational" or "statistical".
        formalism: the version of the theory of all these numbers.
        structural_zero: whether the units have no connections among them, so that Φ by structure is 0 on both sides.
        runs_one: how many runs the first side has.
        runs_other: how many runs the second side has.
    """

    layer: str
    one: str
    other: str
    phi_one: float
    low_one: float | None = None
    high_one: float | None = None
    phi_other: float
    low_other: float | None = None
    high_other: float | None = None
    difference: float
    p: float | None = None
    p_smallest: float | None = None
    test: str
    up: int | None = None
    pairs: int = 0
    spread: float | None = None
    kind: Kind
    formalism: str
    runs_one: int
    runs_other: int
    structural_zero: bool = False

    @property
    def words(self) -> str:
        """Returns the answer in a sentence or two, with the numbers that say so."""
        one = f"{phi_words(self.phi_one, self.low_one, self.high_one)} {_side(self.one, self.runs_one)}"
        other = f"{phi_words(self.phi_other, self.low_other, self.high_other)} {_side(self.other, self.runs_other)}"
        what = "the number counted from the data" if self.structural_zero else symbol(self.formalism)
        apart = digits(self.difference, 4, sign=True)
        said = f"Layer {self.layer!r}: {what} is {one} and {other}, a difference of {apart}; {self._verdict}"
        return " ".join(filter(None, (said, self._counted, self._relative)))

    @property
    def _verdict(self) -> str:
        """Returns whether the sides differ, with the test."""
        if self.structural_zero:
            return (
                "not tested. It is no integration: the units have no connections among them, and Φ by structure is 0 on both sides."
            )
        if self.p is None or self.p_smallest is None:
            few = TOO_FEW_GROUPS if self.test == WILCOXON else "so few values have no p"
            return f"{few}, and nothing is said about other trainings."
        numbers = f"({self.test}: {_p_words(self.p)}; smallest possible {digits(self.p_smallest)})."
        if self.p_smallest > SIGNIFICANCE:
            return f"so few runs cannot give a p of {SIGNIFICANCE:g} or less, so no difference could be told {numbers}"
        if self.p > SIGNIFICANCE:
            return f"no difference can be told {numbers}"
        rose = "higher" if self.difference > 0 else "lower"
        return f"it is {rose} {_named(self.other, self.runs_other)} {numbers}"

    @property
    def _counted(self) -> str:
        """Returns how many pairs went up; empty where nothing is paired."""
        if self.up is None or self.structural_zero:
            return ""
        if self.test == WILCOXON:
            about = "" if self.p is None else "the p is about these groups of this one network; "
            return f"It rose in {self.up} of {self.pairs} groups of units; {about}{SEEDS_NOT_COMPARED}."
        return f"It is higher in {self.up} of {self.pairs} pairs."

    @property
    def _relative(self) -> str:
        """Returns the size of the difference relative to the spread over runs; empty where that is not known."""
        if not self.spread:
            return ""
        times = abs(self.difference) / self.spread
        over = "the untrained networks" if self.one == UNTRAINED else "the runs of a side"
        return f"The difference is {times:.2g} times the standard deviation over {over}."


class Curve(msgspec.Struct, frozen=True, kw_only=True):
    """Holds Φ of a layer over the epochs of one side.

    Args:
        layer: the layer, as in the row.
        side: the side.
        runs: over how many runs the mean is.
        epochs: the epochs that all of these runs have; -1 is the untrained network.
        mean: the mean Φ over the runs at each epoch.
        low: the lower edge of the band: the mean less one standard deviation over runs, and of a single run the lower end of the
            90 % interval of its survey (Φ itself in an epoch without an interval).
        high: the upper edge.
    """

    layer: str
    side: str
    runs: int
    epochs: tuple[int, ...]
    mean: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """Holds a comparison of runs.

    Args:
        by: what tells the sides apart: an option, "seed", or "training".
        layers: a row for each layer and pair of sides.
        curves: Φ over epochs for each layer and side.
        notes: what a reader should know besides, in sentences.
    """

    by: str
    layers: tuple[LayerComparison, ...]
    curves: tuple[Curve, ...]
    notes: tuple[str, ...] = ()

    @property
    def words(self) -> str:
        """Returns the comparison as a paragraph."""
        tested = sum(row.p is not None for row in self.layers)
        holm = f"The p-values are corrected (Holm) for {tested} comparisons." if tested > 1 else ""
        return " ".join(filter(None, (*(row.words for row in self.layers), holm, *self.notes)))

    @property
    def csv(self) -> str:
        """Returns the rows as comma-separated values below a line with their names; an unknown number is empty."""
        file = io.StringIO()
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(LayerComparison.__struct_fields__)
        writer.writerows(msgspec.structs.astuple(row) for row in self.layers)
        return file.getvalue()

    def __repr__(self) -> str:
        """Returns the comparison in words."""
        return f"<{type(self).__name__} by {self.by}: {self.words}>"


def phi_words(phi: float, low: float | None, high: float | None) -> str:
    """Returns Φ with its interval, where it has one.

    Example:
        >>> phi_words(0.03125, 0.03, 0.0325)
        '0.03125 (90 % interval 0.03 to 0.0325)'
    """
    if low is None or high is None:
        return digits(phi, 4)
    return f"{digits(phi, 4)} (90 % interval {digits(low, 4)} to {digits(high, 4)})"


def _side(side: str, runs: int) -> str:
    """Returns a side with its number of runs."""
    return f"{_named(side, runs)} ({runs} {'run' if runs == 1 else 'runs'})"


def _named(side: str, runs: int) -> str:
    """Returns a side as it stands in a sentence."""
    return f"with {side}" if "=" in side else f"in the {side} network{'' if runs == 1 else 's'}"


def _p_words(p: float) -> str:
    """Returns a p-value in words."""
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}"
