"""Φ over epochs of several runs: a line for the mean of each side, with a band."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from matplotlib.ticker import MaxNLocator

from lightning_iit.figures.canvas import (
    BLUE,
    GREEN,
    KIND_WORDS,
    ORANGE,
    PURPLE,
    SKY,
    SOFT,
    VERMILION,
    blank,
    plain,
    png,
    style,
    svg,
    wrapped,
)
from lightning_iit.records import FORMALISM_WORDS, symbol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lightning_iit.comparison.compared import Curve
    from lightning_iit.records import Kind

_COLOURS = (BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY)
_DASHES = ("-", "--", "-.", ":")


def phi_curves(
    curves: Sequence[Curve], *, kind: Kind, formalism: str, words: str = "", form: Literal["png", "svg"] = "png"
) -> bytes:
    """Draws Φ of one layer over epochs: for each side the mean over its runs as a line, and the spread as a band.

    Args:
        curves: one for each side.
        kind: the kind of the Φ, for the caption.
        formalism: the version of the theory, for the axis.
        words: what was found, for the caption; four lines at most.
        form: "png" or "svg".

    Returns:
        The bytes of the picture, 920 x 520 pixels.
    """
    with style():
        figure = blank(f"{symbol(formalism)} of the layer over epochs", curves[0].layer)
        axes = figure.add_axes((0.08, 0.30, 0.89, 0.54))
        for number, curve in enumerate(curves):
            colour, dashes = _COLOURS[number % len(_COLOURS)], _DASHES[number // len(_COLOURS) % len(_DASHES)]
            name = f"{plain(curve.side, 40)} ({curve.runs} {'run' if curve.runs == 1 else 'runs'})"
            known = [low < high for low, high in zip(curve.low, curve.high, strict=True)]
            axes.fill_between(curve.epochs, curve.low, curve.high, where=known, color=colour, alpha=0.18, linewidth=0)
            if curve.runs == 1:
                axes.vlines(curve.epochs, curve.low, curve.high, color=colour)
            axes.plot(curve.epochs, curve.mean, dashes, color=colour, linewidth=1.8, marker="o", markersize=3.5, label=name)
        axes.set_ylim(bottom=0.0)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.set_xlabel("epoch (-1 is the untrained network)")
        axes.set_ylabel(f"{symbol(formalism)} of the layer ({FORMALISM_WORDS[formalism]})")
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(frameon=False, fontsize=8.5, labelcolor=SOFT, ncols=2)
        band = "mean over runs ± one standard deviation"
        if all(curve.runs == 1 for curve in curves):
            band = f"{symbol(formalism)} of one run, with its 90 % interval in epochs that have one"
        lines = [f"{KIND_WORDS[kind]} · line and band: {band}", wrapped(words, 135, 4)]
        text = "\n".join(filter(None, lines))
        figure.text(0.022, 0.026, text, fontsize=8.5, color=SOFT, va="bottom", linespacing=1.45)
        return png(figure) if form == "png" else svg(figure)
