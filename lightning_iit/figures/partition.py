"""The units as a graph, with the parts of the minimum-information partition and the connections severed between the parts."""

from __future__ import annotations

from itertools import product
from math import cos, pi, sin
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from matplotlib.patches import Circle, FancyArrowPatch

from lightning_iit.figures.canvas import (
    BLUE,
    FAINT,
    GREEN,
    INK,
    ORANGE,
    PAPER,
    PURPLE,
    SKY,
    SOFT,
    VERMILION,
    blank,
    caption,
    plain,
    png,
    style,
    wrapped,
)
from lightning_iit.records import (
    FORMALISM_WORDS,
    NULL_NOT_COMPUTED,
    Computed,
    Failed,
    Open,
    PhiResult,
    Skipped,
    SystemPhi,
    TimedOut,
)
from lightning_iit.tpm.influence import influence

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jaxtyping import Float
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from lightning_iit.records import Axis, Counts, Kind, State, Structure, TpmRecord
    from lightning_iit.tpm.estimate import Tpm

WEAKEST = 0.02
"""Arrows of a smaller influence (mean change of a probability) are not drawn."""
_CONCEPTS = 8
"""How many concepts (or distinctions) the bar chart shows at most."""
_PARTS = (BLUE, ORANGE, GREEN, PURPLE, SKY, VERMILION)
"""The colours of the parts, which begin again where there are more."""


class _Group(NamedTuple):
    """Holds one part of the partition, whose units lie on a circle."""

    nodes: tuple[int, ...]
    centre: tuple[float, float]
    radius: float
    colour: str
    name: str


def partition_graph(
    result: PhiResult,
    *,
    tpm: TpmRecord | Tpm,
    state: State,
    kind: Kind,
    axis: Axis,
    title: str = "Minimum-information partition",
    subtitle: str = "",
    counts: Counts | None = None,
    labels: Sequence[str] | None = None,
    cm: Sequence[Sequence[int]] | None = None,
    null_words: str = NULL_NOT_COMPUTED,
    structure: Structure | None = None,
) -> bytes:
    """Draws the units, their influence on each other, and the minimum-information partition.

    Arrows are as wide as :func:`~lightning_iit.tpm.influence.influence`; severed arrows are dashed. ON units are filled. Without a
    cut (Φ is 0 without a search, or was not computed) all units form one group, and the picture says why.

    Args:
        result: the outcome of the analysis of ``state``.
        tpm: the state-by-node TPM that was analysed.
        state: the state that was analysed.
        kind: the kind of the Φ, for the caption.
        axis: the axis along which the transitions go, for the caption.
        title: the first line.
        subtitle: the second line.
        counts: the transitions behind the TPM, for the caption.
        labels: a name for each unit; by default the units' positions.
        cm: connectivity matrix, ``cm[i][j] = 1`` for a connection from i to j; only these connections are drawn. None draws all.
        null_words: the null of the Φ in words, for the caption.
        structure: of IIT 4.0 the cause-effect structure, whose distinctions are shown.

    Returns:
        PNG bytes, 920 x 520 pixels.
    """
    n = len(state)
    strength = influence(np.asarray(tpm.state_by_node, dtype=float), np.asarray(tpm.visited, dtype=bool))
    if cm is not None:
        strength = np.where(np.asarray(cm, dtype=bool), strength, 0.0)
    names = [plain(label, 8) for label in labels] if labels is not None else [str(unit) for unit in range(n)]
    severed, parts = _partition(result, n)
    with style():
        figure = blank(title, subtitle)
        axes = figure.add_axes((0.01, 0.13, 0.6, 0.74))
        axes.set_axis_off()
        axes.set_xlim(-1.7, 1.7)
        axes.set_ylim(-1.12, 1.15)
        axes.set_aspect("equal")
        background = isinstance(result, SystemPhi) and bool(result.partition) and len(result.nodes) < n
        groups = _groups(parts, directed=isinstance(result, Computed), background=background)
        _draw_groups(axes, groups)
        places = {node: place for group in groups for node, place in _places(group).items()}
        _draw_connections(axes, places, strength, severed)
        _draw_units(axes, groups, places, state, names)
        _panel(figure, result, state, strength, names, structure)
        caption(figure, kind=kind, axis=axis, counts=counts, null_words=null_words)
        return png(figure)


