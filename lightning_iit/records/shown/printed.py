"""Short text for what records hold, for their ``repr``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterator

_TEXT = 60
"""The longest text that is shown whole, in characters."""
_ITEMS = 12
"""The most items of a tuple, list or dict that are shown."""
_PLAIN = (tuple, list, dict)
"""The containers whose items are shown; one of a user's own class may read data when it is gone through."""


def brief(struct: msgspec.Struct) -> str:
    """Returns a ``repr`` of a few lines: the fields that are not at their defaults, with the size of what is large.

    Example:
        >>> from lightning_iit.records import Counts
        >>> brief(Counts(visits=(3, 4), on=tuple((0, 1) for _ in range(64)), joint=()))
        'Counts(visits=(3, 4), on=<64 x 2>, joint=())'
    """
    told = (f"{name}={brief_value(value)}" for name, value in told_fields(struct))
    return f"{type(struct).__name__}({', '.join(told)})"


def told_fields(struct: msgspec.Struct) -> Iterator[tuple[str, Any]]:
    """Yields name and value of each field that is not at its default."""
    for field in msgspec.structs.fields(struct):
        value = getattr(struct, field.name)
        default = field.default if field.default_factory is msgspec.NODEFAULT else field.default_factory()
        if value != default:
            yield field.name, value


def brief_value(value: Any) -> str:
    """Returns a short ``repr`` of any value: long text loses its middle, and a large container is told by its size."""
    if isinstance(value, str):
        return repr(value if len(value) <= _TEXT else f"{value[: _TEXT // 2]}…{value[-_TEXT // 2 :]}")
    if type(value) in _PLAIN:
        small = _items(value) <= _ITEMS and len(text := repr(value)) <= 2 * _TEXT
        return text if small else _size(value)
    text = repr(value)
    return text if len(text) <= 2 * _TEXT else f"{type(value).__name__}(...)"


def _items(value: Any) -> int:
    """Counts the items of a container with those of the containers in it."""
    if type(value) not in _PLAIN:
        return 1
    return sum(map(_items, value.values() if isinstance(value, dict) else value))


def _size(value: Any) -> str:
    """Returns the shape of nested tuples, or how many things of which class a container holds."""
    if not isinstance(value, dict):
        first = value[0] if len(value) else None
        if isinstance(first, msgspec.Struct):
            return f"<{len(value)} {type(first).__name__}>"
        if isinstance(first, (tuple, list)):
            widths = {len(row) for row in value}
            return f"<{len(value)} x {widths.pop()}>" if len(widths) == 1 else f"<{len(value)} rows>"
    return f"<{len(value)} items>"
