"""Tables that fit into a terminal: no number is clipped, and long names are shortened in the middle."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.box import SIMPLE
from rich.cells import cell_len
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence

    from rich.console import Console, ConsoleOptions, RenderableType

_NAME = 12
"""The width that a shortened name keeps, in characters."""
_HEADS = (0.5, 0.6, 0.4, 0.75, 0.25, 0.9, 0.1)
"""The shares of a shortened name that may stand before its ellipsis; the first one that keeps names apart is taken."""
_WORD = 24
"""The longest word that is never broken; no number is that long."""
_GAP = 2
"""Spaces between two columns."""
_WRAPPED: Any = {"no_wrap": False, "overflow": "fold"}
"""Keywords for text that wraps also where the console leaves wrapping to the terminal."""


class FittedTable:
    """Renders rows of text with rich, at whatever width the terminal has.

    Where the natural widths are too large, the widest columns give way: text wraps between words, and names are shortened in the
    middle; before that, droppable columns are left out. Where the longest words have no room side by side, each row becomes a list
    with a line for each column.

    Args:
        columns: the header of each column.
        rows: the cells of each row, as many as there are columns. Cells are plain text: no markup is read.
        names: the headers of columns that hold names, which are shortened so that different names stay different.
        right: the headers of columns of numbers, which are aligned to the right and never wrapped.
        droppable: the headers of columns that are left out, the first one first, where the terminal is too narrow for all.
        title: a line above the table.
        caption: a line below the table.
    """

    def __init__(
        self,
        columns: Sequence[str],
        rows: Iterable[Sequence[str]],
        *,
        names: Collection[str] = (),
        right: Collection[str] = (),
        droppable: Sequence[str] = (),
        title: str = "",
        caption: str = "",
    ) -> None:
        self._columns = list(columns)
        self._rows = [[one_line(cell) for cell in row] for row in rows]
        self._names = names
        self._right = right
        self._droppable = droppable
        self._title = title
        self._caption = caption

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterable[RenderableType]:
        """Yields title, table and caption for a terminal of this width."""
        if self._title:
            yield Text(self._title, style="italic", **_WRAPPED)
        columns = list(range(len(self._columns)))
        dropped = []
        for name in self._droppable:
            if self._room(columns, options.max_width) >= sum(self._widest(index, cell_len) for index in columns):
                break
            dropped.append(name)
            columns.remove(self._columns.index(name))
        widths = self._widths(columns, options.max_width)
        yield self._list(options.max_width) if widths is None else self._table(columns, widths)
        if self._caption:
            yield Text(self._caption, style="dim italic", **_WRAPPED)
        if dropped and widths is not None:
            yield Text(f"A wider terminal also shows: {', '.join(dropped[::-1])}.", style="dim italic", **_WRAPPED)

    def _widths(self, columns: Sequence[int], room: int) -> list[int] | None:
        """Returns the width of each column so that all fit into ``room`` side by side; None where the longest words do not."""
        room = self._room(columns, room)
        widths = [self._widest(index, cell_len) for index in columns]
        least = [self._least(index) for index in columns]
        if sum(least) > room:
            return None
        while sum(widths) > room:
            slack = [index for index, width in enumerate(widths) if width > least[index]]
            widths[max(slack, key=widths.__getitem__)] -= 1
        return widths

    def _room(self, columns: Sequence[int], width: int) -> int:
        """Returns the width that is left for the cells of a row."""
        return width - _GAP * (len(columns) - 1)

    def _least(self, index: int) -> int:
        """Returns the smallest width of a column: of distinct short names, of whole numbers, or of the longest word."""
        cells, header = [row[index] for row in self._rows], _longest_word(self._columns[index])
        if self._columns[index] in self._names:
            longest = self._widest(index, cell_len)
            return next((width for width in range(_NAME, longest) if _distinct(cells, width)), longest)
        if self._columns[index] in self._right:
            return max([header, *map(cell_len, cells)])
        return min(self._widest(index, _longest_word), _WORD)

    def _widest(self, index: int, measure: Callable[[str], int]) -> int:
        """Returns the largest measure of the header and the cells of a column."""
        return max(map(measure, [self._columns[index], *(row[index] for row in self._rows)]))

    def _table(self, columns: Sequence[int], widths: Sequence[int]) -> Table:
        """Builds the table of some of the columns, with these widths."""
        table = Table(box=SIMPLE, show_edge=False, pad_edge=False, padding=(0, _GAP - 1, 0, 0))
        for index, width in zip(columns, widths, strict=True):
            name = self._columns[index]
            table.add_column(Text(name), justify="right" if name in self._right else "left", width=width, overflow="fold")
        shown = [self._shown(index, width) for index, width in zip(columns, widths, strict=True)]
        for cells in zip(*shown, strict=True):
            table.add_row(*map(Text, cells))
        return table

    def _list(self, width: int) -> Table:
        """Builds a list in which every cell has a line of its own."""
        header = max(map(cell_len, self._columns))
        room = max(1, width - header - _GAP)
        table = Table.grid(padding=(0, _GAP, 0, 0), pad_edge=False)
        table.add_column(width=header, no_wrap=True)
        table.add_column(width=room, overflow="fold")
        shown = [self._shown(index, room) for index in range(len(self._columns))]
        for number, cells in enumerate(zip(*shown, strict=True)):
            if number:
                table.add_row()
            for name, cell in zip(self._columns, cells, strict=True):
                table.add_row(Text(name, style="bold"), Text(cell))
        return table

    def _shown(self, index: int, width: int) -> list[str]:
        """Returns the cells of a column; too wide names are shortened, or wrapped if two would become equal."""
        cells = [row[index] for row in self._rows]
        if self._columns[index] not in self._names:
            return cells
        return _distinct(cells, width) or cells


def one_line(text: str) -> str:
    r"""Returns a text on one line, with control characters as escapes that a terminal does not obey.

    Example:
        >>> one_line("a  b\x1b")
        'a b\\x1b'
    """
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in " ".join(text.split()))


def shortened(text: str, width: int, *, head: float = 0.5) -> str:
    """Returns a text of at most ``width`` characters: what is too long is replaced by an ellipsis, by default in the middle.

    Dots beside the ellipsis are left out too: they would be read as a part of it.

    Args:
        text: the text.
        width: the most characters (wide characters count as two).
        head: the share of the kept characters that stand before the ellipsis.

    Example:
        >>> shortened("encoder.layers.11.attention.output", 17)
        'encoder…n.output'
    """
    if cell_len(text) <= width:
        return text
    for kept in range(width - 1, 0, -1):
        before = round(kept * head)
        short = f"{text[:before].rstrip('.')}…{text[len(text) - kept + before :].lstrip('.')}"
        if cell_len(short) <= width:
            return short
    return "…"


def _distinct(names: Sequence[str], width: int) -> list[str] | None:
    """Returns the names shortened to a width so that different names stay different; None where that cannot be done."""
    for head in _HEADS:
        short = [shortened(name, width, head=head) for name in names]
        if len(set(short)) == len(set(names)):
            return short
    return None


def _longest_word(text: str) -> int:
    """Returns the width of the longest word."""
    return max(map(cell_len, text.split()), default=0)