def _partition(result: PhiResult, n: int) -> tuple[set[tuple[int, int]], list[tuple[int, ...]]]:
    """Returns the severed connections and the parts of the partition; no connection and a single part where there is none."""
    if isinstance(result, Computed) and result.cut is not None:
        return set(product(result.cut.from_nodes, result.cut.to_nodes)), [result.cut.from_nodes, result.cut.to_nodes]
    if isinstance(result, SystemPhi) and result.partition:
        return set(result.partition), _parts(result, n)
    return set(), [tuple(range(n))]


def _parts(result: SystemPhi, n: int) -> list[tuple[int, ...]]:
    """Returns the parts of a partition of IIT 4.0: between two of them a connection is severed, inside of none.

    Units that are background are a part of their own, the last one.
    """
    severed = set(result.partition)
    parts: list[tuple[int, ...]] = []
    for node in result.nodes:
        mine = next((k for k, part in enumerate(parts) if not {(node, part[0]), (part[0], node)} & severed), None)
        if mine is None:
            parts.append((node,))
        else:
            parts[mine] = (*parts[mine], node)
    background = tuple(node for node in range(n) if node not in result.nodes)
    return [*parts, *([background] if background else [])]


def _groups(parts: list[tuple[int, ...]], *, directed: bool, background: bool) -> list[_Group]:
    """Lays out two parts side by side and more of them on a circle, or all units on one circle where there is one part.

    Args:
        parts: the parts.
        directed: whether all severed connections lead from the first part to the second.
        background: whether the last part is the background of the others.
    """
    if len(parts) == 1:
        return [_Group(parts[0], (0.0, 0.0), 0.0 if len(parts[0]) == 1 else 0.78, SOFT, "")]
    names = ["from", "to"] if directed else [""] * (len(parts) - background) + ["background"] * background
    colours = [_PARTS[k % len(_PARTS)] for k in range(len(parts) - background)] + [SOFT] * background
    if len(parts) == 2:
        places = [(-0.86, 0.0), (0.86, 0.0)]
    else:
        turns = [pi / 2 - 2 * pi * k / len(parts) for k in range(len(parts))]
        places = [(1.05 * cos(turn), 0.56 * sin(turn)) for turn in turns]
    room = 1.0 if len(parts) <= 2 else 0.62
    return [
        _Group(nodes, place, room * _ring(len(nodes)), colour, name)
        for nodes, place, colour, name in zip(parts, places, colours, names, strict=True)
    ]


def _ring(size: int) -> float:
    """Returns the radius of the circle on which the units of a part lie."""
    return 0.0 if size == 1 else min(0.3 + 0.06 * size, 0.52)


def _size(units: int) -> float:
    """Returns the radius of a unit's disc."""
    return 0.17 if units <= 6 else 0.13


def _places(group: _Group) -> dict[int, tuple[float, float]]:
    """Returns the position of each unit of a part, evenly spaced on its circle and clockwise from the top."""
    x, y = group.centre
    turn = [pi / 2 - 2 * pi * k / len(group.nodes) for k in range(len(group.nodes))]
    return {node: (x + group.radius * cos(a), y + group.radius * sin(a)) for node, a in zip(group.nodes, turn, strict=True)}


def _draw_groups(axes: Axes, groups: list[_Group]) -> None:
    """Draws a coloured disc behind each part of the partition, with the words "from" and "to" where these say it."""
    size = _size(sum(len(group.nodes) for group in groups))
    for group in groups:
        if len(groups) > 1:
            hull = group.radius + size + 0.1
            axes.add_patch(Circle(group.centre, hull, facecolor=group.colour, alpha=0.13, linewidth=0, zorder=0))
            axes.add_patch(Circle(group.centre, hull, fill=False, edgecolor=group.colour, linewidth=1.2, zorder=0))
            spot = group.centre[0], group.centre[1] + hull + 0.1
            axes.text(*spot, group.name, ha="center", va="center", fontsize=10, color=SOFT, fontweight="bold")


