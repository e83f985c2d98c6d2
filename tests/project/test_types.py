"""Code of users passes pyright in strict mode: the README's, that of the public names' docstrings, and uses of the options."""

from __future__ import annotations

import ast
import builtins
import doctest
import inspect
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from places import PROJECT

import lightning_iit

OF_DOCTESTS = "reportUnusedExpression"
"""The one rule that is not asked: a line of a docstring's example shows its value."""

OF_LIGHTNING = 'Type of "load_from_checkpoint" is partially unknown'
"""The one error that is left out: a method of lightning's that has arguments without a type."""

_LOADER = "import torch\nfrom torch.utils.data import DataLoader, TensorDataset\n{} = DataLoader(TensorDataset(torch.zeros(8, 3)))"
BROUGHT = {
    "Path": "from pathlib import Path",
    "Trainer": "from lightning.pytorch import Trainer",
    "Model": "from lightning.pytorch import LightningModule\nclass Model(LightningModule): ...",
    "model": "from lightning.pytorch import LightningModule\nmodel = LightningModule()",
    "loader": _LOADER.format("loader"),
    "train_loader": _LOADER.format("train_loader"),
    "val_loader": _LOADER.format("val_loader"),
    "checkpoints": "checkpoints = ['epoch=0.ckpt']",
    "states": "states = [[0, 1, 1], [1, 0, 0]]",
}
"""What a user has before an example begins, by the name that the example uses."""

OPTIONS = """
from typing import assert_type

import numpy as np
import torch
from torch import nn

from lightning_iit import (
    Complexes, Computed, EpochRecord, Failed, IITCallback, Open, Records, Skipped, Structure, System, SystemPhi, TimedOut, Tpm,
    analyse, analyse_states, compute_phi, compute_structure, estimate_tpm, major_complex,
)

# What is allowed.
network = nn.Sequential(nn.Linear(3, 4), nn.Tanh())
batches = [torch.zeros(8, 3)]
IITCallback()
IITCallback("gru", units=4)
IITCallback(["gru", network], units=[0, 2], threshold=0.5, transitions="depth", states=3, when_busy="wait", probe=batches)
IITCallback(units="auto", threshold="mean", null_model=None, timeout=None, pyphi_options={"MEASURE": "L1"})
tpm = estimate_tpm(np.zeros((9, 2), dtype=int))
for given in (tpm, tpm.state_by_node, np.zeros((4, 2)), [[0.0, 0.0]] * 4, torch.zeros(4, 2).numpy()):
    System(tpm=given, state=(0, 1), cm=np.ones((2, 2), dtype=int), labels=["a", "b"])
System(tpm=tpm, state=np.zeros(2, dtype=int), cm=[[1, 1], [1, 1]])

# What comes of it.
assert_type(tpm, Tpm)
assert_type(IITCallback().records, Records)
assert_type(analyse(network, batches, units=[0, 1], workers=0), Records)
assert_type(analyse_states(np.zeros((9, 2)), state=(0, 1), threshold=[0.5, 0.5]), EpochRecord)
assert_type(analyse_states([[0, 1], [1, 0]]).phi, float | None)
result = compute_phi(System(tpm=tpm, state=(0, 1)), nodes=[0, 1])
assert_type(result, Computed | TimedOut | Failed | Skipped | Open)
assert_type(result.phi, float | None)
assert_type(compute_phi(System(tpm=tpm, state=(0, 1)), formalism="iit3"), Computed | TimedOut | Failed | Skipped | Open)
system_phi = compute_phi(System(tpm=tpm, state=(0, 1)), formalism="iit4-2023", nodes=[0])
assert_type(system_phi, SystemPhi | Skipped | TimedOut | Failed)
assert_type(system_phi.phi, float | None)
assert_type(major_complex(System(tpm=tpm, state=(0, 1)), formalism="iit4-2023"), Complexes | Skipped | TimedOut | Failed)
assert_type(compute_structure(System(tpm=tpm, state=(0, 1)), formalism="iit4-2026"), Structure | Skipped)
assert_type(major_complex(System(tpm=tpm, state=(0, 1))).result.phi, float | None)
if isinstance(result, Computed):
    assert_type(result.phi, float)
else:
    assert_type(result.phi, None)
    assert_type(result.reason, str)
for record in IITCallback().records:
    assert_type(record, EpochRecord)
    assert_type(record.phi, float | None)
    assert_type(record.null_words, str)

# What is refused: a comment that refuses nothing is an error itself.
IITCallback(when_busy="never")  # pyright: ignore[reportArgumentType]
IITCallback(units="many")  # pyright: ignore[reportArgumentType]
IITCallback(transitions="space", tpm="watch")  # pyright: ignore[reportArgumentType]
IITCallback(layer="gru")  # pyright: ignore[reportCallIssue]
analyse(network, batches, null_model="coins")  # pyright: ignore[reportArgumentType]
analyse(network, batches, unit=3)  # pyright: ignore[reportCallIssue]
analyse("x.ckpt", batches)  # pyright: ignore[reportArgumentType]
analyse_states([[0, 1]], kind="causal")  # pyright: ignore[reportArgumentType]
compute_phi(tpm, cuts="two")  # pyright: ignore[reportArgumentType]
compute_phi(System(tpm=tpm, state=(0, 1)), formalism="iit4-2023", cuts="one")  # pyright: ignore[reportArgumentType]
System(state=(0, 1))  # pyright: ignore[reportCallIssue]
"""


