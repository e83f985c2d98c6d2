"""Writes docs/options.md: every option of IITCallback with its default and its words, from the class itself."""

from __future__ import annotations

import inspect
from pathlib import Path

from lightning_iit import IITCallback
from lightning_iit.commands.arguments import documented_arguments
from lightning_iit.settings import Settings

HEAD = """# Options

Every option of `IITCallback`, as its docstring has it; `make docs` writes this page. Those marked * are of training only; `analyse`
takes all others. In YAML, LightningCLI takes them by the same names.

| option | default | |
|---|---|---|
"""


def page() -> str:
    """Returns the page."""
    words, shared = documented_arguments(IITCallback), inspect.signature(Settings).parameters
    rows = [
        f"| `{name}`{'' if name in shared else ' *'} | `{parameter.default!r}` | {_plain(words[name])} |"
        for name, parameter in inspect.signature(IITCallback).parameters.items()
    ]
    return HEAD + "\n".join(rows) + "\n"


def _plain(words: str) -> str:
    return words.replace("``", "`").replace(":class:`~lightning_iit.", "`").replace("|", "\\|")


if __name__ == "__main__":
    (Path(__file__).parent / "options.md").write_text(page(), encoding="utf-8")
