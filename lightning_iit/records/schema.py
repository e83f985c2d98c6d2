"""The basis of the schema: its version, the words for kinds and axes, and the base class of the structs."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

import msgspec
from msgspec import Meta

from lightning_iit.records.shown.html import block, facts
from lightning_iit.records.shown.printed import brief, brief_value, told_fields

SCHEMA_VERSION = 1
"""The version of the schema that this package writes; older versions are read, newer ones are refused."""
FORMALISM = "IIT 3.0"
"""The version of the theory by which Φ is computed."""
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


class Record(msgspec.Struct, frozen=True):
    """Is the base of the frozen structs; readers ignore unknown fields, which newer versions may have written."""

    def __repr__(self) -> str:
        """Returns the fields that are not at their defaults in a few lines, whatever they hold."""
        return brief(self)

    def _repr_html_(self) -> str:
        """Returns the fields that are not at their defaults as a table, for a notebook."""
        shown = ((name, value if isinstance(value, str) else brief_value(value)) for name, value in told_fields(self))
        return block(type(self).__name__, facts(shown))
