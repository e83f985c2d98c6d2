"""The options of a run as text, with those that held before a change."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


class ToldOptions:
    """Keeps every option as text, through all changes while training goes on.

    Args:
        described: the options as text, by name.

    Example:
        >>> told = ToldOptions({"units": "4", "groups": "20"})
        >>> told.change({"units": "3", "groups": "20"}, epoch=5)
        >>> told.texts
        {'units': '3 (4 before epoch 5)', 'groups': '20'}
    """

    def __init__(self, described: Mapping[str, str]) -> None:
        self._described = described
        self._earlier: list[tuple[int, Mapping[str, str]]] = []

    def change(self, described: Mapping[str, str], epoch: int) -> None:
        """Takes other options for all epochs from one on."""
        self._earlier.append((epoch, self._described))
        self._described = described

    @property
    def texts(self) -> dict[str, str]:
        """Returns every option as text, for the report; of one that was changed meanwhile, what it was before and until when."""
        told = dict(self._described)
        for name, text in self._described.items():
            known = [*((epoch, of[name]) for epoch, of in self._earlier), (0, text)]
            before = [f"{then} before epoch {epoch}" for (epoch, then), (_, later) in pairwise(known) if then != later]
            if before:
                told[name] = f"{text} ({', '.join(before)})"
        return told
