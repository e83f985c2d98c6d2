"""The JSON schema of records, snapshots and messages, from which the front end's types are generated.

``python -m lightning_iit.viewer.schema viewer/src/generated/schema.json`` writes it.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import msgspec

from lightning_iit.records import EpochRecord, NetworkSnapshot
from lightning_iit.viewer.protocol import ComputeRequest, InlineData, Problem, RunIndex, RunList, ScalarList

ROOTS = (EpochRecord, NetworkSnapshot, RunList, RunIndex, ScalarList, Problem, ComputeRequest, InlineData)


def schema() -> dict[str, Any]:
    """One JSON schema whose definitions are all structs."""
    _, components = msgspec.json.schema_components(ROOTS, ref_template="#/$defs/{name}")
    return {
        "title": "Everything",
        "type": "object",
        "additionalProperties": False,
        "properties": {root.__name__: {"$ref": f"#/$defs/{root.__name__}"} for root in ROOTS},
        "$defs": {name: _closed(part) for name, part in components.items()},
    }


def _closed(part: Any) -> Any:
    """Objects without the open door for further properties: a writer of this version writes none.

    Fields that have a default are always written too, so they are required here. Descriptions stay in Python.
    """
    if isinstance(part, dict):
        closed = {
            key: _closed(value) for key, value in part.items() if key not in ("default", "description") or isinstance(value, dict)
        }
        if closed.get("type") == "object" and "properties" in closed:
            closed["additionalProperties"] = False
            closed["required"] = sorted(closed["properties"])
        return closed
    return [_closed(value) for value in part] if isinstance(part, list) else part


def text() -> str:
    """The schema as it stands in the file."""
    return json.dumps(schema(), indent=1, sort_keys=True, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(text(), encoding="utf-8")
