"""The JSON schema of the studio's messages, from which the front end's TypeScript types are generated.

``python -m lightning_iit.studio.schema viewer/src/generated/studio.json`` writes the schema to that file.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from lightning_iit.studio.catalog import Choices
from lightning_iit.studio.messages import ComparedRuns, JobList, JobText, Named, OwnRequest
from lightning_iit.studio.records import Asked
from lightning_iit.viewer.protocol import Problem
from lightning_iit.viewer.schema import text

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOTS: Sequence[type] = (Choices, JobList, JobText, ComparedRuns, Named, OwnRequest, Asked, Problem)
"""The structs that the studio's page reads or sends."""

if __name__ == "__main__":
    Path(sys.argv[1]).write_text(text(ROOTS), encoding="utf-8")