def _readme() -> dict[str, str]:
    found = re.findall(r"^```python\n(.*?)^```", (PROJECT / "README.md").read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    return {f"readme_{number}": _completed(code) for number, code in enumerate(found)}


def _docstrings() -> dict[str, str]:
    """The examples in the docstrings of the public names, with an import of that name."""
    found: dict[str, str] = {}
    for name in lightning_iit.__all__:
        text = inspect.getdoc(getattr(lightning_iit, name)) or ""
        code = "".join(example.source for example in doctest.DocTestParser().get_examples(text))
        if block := re.search(r"^Example::\n\n((?:    .*\n?|\n)+)", text, re.MULTILINE):
            code += inspect.cleandoc(f"\n{block[1]}") + "\n"
        if code:
            found[f"docstring_{name}"] = _completed(code, own=name)
    return found


def _completed(code: str, own: str = "") -> str:
    """The code after what it uses and does not bring."""
    nodes = list(ast.walk(ast.parse(code)))
    names = [node for node in nodes if isinstance(node, ast.Name)]
    bound = {node.id for node in names if isinstance(node.ctx, ast.Store)} | set(dir(builtins))
    bound |= {node.arg for node in nodes if isinstance(node, ast.arg)}
    bound |= {node.asname or node.name for node in nodes if isinstance(node, ast.alias)}
    bound |= {node.name for node in nodes if isinstance(node, (ast.ClassDef, ast.FunctionDef))}
    used = dict.fromkeys(node.id for node in names if node.id not in bound)
    brought = [f"from lightning_iit import {name}" if name == own else BROUGHT[name] for name in used]
    return "\n".join([*brought, code])


@pytest.fixture(scope="module")
def faults(tmp_path_factory) -> dict[str, list[str]]:
    """What pyright says of each piece of code, by name."""
    folder = tmp_path_factory.mktemp("user")
    for name, code in CODE.items():
        (folder / f"{name}.py").write_text(code, encoding="utf-8")
    settings = {
        "typeCheckingMode": "strict",
        "pythonVersion": "3.11",  # has assert_type
        "extraPaths": [str(PROJECT)],
        "reportUnnecessaryTypeIgnoreComment": "error",
        OF_DOCTESTS: "none",
    }
    (folder / "pyrightconfig.json").write_text(json.dumps(settings))
    found = subprocess.run(
        [sys.executable, "-m", "pyright", "--outputjson", "--pythonpath", sys.executable, "-p", folder],
        env=os.environ | {"PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])},
        check=False,  # errors of the code are in what it prints
        capture_output=True,
        text=True,
    )
    report = json.loads(found.stdout)
    assert report["summary"]["filesAnalyzed"] == len(CODE), found.stderr
    said: dict[str, list[str]] = {name: [] for name in CODE}
    for one in report["generalDiagnostics"]:
        name, line = Path(one["file"]).stem, one["range"]["start"]["line"]
        if not one["message"].startswith(OF_LIGHTNING):
            said[name].append(f"{CODE[name].splitlines()[line]}: {one['message']} ({one.get('rule')})")
    return said


CODE = _readme() | _docstrings() | {"options": OPTIONS}


@pytest.mark.parametrize("name", CODE)
def test_code_passes_strict_pyright(name, faults):
    assert faults[name] == []


def test_all_code_is_there():
    assert len([name for name in CODE if name.startswith("readme_")]) >= 3
    public = {
        f"docstring_{name}" for name in ("IITCallback", "analyse", "analyse_states", "compute_phi", "estimate_tpm", "load_run")
    }
    assert public <= CODE.keys()
