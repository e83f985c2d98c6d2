"""Pairs of a layer's units as matrices: redundancy, synergy and transfer, each less the mean of its null."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

from lightning_iit.figures.canvas import SOFT, blank, png, style, svg
from lightning_iit.records.shown.numbers import digits

if TYPE_CHECKING:
    from lightning_iit.records.whole.pairs import PairNumbers, PairsOfUnits

_WIDTH = 0.245
_TICKS = 12
"""So many units are named along an axis, at most."""


def pairs_figure(pairs: PairsOfUnits, layer: str, *, form: Literal["png", "svg"] = "png") -> bytes:
    """Draws redundancy, synergy and transfer of all pairs of elements as three matrices.

    Red is above the mean of the null, blue below it; a dot marks p <= 0.05 of a pair by itself.

    Args:
        pairs: the numbers of the pairs.
        layer: the layer's name.
        form: "png" or "svg".

    Returns:
        The bytes of the picture, 920 x 520 pixels.
    """
    with style():
        figure = blank("What pairs of units tell of their own future", layer)
        for place, one in enumerate(pairs.numbers):
            axes = figure.add_axes((0.045 + 0.32 * place, 0.26, _WIDTH, _WIDTH * 920 / 520))
            values = np.array(pairs.matrix(one.name, excess=True))
            most = max(float(np.abs(values).max()), 1e-12)
            shown = np.where(np.eye(len(values), dtype=bool), np.nan, values)
            image = axes.imshow(shown, cmap="RdBu_r", vmin=-most, vmax=most, interpolation="nearest")
            _mark(axes, one, len(values))
            _name_units(axes, pairs)
            axes.set_title(
                f"{one.name}: mean {digits(one.mean if one.excess is None else one.excess, 3, sign=True)}", fontsize=10, loc="left"
            )
            bar = figure.colorbar(image, cax=figure.add_axes((0.052 + _WIDTH + 0.32 * place, 0.26, 0.008, _WIDTH * 920 / 520)))
            bar.ax.tick_params(labelsize=7)
        few = "too few for p ≤ 0.05" if pairs.surrogates < 19 else "dot: p ≤ 0.05 of a pair by itself"
        null = f"less the mean of {pairs.surrogates} surrogates; {few}"
        words = null if pairs.surrogates else "no null, so bias and autocorrelation are in these numbers"
        text = f"statistical: activity, not causes · ΦID by {pairs.redundancy.upper()}, nats, {words}"
        figure.text(0.022, 0.05, text, fontsize=8.5, color=SOFT, va="bottom")
        return png(figure) if form == "png" else svg(figure)


def _mark(axes: object, one: PairNumbers, number: int) -> None:
    """Marks the pairs whose p is 0.05 or less."""
    if not one.p:
        return
    first, second = np.triu_indices(number, 1)
    low = np.array(one.p) <= 0.05 + 1e-9
    x, y = np.concatenate([second[low], first[low]]), np.concatenate([first[low], second[low]])
    axes.scatter(x, y, s=min(12.0, 600.0 / number**2 * 4), color="black", linewidths=0)  # type: ignore[attr-defined]


def _name_units(axes: object, pairs: PairsOfUnits) -> None:
    """Writes the units along both axes, or some of them."""
    number = len(pairs.elements)
    places = list(range(0, number, max(1, -(-number // _TICKS))))
    names = [str(pairs.elements[place][0]) if len(pairs.elements[place]) == 1 else f"g{place}" for place in places]
    axes.set_xticks(places, names, fontsize=7)  # type: ignore[attr-defined]
    axes.set_yticks(places, names, fontsize=7)  # type: ignore[attr-defined]
