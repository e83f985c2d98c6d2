"""A uniform random sample of a stream of calls: which call takes which place."""

from __future__ import annotations

import random


class Places:
    """Draws the places of a uniform random sample of bounded size (algorithm R of Vitter 1985), by a generator of its own.

    Args:
        size: how many calls are kept.
        seed: the seed of the sample.

    Attributes:
        size: how many calls are kept.
    """

    def __init__(self, *, size: int, seed: int) -> None:
        self.size = size
        self._seed = seed
        self.clear()

    def clear(self) -> None:
        """Begins a new sample."""
        self._seen = 0
        self._random = random.Random(self._seed)  # noqa: S311 - a sample, not a secret

    def draw(self) -> int | None:
        """Draws where the next call is kept: an index below ``size``; None where the call is not kept."""
        place = self._seen if self._seen < self.size else self._random.randrange(self._seen + 1)
        self._seen += 1
        return place if place < self.size else None
