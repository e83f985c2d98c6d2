"""The front end's types are those of the Python structs. Its own tests are Vitest's, in viewer/test."""

from __future__ import annotations

import re

from places import PROJECT

from lightning_iit.viewer.schema import schema, text

VIEWER = PROJECT / "viewer"


def test_the_schema_is_that_of_the_structs() -> None:
    written = (VIEWER / "src" / "generated" / "schema.json").read_text(encoding="utf-8")
    assert written == text(), (
        "python -m lightning_iit.viewer.schema viewer/src/generated/schema.json && npm --prefix viewer run types"
    )


def test_every_field_of_a_struct_is_required() -> None:
    record = schema()["$defs"]["EpochRecord"]
    assert set(record["required"]) == set(record["properties"])
    assert not record["additionalProperties"]


def test_the_lock_file_names_no_registry() -> None:
    lock = (VIEWER / "package-lock.json").read_text(encoding="utf-8")
    assert '"resolved"' not in lock
    assert not re.search(r'"https?://[^"]*\.tgz"', lock)
