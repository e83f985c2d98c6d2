"""The units as a graph: a disc for each unit, the parts of the partition, and the connections severed between the parts."""

from __future__ import annotations

from math import cos, pi, sin
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from matplotlib.patches import Circle, FancyArrowPatch

from lightning_iit.figures.canvas import BLUE, GREEN, INK, ORANGE, PAPER, PURPLE, SKY, SOFT, VERMILION
from lightning_iit.figures.parts import directions_of, partition_of
from lightning_iit.records import SystemPhi
from lightning_iit.tpm.influence import influence

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jaxtyping import Float
    from matplotlib.axes import Axes

    from lightning_iit.records import PhiResult, State, TpmRecord
    from lightning_iit.tpm.estimate import Tpm

WEAKEST = 0.02
"""Arrows of a smaller influence (mean change of a probability) are not drawn, but for those that the partition severs."""
_SEEN = 0.6
"""How opaque a severed arrow is at least."""
_PARTS = (BLUE, ORANGE, GREEN, PURPLE, SKY, VERMILION)
"""The colours of the parts, which begin again where there are more."""
_SCALE = 117.0
"""Points that one unit of length of the graph has in the large picture, for which widths of lines and sizes of text are given."""


def strengths(tpm: TpmRecord | Tpm, cm: Sequence[Sequence[int]] | None) -> Float[np.ndarray, "unit unit"]:
    """Returns the :func:`~lightning_iit.tpm.influence.influence` of each unit on each; 0 where ``cm`` has no connection."""
    strength = influence(np.asarray(tpm.state_by_node, dtype=float), np.asarray(tpm.visited, dtype=bool))
    return strength if cm is None else np.where(np.asarray(cm, dtype=bool), strength, 0.0)


def draw_graph(
    axes: Axes,
    result: PhiResult,
    strength: Float[np.ndarray, "unit unit"],
    state: State,
    names: Sequence[str],
    *,
    cm: Sequence[Sequence[int]] | None = None,
    least: float = 0.0,
) -> None:
    """Draws units, connections and parts into axes; severed arrows are dashed and drawn however weak, ON units are filled.

    Args:
        axes: where to draw; their limits and aspect are set here.
        result: the outcome of the analysis of ``state``.
        strength: how strongly each unit acts on each, see :func:`strengths`.
        state: the state that was analysed.
        names: a name for each unit.
        cm: connectivity matrix; a connection that is not in it is not drawn. None draws all.
        least: the smallest size of letters, in points; else they are as large, against the discs, as in the large picture.
    """
    n = len(state)
    axes.set_axis_off()
    axes.set_xlim(-1.7, 1.7)
    axes.set_ylim(-0.98, 1.0)
    axes.set_aspect("equal")
    severed, parts = partition_of(result, n)
    background = isinstance(result, SystemPhi) and bool(result.partition) and len(result.nodes) < n
    groups = _groups(parts, severed, background=background)
    scale = _points(axes) / _SCALE
    _draw_groups(axes, groups, max(10 * scale, least))
    places = {node: place for group in groups for node, place in _places(group).items()}
    there = {(i, j) for i, j in severed if i != j and (cm is None or cm[i][j])}
    _draw_connections(axes, places, strength, there, scale)
    _draw_units(axes, groups, places, state, names, scale, least)


def _points(axes: Axes) -> float:
    """Returns how many points one unit of length is in axes of equal aspect."""
    figure = axes.get_figure(root=True)
    assert figure is not None
    box = axes.get_position()
    (left, right), (low, high) = axes.get_xlim(), axes.get_ylim()
    across, along = figure.get_size_inches()
    return 72.0 * float(min(box.width * across / (right - left), box.height * along / (high - low)))


class Group(NamedTuple):
    """Holds one part of the partition, whose units lie on a circle."""

    nodes: tuple[int, ...]
    centre: tuple[float, float]
    radius: float
    colour: str
    name: str


def _groups(parts: list[tuple[int, ...]], severed: set[tuple[int, int]], *, background: bool) -> list[Group]:
    """Lays out two parts side by side and more of them on a circle, or all units on one circle where there is one part.

    Args:
        parts: the parts.
        severed: the severed connections.
        background: whether the last part is the background of the others.
    """
    if len(parts) == 1:
        return [Group(parts[0], (0.0, 0.0), 0.0 if len(parts[0]) == 1 else 0.78, SOFT, "")]
    names = [*directions_of(parts[: len(parts) - background], severed), *["background"] * background]
    colours = [_PARTS[k % len(_PARTS)] for k in range(len(parts) - background)] + [SOFT] * background
    if len(parts) == 2:
        places = [(-0.86, 0.0), (0.86, 0.0)]
    else:
        turns = [pi / 2 - 2 * pi * k / len(parts) for k in range(len(parts))]
        places = [(1.05 * cos(turn), 0.56 * sin(turn)) for turn in turns]
    room = 1.0 if len(parts) <= 2 else 0.62
    return [
        Group(nodes, place, room * _ring(len(nodes)), colour, name)
        for nodes, place, colour, name in zip(parts, places, colours, names, strict=True)
    ]


