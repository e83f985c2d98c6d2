"""Trains with other libraries, each in an environment of its own, with and without ``IITCallback()``: ``python run.py [NAME ...]``.

For each library this makes a virtual environment, installs this package and the library with pip, trains the same model twice in
processes of their own (without the callback, and with ``IITCallback()`` added and nothing else), and compares the losses and
the weights to the bit. The table is printed, and with ``--write`` it goes to ``docs/ecosystem.md``, and the versions of all
packages to ``tests/ecosystem/versions/``. It takes half an hour and several gigabytes, so ``make test`` does not run it.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import platform
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
LIBRARIES = {
    "darts": ("darts[torch]", "darts", "GRU"),
    "neuralforecast": ("neuralforecast", "neuralforecast", "NHITS"),
    "pytorch_forecasting": ("pytorch-forecasting", "pytorch-forecasting", "DeepAR"),
    "chemprop": ("chemprop", "chemprop", "message passing network, a sampler that shuffles in place"),
    "hugging_face": ("transformers", "transformers", "BERT from a configuration, random weights"),
    "gan": ("", "lightning", "GAN, manual optimization"),
}
"""What pip installs beside this package, the package whose version is told, and what is trained, by the name of the file."""


def environment(name: str, folder: Path) -> Path:
    """Makes the environment of a library where it is not there yet; returns its python."""
    python = folder / name / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", str(folder / name)], check=True)
    needed = [str(ROOT), *([LIBRARIES[name][0]] if LIBRARIES[name][0] else [])]
    subprocess.run([str(python), "-m", "pip", "install", "--quiet", *needed], check=True)
    return python


def trained(python: Path, name: str, callback: str) -> dict[str, object]:
    """Trains once, in a new process and an empty directory; returns what ``train.py`` prints."""
    with tempfile.TemporaryDirectory() as empty:
        command = [str(python), str(HERE / "train.py"), name, callback]
        done = subprocess.run(command, cwd=empty, capture_output=True, text=True, check=False)
    lines = done.stdout.strip().splitlines()
    try:
        return dict(json.loads(lines[-1]))
    except (IndexError, ValueError):
        return {"error": (done.stderr.strip().splitlines() or [f"exit status {done.returncode}"])[-1]}


def row(name: str, version: str, without: dict[str, object], with_it: dict[str, object]) -> str:
    """Returns a line of the table."""
    _, package, what = LIBRARIES[name]
    if "error" in without or "error" in with_it:
        return f"| {package} {version} ({what}) | {without.get('error') or with_it.get('error')} | | | |"
    same = all(without[key] == with_it[key] for key in ("loss", "weights"))
    records = with_it["records"]
    layers = ", ".join(f"`{layer}`" for layer in dict.fromkeys(record["layer"] for record in records))
    first = [record for record in records if record["epoch"] == -1]
    untrained = "; ".join(record["outcome"] for record in first) or "no record"
    last = [record for record in records if record["epoch"] == max(record["epoch"] for record in records)]
    return (
        f"| {package} {version} ({what}) | {float.fromhex(without['loss']):.6f} | {'yes' if same else '**no**'} | {layers} | "
        f"{untrained} | {'; '.join(record['outcome'] for record in last)} |"
    )


def main() -> int:
    """Runs the libraries that the command line names; returns 1 where one of them does not train the same to the bit."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(LIBRARIES)}; all without a name")
    parser.add_argument("--environments", type=Path, help="where the environments are kept; without it they are removed after use")
    parser.add_argument("--write", action="store_true", help="write docs/ecosystem.md and the versions")
    given = parser.parse_args()
    rows, good = [], True
    for name in given.names or LIBRARIES:
        kept = given.environments or Path(tempfile.mkdtemp(prefix="ecosystem-"))
        python = environment(name, kept)
        frozen = subprocess.run([str(python), "-m", "pip", "freeze"], check=True, capture_output=True, text=True).stdout
        frozen = "".join(f"{line}\n" for line in frozen.splitlines() if "==" in line)
        package = LIBRARIES[name][1]
        version = next((line.split("==")[1] for line in frozen.splitlines() if line.lower().startswith(f"{package}==")), "")
        rows.append(row(name, version, trained(python, name, "off"), trained(python, name, "on")))
        good &= "| yes |" in rows[-1]
        sys.stdout.write(rows[-1] + "\n")
        sys.stdout.flush()
        if given.environments is None:
            shutil.rmtree(kept)
        if given.write:
            (HERE / "versions").mkdir(exist_ok=True)
            (HERE / "versions" / f"{name}.txt").write_text(frozen)
    if given.write:
        (ROOT / "docs" / "ecosystem.md").write_text(page(rows))
    return 0 if good else 1


def page(rows: list[str]) -> str:
    """Returns the page of the docs."""
    today = dt.datetime.now(tz=dt.timezone.utc).date()
    where = f"Python {platform.python_version()}, {platform.system()}, no accelerator"
    return (
        "# With other libraries\n\n"
        f"Output of `python tests/ecosystem/run.py --write` of {today} ({where}). Each library was installed with pip in an\n"
        "environment of its own (versions in `tests/ecosystem/versions/`) and trained twice: as it is, and with `IITCallback()`\n"
        'added and nothing else. "Same" compares the last loss and all weights to the bit.\n\n'
        "| Library | Last loss | Same | Layer that is picked | Untrained network (epoch -1) | Last epoch |\n"
        "|---|---|---|---|---|---|\n" + "\n".join(rows) + "\n"
    )


if __name__ == "__main__":
    sys.exit(main())
