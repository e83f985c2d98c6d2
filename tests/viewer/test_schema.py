"""The front end's types are those of the Python structs, and its own tests pass."""

from __future__ import annotations

import re
import shutil
import subprocess

import pytest
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


@pytest.mark.parametrize("script", ["check", "test"])
def test_the_front_end_passes_its_own_checks(script: str) -> None:
    """Types by the compiler, and the pure modules by Vitest (the types' sync with the schema among its tests)."""
    npm = shutil.which("npm")
    assert npm, "The front end's tests need node and npm on the PATH."
    if not (VIEWER / "node_modules").is_dir():
        subprocess.run([npm, "ci", "--ignore-scripts"], cwd=VIEWER, check=True, capture_output=True)
    done = subprocess.run([npm, "run", script], cwd=VIEWER, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
