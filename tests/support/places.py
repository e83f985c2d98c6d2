"""Where the project and the files of its tests are."""

from __future__ import annotations

from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
SUPPORT = PROJECT / "tests" / "support"
DATA = PROJECT / "tests" / "data"
EXAMPLES = PROJECT / "examples"
