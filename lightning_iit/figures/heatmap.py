"""The TPM as a heatmap: state-by-node, visits, and state-by-state where the matrix is small enough to be read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.patches import Patch, Rectangle

from lightning_iit.figures.canvas import BLUE, INK, SOFT, VERMILION, Rendered, bit_string, blank, caption, plain, rendered, style
from lightning_iit.records import NULL_NOT_COMPUTED
from lightning_iit.tpm.conversion import state_by_state
from lightning_iit.tpm.estimate import Tpm, tpm_from_counts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jaxtyping import Float
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.image import AxesImage

    from lightning_iit.records import Axis, Counts, Kind, State, TpmRecord

MOST_UNITS_DRAWN_SQUARE = 6
"""The most units whose state-by-state matrix is drawn; with more, an entry is hardly a pixel or two."""

_BOTTOM, _HEIGHT = 0.19, 0.635


def tpm_heatmap(
    tpm: TpmRecord | Tpm,
    *,
    counts: Counts,
    kind: Kind,
    axis: Axis,
    title: str = "Transition probability matrix",
    subtitle: str = "",
    state: State | None = None,
    labels: Sequence[str] | None = None,
    null_words: str = NULL_NOT_COMPUTED,
) -> Rendered:
    """Draws a TPM: the probability that each unit is ON next, how often each row was visited, and the next states (up to 6 units).

    Rows that were never visited are hatched, and their prior is in the legend.

    Args:
        tpm: the state-by-node TPM of n units, as estimated or as stored.
        counts: the transitions from which the TPM was estimated.
        kind: the kind of a Φ of this TPM, for the caption.
        axis: the axis along which the transitions go, for the caption.
        title: the first line.
        subtitle: the second line.
        state: the analysed state, whose row is marked; None marks no row.
        labels: a name for each unit; by default the units' positions.
        null_words: the null of the Φ in words, for the caption.

    Returns:
        The picture as PNG, 920 x 520 pixels, and as SVG.
    """
    rows = np.asarray(tpm.state_by_node, dtype=float)
    visited = np.asarray(tpm.visited, dtype=bool)
    n = rows.shape[1]
    with style():
        figure = blank(title, subtitle)
        square = n <= MOST_UNITS_DRAWN_SQUARE
        nodes = figure.add_axes((0.1, _BOTTOM, 0.205 if square else 0.46, _HEIGHT))
        image = matrix(nodes, rows, visited, state, top=1.0)
        unit_axis(nodes, labels or [str(unit) for unit in range(n)])
        state_axis(nodes, n)
        nodes.set_title("P(unit is ON next)", fontsize=9.5, color=INK, pad=7)
        nodes.set_xlabel("unit")
        nodes.set_ylabel("present state, unit 0 first (rows little-endian)")
        _colour_bar(figure, image, nodes, "probability of ON")
        _visits(figure, counts, left=0.405 if square else 0.7, width=0.075 if square else 0.25)
        if square:
            _next_states(figure, tpm, counts, state)
        _legend(figure, tpm.prior, visited, state)
        caption(figure, kind=kind, axis=axis, counts=counts, null_words=null_words)
        return rendered(figure)


def matrix(
    axes: Axes, matrix: Float[np.ndarray, "row column"], visited: np.ndarray, state: State | None, *, top: float
) -> AxesImage:
    """Draws a matrix of probabilities from 0 to ``top``; hatches unvisited rows and marks the row of the analysed state."""
    rows, columns = matrix.shape
    image = axes.imshow(matrix, cmap="viridis", vmin=0.0, vmax=top, aspect="auto", interpolation="nearest")
    for first, last in _runs(~visited):
        size = columns, last - first
        axes.add_patch(Rectangle((-0.5, first - 0.5), *size, facecolor="#e6e9ec", edgecolor="#8d969e", hatch="////", linewidth=0))
    if rows <= 16:
        axes.hlines(np.arange(1, rows) - 0.5, -0.5, columns - 0.5, color="white", linewidth=0.6)
        axes.vlines(np.arange(1, columns) - 0.5, -0.5, rows - 0.5, color="white", linewidth=0.6)
    if state is not None:
        row = sum(bit << unit for unit, bit in enumerate(state))
        width = 2.0 if rows <= 64 else 0.8
        frame = Rectangle((-0.5, row - 0.5), columns, 1, fill=False, edgecolor=VERMILION, linewidth=width, clip_on=False, zorder=5)
        axes.add_patch(frame)
        if rows > 32:
            axes.plot([columns - 0.5], [row], marker=">", markersize=5, color=VERMILION, clip_on=False, zorder=6)
    axes.set_xlim(-0.5, columns - 0.5)
    axes.set_ylim(rows - 0.5, -0.5)
    return image


def _runs(flags: np.ndarray) -> list[tuple[int, int]]:
    """Returns the runs of True in a row of flags, each as (first, one after the last).

    Example:
        >>> _runs(np.array([True, True, False, True]))
        [(0, 2), (3, 4)]
    """
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]])))
    return [(int(first), int(last)) for first, last in edges.reshape(-1, 2)]


def unit_axis(axes: Axes, labels: Sequence[str]) -> None:
    """Labels the columns with the units' names."""
    size = 8.5 if len(labels) <= 6 and max(map(len, labels)) <= 4 else 7.0
    axes.set_xticks(range(len(labels)), [plain(label, 8) for label in labels], fontsize=size)


