"""Small pictures of the partition and of the TPM: what can be read in a tracker's card, which is about 350 pixels wide."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lightning_iit.figures.canvas import INK, LEAST, SOFT, bit_string, card, plain, png, style, wrapped
from lightning_iit.figures.graph import draw_graph, strengths
from lightning_iit.figures.heatmap import matrix
from lightning_iit.figures.parts import parts_of, severed_words
from lightning_iit.records import FORMALISM_WORDS, Computed, Failed, Open, Skipped, SystemPhi, TimedOut
from lightning_iit.records.shown.numbers import decimals

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes

    from lightning_iit.records import Kind, PhiResult, State, TpmRecord
    from lightning_iit.tpm.estimate import Tpm

_ENDINGS = {TimedOut: "timed out", Failed: "failed", Skipped: "skipped", Open: "open"}
_WORDS = 60
"""What is severed is said in words where they are at most so many characters, else as a number of connections."""
_ROWS = 8
"""The most rows that are named: in letters that can be read where MLflow shows a card smaller than 350 pixels."""
_TICK = 10.5
"""The size of what is named."""
_WIDE = 0.7
"""How wide a character is, as a part of its size, with its share of the gap to the next name."""


def partition_card(
    result: PhiResult,
    *,
    tpm: TpmRecord | Tpm,
    state: State,
    kind: Kind,
    when: str = "",
    labels: Sequence[str] | None = None,
    cm: Sequence[Sequence[int]] | None = None,
) -> bytes:
    """Draws a small picture of the partition: Φ, the kind and the state, the units in their parts, and the cut in words.

    Args:
        result: the outcome of the analysis of ``state``.
        tpm: the state-by-node TPM that was analysed.
        state: the state that was analysed.
        kind: the kind of the Φ.
        when: the epoch in words.
        labels: a name for each unit; by default the units' positions.
        cm: connectivity matrix, ``cm[i][j] = 1`` for a connection from i to j; only these connections are drawn. None draws all.

    Returns:
        PNG bytes, 700 x 560 pixels, to be shown at half the size.
    """
    names = _names(labels, len(state))
    with style():
        figure = card(_number(result), " · ".join(filter(None, [kind, f"state {''.join(map(str, state))}", when])))
        # The words stand on top: MLflow's cards may hide the lower part of a picture.
        known = (
            "By structure 0; counted from the data. " if kind == "statistical" and isinstance(result, Computed | SystemPhi) else ""
        )
        words = wrapped(known + _cut_words(result, names), 50, 2)
        figure.text(0.03, 0.785, words, fontsize=LEAST, color=INK, va="top", linespacing=1.2)
        draw_graph(figure.add_axes((0.02, 0.02, 0.96, 0.66)), result, strengths(tpm, cm), state, names, cm=cm, least=LEAST)
        return png(figure)


def tpm_card(
    tpm: TpmRecord | Tpm, *, kind: Kind, when: str = "", state: State | None = None, labels: Sequence[str] | None = None
) -> bytes:
    """Draws a small picture of a TPM: the probability that each unit is ON next, in each state.

    Args:
        tpm: the state-by-node TPM of n units.
        kind: the kind of a Φ of this TPM.
        when: the epoch in words.
        state: the analysed state, whose row is framed; None frames no row.
        labels: a name for each unit; by default the units' positions.

    Returns:
        PNG bytes, 700 x 560 pixels, to be shown at half the size.
    """
    rows, visited = np.asarray(tpm.state_by_node, dtype=float), np.asarray(tpm.visited, dtype=bool)
    n = rows.shape[1]
    with style():
        framed = "" if state is None else f"state {''.join(map(str, state))} framed"
        figure = card("P(unit is ON next)", " · ".join(filter(None, [kind, framed, when])))
        names = _names(labels, n)
        axes = figure.add_axes((0.24, 0.13, 0.56, 0.64))
        image = matrix(axes, rows, visited, state, top=1.0)
        _name(axes, names, n)
        bar = figure.colorbar(image, cax=figure.add_axes((0.83, 0.13, 0.035, 0.64)), ticks=[0.0, 0.5, 1.0])
        bar.outline.set_visible(False)
        bar.ax.tick_params(labelsize=_TICK, pad=3)
        words = f"row: state, unit {names[0]} first" + ("" if visited.all() else " · hatched: never visited")
        figure.text(0.03, 0.035, words, fontsize=LEAST, color=SOFT, va="center")
        return png(figure)


def _names(labels: Sequence[str] | None, n: int) -> list[str]:
    """Returns the units' names, short enough for a card."""
    return [plain(label, 6) for label in labels] if labels is not None else [str(unit) for unit in range(n)]


def _name(axes: Axes, names: Sequence[str], n: int) -> None:
    """Names the columns by units, and at most eight rows by states."""
    ticks = list(range(0, 2**n, max(1, 2**n // _ROWS)))
    axes.set_yticks(ticks, [bit_string(tick, n) for tick in ticks], fontsize=_TICK, family="DejaVu Sans Mono")
    figure = axes.get_figure(root=True)
    assert figure is not None
    column = 72 * figure.get_figwidth() * axes.get_position().width / n
    axes.set_xticks(range(n), names, fontsize=min(_TICK, column / (_WIDE * max(map(len, names)))))


def _number(result: PhiResult) -> str:
    """Returns Φ, which is that of one group of units and not of the layer; or that there is none."""
    if isinstance(result, SystemPhi):
        return f"φ_s = {decimals(result.phi)}, one group"
    return f"Φ = {decimals(result.phi)}, one group" if isinstance(result, Computed) else f"no Φ: {_ENDINGS[type(result)]}"


def _cut_words(result: PhiResult, names: Sequence[str]) -> str:
    """Returns what the partition severs, or why there is none."""
    if isinstance(result, SystemPhi) and result.partition:
        many = len(result.partition)
        words = f"cut: {severed_words(result.partition, names)}"
        if len(words) > _WORDS:
            words = f"cut: {many} connection{'' if many == 1 else 's'}, {len(parts_of(result, 0))} parts"
        return f"{FORMALISM_WORDS[result.formalism]} · {words}"
    if isinstance(result, Computed) and result.cut is not None:
        source, target = (" ".join(names[node] for node in nodes) for nodes in (result.cut.from_nodes, result.cut.to_nodes))
        return f"cut: {source} → {target}"
    if isinstance(result, Computed):
        return f"no cut: {result.reason or 'Φ is 0 without a search.'}"
    return result.reason
