"""Trains with Ray and with submitit as executor, each on this machine: ``python tests/cluster/run.py [--write]``.

Neither is among the packages that the tests install. They are put into a folder of their own beside the environment that runs this
(the versions of ``versions.txt``; with ``--newest`` the newest, which are then written there), and ``compare.py`` runs with that
folder first on its path. What came of it is printed, and with ``--write`` it goes to ``output.txt``. It takes a few minutes, so
``make test`` does not run it.
"""

from __future__ import annotations

import argparse
import datetime as dt
import os
import platform
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
VERSIONS = HERE / "versions.txt"
OUTPUT = HERE / "output.txt"
NEEDED = ("ray", "submitit")


def install(folder: Path, *, newest: bool) -> None:
    """Installs both packages, and what they need, into the folder."""
    needed = NEEDED if newest else ("--requirement", str(VERSIONS))
    subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", "--target", str(folder), *needed], check=True)
    if newest:
        command = [sys.executable, "-m", "pip", "list", "--path", str(folder), "--format", "freeze"]
        VERSIONS.write_text(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def main() -> int:
    """Runs the comparison; returns 1 where something differs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--packages", type=Path, help="where the packages are kept; without it, they are removed after use")
    parser.add_argument("--newest", action="store_true", help="install the newest versions, and write versions.txt")
    parser.add_argument("--write", action="store_true", help="write output.txt")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="iit-") as empty:
        packages = given.packages or Path(empty) / "packages"
        if not packages.exists():
            install(packages, newest=given.newest)
        path = os.pathsep.join(map(str, (packages, ROOT, ROOT / "tests" / "support", ROOT / "examples")))
        alone = {"PYTHONPATH": path, "OMP_NUM_THREADS": "1", "RAY_USAGE_STATS_ENABLED": "0"}
        command = [sys.executable, str(HERE / "compare.py"), empty]
        done = subprocess.run(command, cwd=empty, env=os.environ | alone, check=False)
        found = Path(empty, "found.txt").read_text()
    today = f"{dt.datetime.now(dt.timezone.utc):%Y-%m-%d}"
    text = f"{today}, {platform.system()}, Python {platform.python_version()}, {os.cpu_count()} cores\n\n{found}"
    print(text)
    if given.write:
        OUTPUT.write_text(text)
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