def _ring(size: int) -> float:
    """Returns the radius of the circle on which the units of a part lie."""
    return 0.0 if size == 1 else min(0.3 + 0.06 * size, 0.52)


def _size(units: int) -> float:
    """Returns the radius of a unit's disc."""
    return 0.17 if units <= 6 else 0.15


def _places(group: Group) -> dict[int, tuple[float, float]]:
    """Returns the position of each unit of a part, evenly spaced on its circle and clockwise from the top."""
    x, y = group.centre
    turn = [pi / 2 - 2 * pi * k / len(group.nodes) for k in range(len(group.nodes))]
    return {node: (x + group.radius * cos(a), y + group.radius * sin(a)) for node, a in zip(group.nodes, turn, strict=True)}


def _draw_groups(axes: Axes, groups: list[Group], text: float) -> None:
    """Draws a coloured disc behind each part of the partition, with the words "from" and "to" where these say it."""
    size = _size(sum(len(group.nodes) for group in groups))
    for group in groups:
        if len(groups) > 1:
            hull = group.radius + size + 0.1
            axes.add_patch(Circle(group.centre, hull, facecolor=group.colour, alpha=0.13, linewidth=0, zorder=0))
            axes.add_patch(Circle(group.centre, hull, fill=False, edgecolor=group.colour, linewidth=1.2, zorder=0))
            spot = group.centre[0], group.centre[1] + hull + 0.1
            axes.text(*spot, group.name, ha="center", va="center", fontsize=text, color=SOFT, fontweight="bold")


def _draw_connections(
    axes: Axes,
    places: dict[int, tuple[float, float]],
    strength: Float[np.ndarray, "unit unit"],
    cut: set[tuple[int, int]],
    scale: float,
) -> None:
    """Draws an arrow for each influence between two units, the strongest on top; those in ``cut`` are dashed, and always drawn."""
    known = np.where(np.isfinite(strength), strength, 0.0)
    np.fill_diagonal(known, 0.0)
    strongest = max(float(known.max()), WEAKEST)
    slim = min(1.0, 4.5 / len(known))
    line = slim * scale**0.5  # in a small picture lines are thinner, but less so than discs are smaller
    drawn = {(source, target) for source, target in np.argwhere(known >= WEAKEST).tolist()} | cut
    for source, target in sorted(drawn, key=lambda pair: (known[pair], pair)):
        share = known[source, target] / strongest
        severed = (source, target) in cut
        arrow = FancyArrowPatch(
            places[source],
            places[target],
            connectionstyle="arc3,rad=0.16",
            arrowstyle=f"-|>,head_length={(4 + 3 * share) * line:.1f},head_width={(2 + 1.6 * share) * line:.1f}",
            shrinkA=118 * scale * _size(len(known)),
            shrinkB=118 * scale * _size(len(known)),
            linewidth=(0.6 + 2.8 * share) * line,
            linestyle=(0, (3.2, 2.2)) if severed else "solid",
            color=VERMILION if severed else INK,
            alpha=max(_SEEN, 0.25 + 0.6 * share) if severed else (0.25 + 0.6 * share) * slim,
            capstyle="butt",
            zorder=3 if severed else 2,
        )
        axes.add_patch(arrow)


def _draw_units(
    axes: Axes,
    groups: list[Group],
    places: dict[int, tuple[float, float]],
    state: State,
    names: Sequence[str],
    scale: float,
    least: float,
) -> None:
    """Draws each unit as a disc with its name, filled where the unit is ON."""
    rim = 2.4 * scale**0.5
    for group in groups:
        for node in group.nodes:
            fill = group.colour if state[node] else PAPER
            axes.add_patch(Circle(places[node], _size(len(names)), facecolor=fill, edgecolor=group.colour, linewidth=rim, zorder=6))
            dark = state[node] and group.colour != ORANGE
            size = max(65 * scale * _size(len(names)), least) * (1.0 if len(names[node]) <= 3 else 0.7)
            colour = PAPER if dark else INK
            axes.text(
                *places[node], names[node], ha="center", va="center", fontsize=size, color=colour, zorder=7, fontweight="bold"
            )