def _draw_connections(
    axes: Axes, places: dict[int, tuple[float, float]], strength: Float[np.ndarray, "unit unit"], cut: set[tuple[int, int]]
) -> None:
    """Draws an arrow for each influence between two units, the strongest on top; severed arrows are dashed."""
    known = np.where(np.isfinite(strength), strength, 0.0)
    np.fill_diagonal(known, 0.0)
    strongest = max(float(known.max()), WEAKEST)
    slim = min(1.0, 4.5 / len(known))
    for source, target in sorted(np.argwhere(known >= WEAKEST).tolist(), key=lambda pair: known[tuple(pair)]):
        share = known[source, target] / strongest
        severed = (source, target) in cut
        arrow = FancyArrowPatch(
            places[source],
            places[target],
            connectionstyle="arc3,rad=0.16",
            arrowstyle=f"-|>,head_length={(4 + 3 * share) * slim:.1f},head_width={(2 + 1.6 * share) * slim:.1f}",
            shrinkA=118 * _size(len(known)),
            shrinkB=118 * _size(len(known)),
            linewidth=(0.6 + 2.8 * share) * slim,
            linestyle=(0, (3.2, 2.2)) if severed else "solid",
            color=VERMILION if severed else INK,
            alpha=(0.25 + 0.6 * share) * (1.0 if severed else slim),
            capstyle="butt",
            zorder=3 if severed else 2,
        )
        axes.add_patch(arrow)


def _draw_units(
    axes: Axes, groups: list[_Group], places: dict[int, tuple[float, float]], state: State, names: Sequence[str]
) -> None:
    """Draws each unit as a disc with its name, filled where the unit is ON."""
    for group in groups:
        for node in group.nodes:
            fill = group.colour if state[node] else PAPER
            axes.add_patch(Circle(places[node], _size(len(names)), facecolor=fill, edgecolor=group.colour, linewidth=2.4, zorder=6))
            dark = state[node] and group.colour != ORANGE
            size = 65 * _size(len(names)) * (1.0 if len(names[node]) <= 3 else 0.7)
            colour = PAPER if dark else INK
            axes.text(
                *places[node], names[node], ha="center", va="center", fontsize=size, color=colour, zorder=7, fontweight="bold"
            )


def _panel(
    figure: Figure,
    result: PhiResult,
    state: State,
    strength: Float[np.ndarray, "unit unit"],
    names: Sequence[str],
    structure: Structure | None,
) -> None:
    """Writes the text beside the graph: Φ, state, cut and concepts, or why Φ was not computed."""
    left = 0.635
    if isinstance(result, SystemPhi):
        _panel_of_iit4(figure, left, result, state, names, structure)
        return
    if not isinstance(result, Computed):
        code = f" ({result.code})" if isinstance(result, (Skipped, Failed)) else ""
        word = {TimedOut: "timed out", Failed: "failed", Skipped: "skipped", Open: "open"}[type(result)]
        figure.text(left, 0.79, "Φ not computed", fontsize=19, color=VERMILION)
        figure.text(left, 0.735, f"{word}{code}", fontsize=10, color=INK)
        figure.text(left, 0.715, wrapped(result.reason, 50, 9), fontsize=9, color=SOFT, va="top", linespacing=1.4)
        return
    figure.text(left, 0.79, f"Φ = {result.phi:.4f}", fontsize=23, color=INK)
    figure.text(left, 0.74, f"state {''.join(map(str, state))} (unit 0 first, filled = ON)", fontsize=9, color=SOFT)
    if result.cut is None:
        words = f"No partition was searched: {result.reason or 'Φ is 0 without a search.'}"
        figure.text(left, 0.705, wrapped(words, 50, 5), fontsize=9, color=SOFT, va="top", linespacing=1.4)
    else:
        source, target = (", ".join(names[node] for node in nodes) for nodes in (result.cut.from_nodes, result.cut.to_nodes))
        _severed_words(figure, left, f"severed: from {source} to {target}", _strongest(strength, _partition(result, len(state))[0]))
    _bars(figure, left, "concept", [(concept.phi, concept.mechanism) for concept in result.concepts], names)