def state_axis(axes: Axes, n: int, *, columns: bool = False) -> None:
    """Labels the rows (or columns) with states as bits, at most 16 of them."""
    step = max(1, 2**n // 16)
    ticks = list(range(0, 2**n, step))
    names = [bit_string(tick, n) for tick in ticks]
    if columns:
        axes.set_xticks(ticks, names, rotation=90, fontsize=7.5 if n <= 4 else 7, family="DejaVu Sans Mono")
    else:
        axes.set_yticks(ticks, names, fontsize=7.5 if n <= 4 else 7, family="DejaVu Sans Mono")


def _colour_bar(figure: Figure, image: AxesImage, axes: Axes, label: str) -> None:
    """Adds a colour bar to the right of the axes."""
    box = axes.get_position()
    bar = figure.colorbar(image, cax=figure.add_axes((box.x1 + 0.011, box.y0, 0.012, box.height)))
    bar.outline.set_visible(False)
    bar.ax.tick_params(labelsize=7.5, pad=2)
    bar.set_label(label, fontsize=8, labelpad=3)


def _visits(figure: Figure, counts: Counts, *, left: float, width: float) -> None:
    """Draws a bar for each state's visits, aligned with the rows of the matrix."""
    axes = figure.add_axes((left, _BOTTOM, width, _HEIGHT))
    visits = np.asarray(counts.visits)
    axes.barh(np.arange(len(visits)), visits, height=0.82 if len(visits) <= 64 else 1.0, color=BLUE, alpha=0.75, linewidth=0)
    axes.set_ylim(len(visits) - 0.5, -0.5)
    axes.set_yticks([])
    axes.set_xlim(0, max(int(visits.max()), 1))
    axes.set_xticks([0, max(int(visits.max()), 1)])
    axes.tick_params(axis="x", labelsize=7.5)
    axes.set_title("visits", fontsize=9.5, color=INK, pad=7)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)


def _next_states(figure: Figure, tpm: TpmRecord | Tpm, counts: Counts, state: State | None) -> None:
    """Draws the state-by-state matrix: as counted, or the product of the units' probabilities where no joint table was counted."""
    visited = np.asarray(tpm.visited, dtype=bool)
    n = len(tpm.state_by_node[0])
    if counts.joint:
        square, title = tpm_from_counts(counts, tpm.prior).state_by_state, "P(next state)"
    else:
        square, title = state_by_state(tpm.state_by_node), "P(next state), product of the units"
    axes = figure.add_axes((0.575, _BOTTOM, 0.345, _HEIGHT))
    seen = square[visited]
    image = matrix(axes, square, visited, state, top=float(seen.max()) if seen.size else 1.0)
    state_axis(axes, n)
    state_axis(axes, n, columns=True)
    axes.set_title(title, fontsize=9.5, color=INK, pad=7)
    _colour_bar(figure, image, axes, "probability")


def _legend(figure: Figure, prior: float, visited: np.ndarray, state: State | None) -> None:
    """Adds the legend of the analysed state and of unvisited rows, where there are any."""
    handles, names = [], []
    if state is not None:
        handles.append(Patch(fill=False, edgecolor=VERMILION, linewidth=2.0))
        names.append(f"state analysed: {''.join(map(str, state))}")
    if not visited.all():
        handles.append(Patch(facecolor="#e6e9ec", edgecolor="#8d969e", hatch="////", linewidth=0))
        names.append(f"never visited: prior {prior:g}")
    if handles:
        place = (0.985, 0.92)
        figure.legend(handles, names, loc="center right", bbox_to_anchor=place, fontsize=8.5, frameon=False, labelcolor=SOFT)
