"""The examples in the package's docstrings give what they say."""

from __future__ import annotations

import doctest
import importlib
import inspect
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


class Finder(doctest.DocTestFinder):
    """Finds the examples of decorated functions too."""

    def _from_module(self, module, found):
        return super()._from_module(module, inspect.unwrap(found))


@pytest.mark.parametrize("name", WITH_EXAMPLES)
def test_examples_of_a_module(name, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
    for test in Finder().find(importlib.import_module(name), name):
        runner.run(test)
    assert runner.failures == 0, capsys.readouterr().out
    assert runner.tries == _examples(FILES[name]), "each example is found and runs"