def _panel_of_iit4(
    figure: Figure, left: float, result: SystemPhi, state: State, names: Sequence[str], structure: Structure | None
) -> None:
    """Writes the text beside the graph for a result of IIT 4.0: φ_s, states, partition and distinctions."""
    figure.text(left, 0.79, f"φ_s = {result.phi:.4f}", fontsize=23, color=INK)
    of = "" if len(result.nodes) == len(state) else f" of units {' '.join(names[node] for node in result.nodes)}"
    words = f"{FORMALISM_WORDS[result.formalism]}{of}, signed {result.signed_phi:.4f} ibits"
    figure.text(left, 0.745, words, fontsize=9, color=SOFT)
    cause, effect = ("".join(map(str, one.state)) for one in (result.cause, result.effect))
    words = f"state {''.join(map(str, state))} (unit 0 first, filled = ON), cause {cause}, effect {effect}"
    figure.text(left, 0.72, wrapped(words, 50, 2), fontsize=9, color=SOFT, va="top", linespacing=1.3)
    if not result.partition:
        figure.text(left, 0.655, wrapped(result.reason, 50, 3), fontsize=9, color=SOFT, va="top", linespacing=1.4)
    else:
        parts = _parts(result, 0)
        many = len(result.partition)
        words = f"{many} connection{'' if many == 1 else 's'} severed between {len(parts)} parts"
        figure.text(left, 0.623, "- - -", fontsize=11, color=VERMILION, fontweight="bold")
        figure.text(left + 0.04, 0.625, words, fontsize=9, color=INK)
    if structure is not None:
        found = [(one.phi, one.mechanism) for one in structure.distinctions]
        _bars(figure, left, "distinction", found, names)
        words = f"{structure.relations:,} relations; Φ of the structure {structure.big_phi:.3f} ibits"
        figure.text(left, 0.145, words, fontsize=8.5, color=SOFT)


def _strongest(strength: Float[np.ndarray, "unit unit"], severed: set[tuple[int, int]]) -> float:
    """Returns the strongest influence that is severed, among those that are known."""
    known = [float(strength[pair]) for pair in severed if np.isfinite(strength[pair])]
    return max(known, default=0.0)


def _severed_words(figure: Figure, left: float, words: str, strongest: float) -> None:
    """Writes which connections are severed, and how strong the strongest of them is."""
    figure.text(left, 0.695, "- - -", fontsize=11, color=VERMILION, fontweight="bold")
    figure.text(left + 0.04, 0.72, wrapped(words, 44, 2), fontsize=9, color=INK, va="top", linespacing=1.3)
    words = f"arrow width: change of P(ON), severed up to {strongest:.2f}"
    figure.text(left, 0.627, words, fontsize=8.5, color=SOFT)


def _bars(figure: Figure, left: float, what: str, found: Sequence[tuple[float, tuple[int, ...]]], names: Sequence[str]) -> None:
    """Draws small φ of the largest concepts (or distinctions), each with its mechanism, as a bar chart."""
    shown = sorted(found, key=lambda one: -one[0])[:_CONCEPTS]
    if not shown:
        figure.text(left, 0.575, f"no {what}s", fontsize=9, color=INK)
        return
    total = f"{len(found)} {what}{'' if len(found) == 1 else 's'}"
    more = f", the largest {len(shown)}" if len(shown) < len(found) else ""
    figure.text(left, 0.575, f"small φ of {total}{more}", fontsize=9, color=INK)
    height = 0.042 * len(shown)
    axes = figure.add_axes((left + 0.115, 0.555 - height, 0.2, height))
    values = [phi for phi, _ in shown]
    axes.barh(range(len(shown)), values, height=0.62, color=BLUE, alpha=0.8, linewidth=0)
    axes.set_ylim(len(shown) - 0.5, -0.5)
    axes.set_xlim(0, max(*values, 1e-12) * 1.3)
    axes.set_xticks([])
    axes.set_yticks(range(len(shown)), [plain(" ".join(names[node] for node in mechanism), 18) for _, mechanism in shown])
    axes.tick_params(labelsize=8)
    for row, value in enumerate(values):
        axes.text(value, row, f" {value:.3f}", va="center", fontsize=8, color=SOFT)
    for side in ("top", "right", "bottom"):
        axes.spines[side].set_visible(False)
    axes.spines["left"].set_color(FAINT)
