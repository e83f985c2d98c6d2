"""The parts of a Markdown text that hold whatever a layer's name or a reason may be."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Builds a Markdown table."""
    lines = [columns, ["---"] * len(columns), *([text(cell) for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def bullets(lines: Iterable[str]) -> str:
    """Builds a Markdown list with one item for each line."""
    return "\n".join(f"- {line}" for line in lines)


def text(value: str) -> str:
    """Makes text safe for a Markdown table: on one line, with ``|`` and ``<`` escaped, but in "<=" and "< 1"."""
    return re.sub(r"(\||<(?![= ]))", r"\\\1", " ".join(value.split()))


def code(name: str) -> str:
    """Formats a layer's name as Markdown code; backticks in the name are replaced, and an empty name reads "(the whole model)"."""
    return f"`{' '.join(name.split()).replace('`', 'ʼ') or '(the whole model)'}`"
