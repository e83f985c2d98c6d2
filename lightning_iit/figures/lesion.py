"""What a lesion did: each measure before and after it, and with the control sets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from lightning_iit.figures.canvas import BLUE, INK, SOFT, VERMILION, blank, plain, png, style, svg, wrapped
from lightning_iit.records.lesions.record import SET_TO_WORDS

if TYPE_CHECKING:
    from lightning_iit.records.lesions.record import LesionRecord

_MOST = 4
"""The most measures that fit into the picture."""


def lesion_figure(lesion: LesionRecord, form: Literal["png", "svg"] = "png") -> bytes:
    """Draws each measure as a row: a line for the network as it is, a dot for each control set, a diamond for the lesion.

    Args:
        lesion: what was done and measured; the first four measures are drawn.
        form: "png" or "svg".

    Returns:
        The bytes of the picture, 920 x 520 pixels.
    """
    with style():
        units = ", ".join(map(str, lesion.units))
        figure = blank(f"{lesion.layer}: units {units} {SET_TO_WORDS[lesion.to]}", f"means over {lesion.samples:,} samples")
        shown = lesion.measures[:_MOST]
        height = 0.56 / len(shown)
        for number, one in enumerate(shown):
            axes = figure.add_axes((0.17, 0.84 - height * (number + 0.72), 0.80, height * 0.5))
            sets = len(one.controls)
            spread = [0.5 if sets == 1 else 0.15 + 0.7 * (index * 7 % sets) / sets for index in range(sets)]
            axes.axvline(one.before, color=INK, linewidth=1.6, label="as it is")
            axes.scatter(one.controls, spread, s=26, color=BLUE, alpha=0.75, label=f"{sets} random sets of other units")
            axes.scatter([one.after], [0.5], s=80, marker="D", color=VERMILION, zorder=3, label="these units")
            axes.set_ylim(0, 1)
            axes.set_yticks([])
            axes.margins(x=0.06)
            axes.spines[["top", "right", "left"]].set_visible(False)
            axes.set_ylabel(f"{plain(one.name, 18)}\np = {one.p:.3f}", rotation=0, ha="right", va="center", color=INK)
            if number == 0:
                axes.legend(
                    frameon=False, fontsize=8.5, labelcolor=SOFT, ncols=3, loc="lower right", bbox_to_anchor=(1, 1.02), borderpad=0
                )
        words = wrapped(lesion.words, 135, 4)
        figure.text(0.022, 0.026, words, fontsize=8.5, color=SOFT, va="bottom", linespacing=1.45)
        return png(figure) if form == "png" else svg(figure)
