"""What every part of the schema has: its version, the words for kinds and axes, and the base of the structs."""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec

SCHEMA_VERSION = 1
FORMALISM = "IIT 3.0"
STATE_ORDER = "little-endian"
NULL_NOT_COMPUTED = "null not computed"
Kind: TypeAlias = Literal["causal", "observational", "statistical"]
"""What a Φ is a statement about: ``causal`` (units were set into each state), ``observational`` (units that have
connections among them were watched), ``statistical`` (the units have no connections among them: their structural Φ is 0)."""

Axis: TypeAlias = Literal["time", "stream", "token", "patch", "depth"]
"""Along what a transition goes. Only ``time`` is time; ``stream`` is the order in which the data loader gave the samples."""

State: TypeAlias = tuple[int, ...]


class Record(msgspec.Struct, frozen=True):
    """Base of the frozen structs; unknown fields of newer writers are ignored by readers."""
