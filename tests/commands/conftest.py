"""What the tests of the command line have in common."""

from __future__ import annotations

import pytest

from lightning_iit.cli import main


@pytest.fixture
def run_cli(request, capsys, tmp_path, monkeypatch):
    """Runs a command in a folder of its own, ``COLUMNS`` of the module wide; its exit status, output and error output."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", request.module.COLUMNS)

    def call(*arguments):
        try:
            status = main([str(argument) for argument in arguments])
        except SystemExit as stop:
            status = stop.code
        output = capsys.readouterr()
        assert "Traceback" not in output.out + output.err
        return status, output.out, output.err

    return call
