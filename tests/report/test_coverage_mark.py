"""Coverage below three quarters is marked in the tables."""

from __future__ import annotations

import io

import msgspec
import pytest
from rich.console import Console
from sample_records import a_record

from lightning_iit.report.report import markdown
from lightning_iit.report.tables import epochs_table, summary_table


def printed(table) -> str:
    console = Console(file=io.StringIO(), width=200)
    console.print(table)
    return console.file.getvalue()


@pytest.mark.parametrize(("visited", "low"), [(4, False), (3, False), (2, True), (1, True)])
def test_low_coverage_is_marked(visited: int, low: bool) -> None:
    made = a_record()
    tpm = msgspec.structs.replace(made.tpm, visited=tuple(row < visited for row in range(4)), state_by_node=((0.5, 0.5),) * 4)
    made = msgspec.structs.replace(made, tpm=tpm)
    assert (f"| {visited} of 4 states, low |" in markdown([made])) is low
    assert ("Below 75 % it is marked as low" in markdown([made])) is low
    for table in (summary_table, epochs_table):
        assert (f"{visited} of 4, low" in printed(table([made]))) is low
