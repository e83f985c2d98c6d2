"""The types of the studio's page are those of the Python structs."""

from __future__ import annotations

from places import PROJECT

from lightning_iit.studio.schema import ROOTS
from lightning_iit.viewer.schema import text


def test_the_schema_is_that_of_the_structs() -> None:
    written = (PROJECT / "viewer" / "src" / "generated" / "studio.json").read_text(encoding="utf-8")
    assert written == text(ROOTS), (
        "python -m lightning_iit.studio.schema viewer/src/generated/studio.json && npm --prefix viewer run types"
    )
