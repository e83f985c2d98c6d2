"""HTML for notebooks: what is shown is escaped, and its colours go with a light and a dark page."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

MOST_ROWS = 40
"""The most rows of a table; of a longer one its beginning and its end are shown."""
_LINE = "1px solid rgba(128,128,128,.45)"
_CELL = "padding:2px 14px 2px 0;background:transparent;border:0;vertical-align:top;max-width:44em;"


def block(title: str, *parts: str) -> str:
    """Returns a titled block; ``parts`` are HTML already."""
    heading = f'<div style="font-weight:600;margin-bottom:4px">{escape(title)}</div>'
    return f'<div style="font-size:13px;line-height:1.45;color:inherit">{heading}{"".join(parts)}</div>'


def facts(pairs: Iterable[tuple[str, str]]) -> str:
    """Returns a table of names and texts; pairs whose text is empty are left out."""
    rows = "".join(
        f'<tr style="background:transparent"><td style="{_CELL}text-align:left;opacity:.7">{escape(name)}</td>'
        f'<td style="{_CELL}text-align:left;overflow-wrap:anywhere;white-space:pre-wrap">{escape(text)}</td></tr>'
        for name, text in pairs
        if text
    )
    return f'<table style="border-collapse:collapse;border:0;margin:0">{rows}</table>'


def table(columns: Sequence[str], rows: Sequence[Sequence[str]], *, right: Sequence[str] = ()) -> str:
    """Returns a table of texts; a long one loses its middle.

    Args:
        columns: the header of each column.
        rows: the cells of each row.
        right: the headers of the columns that are aligned to the right.
    """
    sides = ["right" if name in right else "left" for name in columns]
    head = "".join(
        f'<th style="{_CELL}border-bottom:{_LINE};font-weight:600;text-align:{side}">{escape(name)}</th>'
        for name, side in zip(columns, sides, strict=True)
    )
    lines = []
    for number in _ends(len(rows)):
        if number is None:
            left = f"{len(rows) - MOST_ROWS:,} further rows"
            lines.append(f'<td colspan="{len(columns)}" style="{_CELL}text-align:left;opacity:.7">… {left} …</td>')
        else:
            cells = zip(rows[number], sides, strict=True)
            lines.append(
                "".join(f'<td style="{_CELL}text-align:{side};overflow-wrap:anywhere">{escape(c)}</td>' for c, side in cells)
            )
    body = "".join(f'<tr style="background:transparent">{line}</tr>' for line in lines)
    return (
        f'<table style="border-collapse:collapse;border:0;margin:4px 0"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'
    )


def tpm_table(state_by_node: Sequence[Sequence[float]], visited: Sequence[bool], labels: Sequence[str]) -> str:
    """Returns a TPM as a table: a row for each state, shaded by the probability of ON; rows that were never visited are marked.

    Args:
        state_by_node: ``[2**n, n]``, the probability that each unit is ON next; rows little-endian.
        visited: ``[2**n]``, False for rows that hold the prior only.
        labels: the name of each unit.
    """
    head = "".join(f'<th style="{_CELL}font-weight:600;text-align:center">{escape(name)}</th>' for name in ("state", *labels))
    lines = []
    for index in _ends(len(state_by_node)):
        if index is None:
            left = f"{len(state_by_node) - MOST_ROWS:,} further states"
            lines.append(f'<td colspan="{len(labels) + 1}" style="{_CELL}opacity:.7">… {left} …</td>')
            continue
        bits = "".join(str(index >> unit & 1) for unit in range(len(labels)))
        seen = visited[index]
        cells = "".join(
            f'<td style="padding:1px 10px;border:0;text-align:center;background:rgba(66,133,244,{0.55 * p if seen else 0:.3f});'
            f'opacity:{1 if seen else 0.6}">{p:.3f}</td>'
            for p in state_by_node[index]
        )
        note = "" if seen else f'<td style="{_CELL}opacity:.7;padding-left:10px">never visited: prior</td>'
        lines.append(f'<td style="{_CELL}font-family:monospace;text-align:center">{bits}</td>{cells}{note}')
    body = "".join(f'<tr style="background:transparent">{line}</tr>' for line in lines)
    return (
        f'<table style="border-collapse:collapse;border:0;margin:4px 0"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'
    )


def folded(summary: str, content: str) -> str:
    """Returns HTML that opens by a click on its summary."""
    return f'<details style="margin-top:4px"><summary style="cursor:pointer">{escape(summary)}</summary>{content}</details>'


def _ends(length: int) -> list[int | None]:
    """Returns the indices of the rows that are shown; None stands for those that are not.

    Example:
        >>> _ends(3)
        [0, 1, 2]
    """
    if length <= MOST_ROWS:
        return list(range(length))
    half = MOST_ROWS // 2
    return [*range(half), None, *range(length - half, length)]
