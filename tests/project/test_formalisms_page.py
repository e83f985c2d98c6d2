"""The page on IIT 3.0 and 4.0: its code gives what it says, and so do its tables."""

from __future__ import annotations

import doctest
import re

from places import PROJECT

from lightning_iit.phi.registry import get_engine

PAGE = PROJECT / "docs" / "formalisms.md"


def test_every_example_of_the_page_gives_what_it_says(monkeypatch, capsys):
    monkeypatch.chdir(PROJECT)
    done = doctest.testfile(str(PAGE), module_relative=False, encoding="utf-8")
    assert done.failed == 0, capsys.readouterr().out
    assert done.attempted == PAGE.read_text().count("\n>>> ") > 30


def test_the_values_of_the_table_are_those_of_the_examples():
    page = PAGE.read_text()
    (table,) = re.findall(r"\| published \| here \|\n.*?\n\n", page, re.DOTALL)
    values = re.findall(r"\| ([\d.]*) ?\| ([\d.]+) \|$", table, re.MULTILINE)
    printed = re.findall(r"^[\d. ]+$", page, re.MULTILINE)
    assert len(values) == 6
    for published, here in values:
        assert any(here in line.split() for line in printed)
        assert not published or abs(float(published) - float(here)) < 0.01


def test_the_costs_are_those_that_the_engine_expects():
    rows = re.findall(r"^\| (\d+) \| .*? \| ([\d.]+) (ms|s) \| ", PAGE.read_text(), re.MULTILINE)
    assert [int(units) for units, *_ in rows] == [4, 6, 8, 10]
    for units, number, unit in rows:
        said = float(number) * (1e-3 if unit == "ms" else 1)
        assert 0.2 < said / get_engine("fast", "iit4-2023").seconds(int(units)) < 5
