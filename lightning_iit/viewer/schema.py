"""The JSON schema of records, snapshots and messages, from which the front end's TypeScript types are generated.

``python -m lightning_iit.viewer.schema viewer/src/generated/schema.json`` writes the schema to that file.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from lightning_iit.records import EpochRecord, NetworkSnapshot
from lightning_iit.records.results import Partitions
from lightning_iit.viewer.live.messages import CommandRequest, LiveStep, Told, TrainingState
from lightning_iit.viewer.protocol import AnswerList, ComputeRequest, InlineData, Problem, RunIndex, RunList, ScalarList

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOTS: Sequence[type] = (
    EpochRecord,
    NetworkSnapshot,
    RunList,
    RunIndex,
    ScalarList,
    AnswerList,
    Problem,
    ComputeRequest,
    Partitions,
    InlineData,
    TrainingState,
    Told,
    LiveStep,
    CommandRequest,
)
"""The structs that the front end reads or sends."""


_NOT_TYPES = ("default", "description", "minimum", "exclusiveMinimum", "maximum", "exclusiveMaximum")
"""Keys of a schema that say nothing of types."""


def schema(roots: Sequence[type] = ROOTS) -> dict[str, Any]:
    """Returns one JSON schema that defines all structs of ``roots`` and the structs inside them."""
    _, components = msgspec.json.schema_components(roots, ref_template="#/$defs/{name}")
    return {
        "title": "Everything",
        "type": "object",
        "additionalProperties": False,
        "properties": {root.__name__: {"$ref": f"#/$defs/{root.__name__}"} for root in roots},
        "$defs": {name: _closed(part) for name, part in components.items()},
    }


def _closed(part: Any) -> Any:
    """Returns a part of the schema in which objects have exactly the listed properties, all of them required.

    A writer of this version writes no other properties, and writes fields with a default too. Descriptions are left out.
    """
    if isinstance(part, dict):
        closed = {key: _closed(value) for key, value in part.items() if key not in _NOT_TYPES or isinstance(value, dict)}
        if closed.get("type") == "object" and "properties" in closed:
            closed["additionalProperties"] = False
            closed["required"] = sorted(closed["properties"])
        return closed
    return [_closed(value) for value in part] if isinstance(part, list) else part


def text(roots: Sequence[type] = ROOTS) -> str:
    """Returns the schema as the text of its file: sorted, indented JSON."""
    return json.dumps(schema(roots), indent=1, sort_keys=True, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(text(), encoding="utf-8")
