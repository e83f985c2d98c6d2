"""What is severed between the parts of a partition, in the words of the pictures."""

from __future__ import annotations

import pytest

from lightning_iit.figures.parts import directions_of, severed_words


@pytest.mark.parametrize(
    ("parts", "severed", "directions", "words"),
    [
        ([(0, 1), (2,)], {(0, 2), (1, 2)}, ["from", "to"], "from A B to C"),
        ([(0, 2), (1,)], {(1, 0), (1, 2)}, ["to", "from"], "from B to A C"),
        ([(0,), (1,)], {(0, 1), (1, 0)}, ["", ""], "from A to B, from B to A"),  # both ways: the parts are not told apart
        (
            [(0,), (1,), (2,)],  # nothing comes to A or goes from it any more, and nothing comes to B
            {(0, 1), (1, 0), (0, 2), (2, 0), (2, 1)},
            ["from and to", "to", "from"],
            "from A to B C, from B to A, from C to A B",
        ),
    ],
)
def test_a_severed_direction_is_said_from_where_to_where(parts, severed, directions, words):
    assert directions_of(parts, severed) == directions
    assert severed_words(severed, "ABC") == words
