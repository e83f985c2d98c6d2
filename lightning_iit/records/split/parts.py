"""The parts into which the many Φ of one task are divided, so that several workers compute them, and what each part found."""

from __future__ import annotations

from typing import Literal, TypeAlias, get_args

from lightning_iit.records.schema import Count, Formalism, FromOne, Record, Size
from lightning_iit.records.whole.measures import NullMethod, WholeLayer

WholeWork: TypeAlias = Literal["whole_null", "whole_interval", "whole_pairs"]
"""What the measures of a whole layer are judged by: the surrogates of their nulls, the resamples of their intervals, and the
surrogates of the null of pairs of units."""
Work: TypeAlias = Literal[
    "survey", "resamples", "null", "interval", "curve", "whole", "whole_values", "whole_null", "whole_interval", "whole_pairs"
]
"""What many Φ are computed for: a survey's groups in their states, its resamples, the surrogates of the null, the resamples of the
interval, the curve; and the measures of the whole layer: with all that they are judged by, or apart from it."""
WHOLE_WORKS: tuple[WholeWork, ...] = get_args(WholeWork)
"""What whole layers are judged by, in the order in which it is added to the measures."""
WAITS: dict[Work, Work] = dict.fromkeys(WHOLE_WORKS, "whole_values")
"""What works need to have been found before they begin: surrogates and resamples are measured at the partitions of the data."""


class Stretch(Record, frozen=True, kw_only=True):
    """Holds which of the systems of one work are meant: those from ``first`` to before ``stop``, in the order of the work.

    Args:
        work: the work.
        formalism: the formalism; those that share its search come with it.
        group: of the survey, and of its resamples, the number of the group.
        first: the number of the first system: a state, a resample (in all its states), a surrogate, a subset of the data.
        stop: the number after that of the last one.
    """

    work: Work
    formalism: Formalism
    group: Count = 0
    first: Count = 0
    stop: FromOne = 1

    @property
    def source(self) -> tuple[Work, Formalism, int]:
        """Returns what the systems are taken from."""
        return self.work, self.formalism, self.group


class TaskPart(Record, frozen=True, kw_only=True):
    """Holds one part of a task, which one worker computes.

    Args:
        stretches: the systems.
        seconds: how long they are expected to take.
    """

    stretches: tuple[Stretch, ...]
    seconds: Size = 0.0

    @property
    def waits(self) -> Work | None:
        """Returns the work that has to be found before this part; None where the part can begin at once, or has that work too."""
        own = {one.work for one in self.stretches}
        return next((WAITS[one] for one in own if one in WAITS and WAITS[one] not in own), None)

    def resamples_of(self, group: int) -> slice:
        """Returns which resamples of a group of the survey the part needs, by whatever formalisms; an empty slice for none."""
        own = [one for one in self.stretches if one.work == "resamples" and one.group == group]
        return slice(min((one.first for one in own), default=0), max((one.stop for one in own), default=0))


class PhiNumbers(Record, frozen=True, kw_only=True):
    """Holds Φ of many systems by one formalism, or one number of many surrogates or resamples of a whole layer.

    Args:
        phi: Φ of each system as the bytes of float64; NaN where no state leads to the system's state.
        signed: of IIT 4.0 signed φ_s in the same form; empty for IIT 3.0.
    """

    phi: bytes
    signed: bytes = b""


class Found(Record, frozen=True, kw_only=True):
    """Holds what came of one stretch.

    Args:
        stretch: the stretch.
        numbers: Φ of its systems, by its formalism and by those that come with it; empty where there are none. Of a whole layer
            each measure, at each of its partitions, or each number of pairs.
        whole: the measures of the whole layer, of that work.
        method: how the surrogates of a whole layer were drawn; None where there are none.
        block: how many successive pairs of a past and a present its resamples draw together; None where there are none.
        notes: what could not be made, and why.
        reason: why there are no numbers; empty where there are some.
        lost: whether the worker, and not the analysis, is why there are none.
        seconds: how long it took.
    """

    stretch: Stretch
    numbers: tuple[PhiNumbers, ...] = ()
    whole: WholeLayer | None = None
    method: NullMethod | None = None
    block: Count | None = None
    notes: tuple[str, ...] = ()
    reason: str = ""
    lost: bool = False
    seconds: Size = 0.0
