"""The basis of the schema: its version, the words for kinds and axes, and the base class of the structs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal, TypeAlias

import msgspec
from msgspec import Meta

from lightning_iit.records.shown.html import block, facts
from lightning_iit.records.shown.printed import brief, brief_value, told_fields

if TYPE_CHECKING:
    from collections.abc import Sequence

SCHEMA_VERSION = 2
"""The version of the schema that this package writes; older versions are read, newer ones are refused."""
Formalism: TypeAlias = Literal["iit3", "iit4-2023", "iit4-2026"]
"""A version of the theory: IIT 3.0 (Oizumi et al. 2014), IIT 4.0 (Albantakis et al. 2023), IIT 4.0 (Mayner et al. 2026)."""
FORMALISM: Formalism = "iit3"
"""The version of the theory by which Φ is computed where none is asked for."""
FORMALISM_WORDS: dict[str, str] = {"iit3": "IIT 3.0", "iit4-2023": "IIT 4.0 (2023)", "iit4-2026": "IIT 4.0 (2026)"}
"""Each formalism as it stands beside a number."""
EARLIER_NAMES: dict[str, Formalism] = {"IIT 3.0": "iit3"}
"""The names that formalisms had in records of version 0.1.0."""
STATE_ORDER = "little-endian"
"""The order of state indices: unit 0 is the least significant bit."""
NULL_NOT_COMPUTED = "null not computed"
"""The words that stand beside a Φ without a null."""
NO_NULL = "no null: units were set"
"""The words beside a Φ of units that were set: the rows of such a TPM share their errors, so no null fits."""
Kind: TypeAlias = Literal["causal", "observational", "statistical"]
"""The kind of system that a Φ is a statement about.

``causal``: units were set into each state; ``observational``: units with connections among them were watched; ``statistical``: the
units have no connections among them, so their structural Φ is 0.
"""

Axis: TypeAlias = Literal["time", "stream", "token", "patch", "depth"]
"""The axis along which a transition goes. Only ``time`` is time; ``stream`` is the order in which the data loader gave the
samples."""

# The ranges of numbers, which are checked when a record is read. Rounding may take a fraction outside by a little.

Count: TypeAlias = Annotated[int, Meta(ge=0, le=2**53)]
"""A number of things."""
FromOne: TypeAlias = Annotated[int, Meta(ge=1, le=2**53)]
"""A number of things of which there is at least one."""
Index: TypeAlias = Annotated[int, Meta(ge=0, lt=2**31)]
"""The position of a unit, node or layer."""
Bit: TypeAlias = Annotated[int, Meta(ge=0, le=1)]
"""0 or 1."""
Bits: TypeAlias = Annotated[int, Meta(ge=1, le=2)]
"""A number of binary elements that code a unit."""
Step: TypeAlias = Annotated[int, Meta(ge=-(2**53), le=2**53)]
"""A global step; one of a model that is not in training may be below 0, as the epoch -1 is."""
Epoch: TypeAlias = Annotated[int, Meta(ge=-1, lt=10**9)]
"""An epoch; -1 is the untrained network."""
Key: TypeAlias = tuple[str, int] | tuple[str, int, int]
"""What identifies a record within a run: layer and epoch, and of a record within an epoch the global step too."""
Share: TypeAlias = Annotated[float, Meta(ge=-1e-6, le=1 + 1e-6)]
"""A probability, or a share."""
PhiValue: TypeAlias = Annotated[float, Meta(ge=-1e-6)]
"""A value of Φ or of small φ."""
Size: TypeAlias = Annotated[float, Meta(ge=0)]
"""A magnitude."""
Seconds: TypeAlias = Annotated[float, Meta(ge=0)]
"""A duration in seconds."""
WallTime: TypeAlias = Annotated[float, Meta(ge=0, lt=253_402_300_800)]
"""Seconds since 1970, up to the end of the year 9999."""

State: TypeAlias = tuple[Bit, ...]
"""The state of n units as a tuple of 0 and 1, unit 0 first."""


def symbol(formalism: str) -> str:
    """Returns the symbol of the number that a formalism gives of a system.

    Example:
        >>> symbol("iit3"), symbol("iit4-2026")
        ('Φ', 'φ_s')
    """
    return "Φ" if formalism == FORMALISM else "φ_s"


def metric_names(formalisms: Sequence[str]) -> dict[str, str]:
    """Returns the name that each formalism's number has in keys of metrics; that of a second IIT 4.0 has its year.

    Example:
        >>> metric_names(["iit3", "iit4-2026"])
        {'iit3': 'phi', 'iit4-2026': 'phi_s'}
        >>> metric_names(["iit4-2023", "iit4-2026"])
        {'iit4-2023': 'phi_s', 'iit4-2026': 'phi_s_2026'}
    """
    found: dict[str, str] = {}
    for one in formalisms:
        name = "phi" if one == FORMALISM else "phi_s"
        found[one] = f"{name}_{one.rpartition('-')[2]}" if name in found.values() else name
    return found


class Record(msgspec.Struct, frozen=True):
    """Is the base of the frozen structs; readers ignore unknown fields, which newer versions may have written."""

    def __repr__(self) -> str:
        """Returns the fields that are not at their defaults in a few lines, whatever they hold."""
        return brief(self)

    def _repr_html_(self) -> str:
        """Returns the fields that are not at their defaults as a table, for a notebook."""
        shown = ((name, value if isinstance(value, str) else brief_value(value)) for name, value in told_fields(self))
        return block(type(self).__name__, facts(shown))


class EngineInfo(Record, frozen=True, kw_only=True):
    """Holds the name and version of the engine that computed a result.

    Args:
        name: the engine's name, such as "fast" or "pyphi".
        version: the version of the code that computed.
    """

    name: str
    version: str
