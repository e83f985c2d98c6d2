"""Compares this package with PyPhi 2 in an environment of its own: ``python tests/pyphi2/run.py [--seed N] [--write]``.

This makes a virtual environment with Python 3.13, installs the versions of ``versions.txt`` with pip, and runs ``compare.py``
there: fresh random systems through this package's own engines and through ``engine="pyphi"``, and the times of both. The page is
printed, and with ``--write`` it goes to ``docs/pyphi2.md``. With ``--newest`` the newest versions are installed and written to
``versions.txt``. It takes about a quarter of an hour, so ``make test`` does not run it.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
import platform
import subprocess
import sys
import tempfile
from pathlib import Path

from compare import CLASSES, NOTES

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
VERSIONS = HERE / "versions.txt"
NEEDED = ("pyphi[emd]>=2.0.0rc4,<3", "filelock", "msgspec", "numba", "numpy", "pebble", "scipy")
"""PyPhi, and what this package needs to compute Φ."""


def environment(folder: Path, python: str, *, newest: bool) -> Path:
    """Makes the environment where it is not there yet; returns its python."""
    inside = folder / "bin" / "python"
    if not inside.exists():
        subprocess.run([python, "-m", "venv", str(folder)], check=True)
        needed = NEEDED if newest else ("--requirement", str(VERSIONS))
        subprocess.run([str(inside), "-m", "pip", "install", "--quiet", *needed], check=True)
    if newest:
        frozen = subprocess.run([str(inside), "-m", "pip", "freeze"], check=True, capture_output=True, text=True).stdout
        VERSIONS.write_text("".join(f"{line}\n" for line in frozen.splitlines() if "==" in line))
    return inside


def main() -> int:
    """Runs the comparison; returns 1 where a difference has no known reason, or a time misses its bound."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=0, help="of the random systems")
    parser.add_argument("--systems", type=int, default=300, help="how many random systems")
    parser.add_argument("--python", default="python3.13", help="the Python of the environment, 3.13 or later")
    parser.add_argument("--environment", type=Path, help="where the environment is kept; without it, it is removed after use")
    parser.add_argument("--newest", action="store_true", help="install the newest versions, and write versions.txt")
    parser.add_argument("--write", action="store_true", help="write docs/pyphi2.md")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="pyphi2-") as empty:
        python = environment(given.environment or Path(empty) / "environment", given.python, newest=given.newest)
        answer = Path(empty) / "answer.json"
        command = [str(python), str(HERE / "compare.py"), str(given.seed), str(given.systems), str(answer)]
        alone = {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "NUMBA_CACHE_DIR": empty}
        subprocess.run(command, cwd=empty, env=os.environ | alone, check=True)
        found = json.loads(answer.read_text())
    text = page(found, given.seed, given.systems)
    sys.stdout.write(text)
    if given.write:
        (ROOT / "docs" / "pyphi2.md").write_text(text)
    return 0 if found["good"] else 1


def page(found: dict, seed: int, systems: int) -> str:
    """Returns the page of the docs."""
    today = dt.datetime.now(tz=dt.timezone.utc).date()
    versions = found["versions"]
    where = f"PyPhi {versions['pyphi']}, Python {versions['python']}, NumPy {versions['numpy']}, numba {versions['numba']}"
    values = [
        f"| {what} | {formalism} | {counted['compared']} | {counted['equal']} | "
        + " | ".join(str(counted.get(name, 0)) for name in CLASSES)
        + " |\n"
        for what, of_formalisms in found["count"].items()
        for formalism, counted in of_formalisms.items()
    ]
    differences = [f"* {line}\n" for line in found["differences"]]
    times = [
        f"| {one['what']} | {one['n']} | {one['systems']} | {one['theirs']:.3g} | {1000 * one['ours']:.3g} | {one['ratio']:,.0f} | "
        f"{one['bound']:,} |\n"
        for one in found["times"]
    ]
    return (
        "# Against PyPhi 2\n\n"
        f"Output of `python tests/pyphi2/run.py --seed {seed} --write` of {today} ({where}, {platform.system()}, one thread; all\n"
        f"versions in `tests/pyphi2/versions.txt`). {systems} fresh random systems of 1 to 5 units were given to this package's\n"
        f'own engines and, by `engine="pyphi"`, to PyPhi 2. {found["kinds"]}.\n\n'
        "## Values\n\n"
        f"| What | Formalism | Compared | Equal | {' | '.join(CLASSES.values())} |\n"
        f"|---|---|{'---:|' * (2 + len(CLASSES))}\n{''.join(values)}\n{NOTES}\n"
        f"Differences without a known reason: {len(differences) or 'none'}.\n\n{''.join(differences)}\n"
        "## Times\n\n"
        "Processor time of one call on dense uniform random systems, all units OFF; of φ_s with all partitions, so PyPhi's early\n"
        'end is switched off (`pyphi_options={"shortcircuit_sia": False}`). Of several systems that with the smallest ratio.\n\n'
        "| What | Units | Systems | PyPhi 2, s | This package, ms | Ratio | At least |\n|---|---:|---:|---:|---:|---:|---:|\n"
        + "".join(times)
    ).replace("\n\n\n", "\n\n")


if __name__ == "__main__":
    sys.exit(main())
