"""The examples in the package's docstrings give what they say."""

from __future__ import annotations

import doctest
import importlib
import re
from pathlib import Path

import pytest
from places import PROJECT

LEFT_OUT = {"lightning_iit.phi.pool._server"}
"""Modules whose import has effects on the process."""


def _module(file: Path) -> str:
    return ".".join(file.relative_to(PROJECT).with_suffix("").parts).removesuffix(".__init__")


def _examples(file: Path) -> int:
    return len(re.findall(r"^ *>>> ", file.read_text(encoding="utf-8"), re.MULTILINE))


FILES = {_module(file): file for file in sorted((PROJECT / "lightning_iit").rglob("*.py"))}
WITH_EXAMPLES = [name for name, file in FILES.items() if name not in LEFT_OUT and _examples(file)]


def test_the_modules_left_out_have_no_examples():
    assert {name: _examples(FILES[name]) for name in LEFT_OUT} == dict.fromkeys(LEFT_OUT, 0)


@pytest.mark.parametrize("name", WITH_EXAMPLES)
def test_examples_of_a_module(name, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    found = doctest.testmod(importlib.import_module(name), optionflags=doctest.ELLIPSIS)
    assert found.failed == 0, capsys.readouterr().out
    assert found.attempted == _examples(FILES[name]), "each example is found and runs"
