"""The parts that all pictures share: size, style, text that copes with any layer name, the caption, and the conversion to PNG."""

from __future__ import annotations

import io
import textwrap
import unicodedata
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

import matplotlib as mpl
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import findfont, get_font
from PIL import Image

from lightning_iit.records import NO_NULL, NULL_NOT_COMPUTED

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lightning_iit.records import Axis, Counts, Kind

INK, SOFT, FAINT, PAPER = "#1f2328", "#5c6670", "#c9d0d6", "#ffffff"
BLUE, ORANGE, VERMILION = "#0072B2", "#E69F00", "#D55E00"
GREEN, PURPLE, SKY = "#009E73", "#CC79A7", "#56B4E9"
"""Colours of the palette of Okabe and Ito, which colour-blind people can tell apart."""

KIND_WORDS: dict[Kind, str] = {
    "causal": "causal: units were set into each state",
    "observational": "observational: units were watched, not set",
    "statistical": "statistical: no connections among the units, 0 by structure",
}
"""How the caption names each kind of number."""
AXIS_WORDS: dict[Axis, str] = {
    "time": "in time",
    "stream": "from sample to sample in the loader's order",
    "token": "from token to token",
    "patch": "from patch to patch",
    "depth": "from block to block",
}
"""What a transition goes along, for each axis; continues "transitions ..."."""
_DPI = 100
_CARD_DPI = 200  # twice the pixels of a card of 350, for fine screens
LEAST = 9.4
"""The smallest size of letters in a small picture, in points: 7 pixels where MLflow shows it 188 pixels wide."""


class Rendered(NamedTuple):
    """Holds one picture in two forms."""

    png: bytes
    svg: bytes


@contextmanager
def style() -> Iterator[None]:
    """Sets matplotlib's defaults and this package's colours and font for a ``with`` block; the user's matplotlibrc is ignored."""
    settings: dict[Any, Any] = {key: value for key, value in mpl.rcParamsDefault.items() if "backend" not in key}
    settings |= {"font.family": "DejaVu Sans", "font.size": 9.0, "text.parse_math": False, "hatch.linewidth": 0.7}
    settings |= {"text.color": INK, "axes.labelcolor": SOFT, "axes.edgecolor": FAINT}
    settings |= {"xtick.color": SOFT, "ytick.color": SOFT, "xtick.major.size": 0, "ytick.major.size": 0}
    with mpl.rc_context(settings):
        yield


def blank(title: str, subtitle: str) -> Figure:
    """Creates an empty picture of 920 x 520 pixels with its two title lines."""
    figure = Figure(figsize=(9.2, 5.2), dpi=_DPI, facecolor=PAPER)
    figure.text(0.022, 0.945, plain(title, 62), fontsize=13, fontweight="bold", va="center")
    figure.text(0.022, 0.895, plain(subtitle, 120), fontsize=9.5, color=SOFT, va="center")
    return figure


def caption(figure: Figure, *, kind: Kind, axis: Axis, counts: Counts | None, null_words: str) -> None:
    """Writes under the picture what its numbers are based on: kind, transitions, coverage and null.

    Args:
        figure: the picture.
        kind: the kind of the numbers.
        axis: the axis along which the transitions go.
        counts: the transitions; None leaves out their number and the coverage.
        null_words: the null of the Φ in words.
    """
    lines = [KIND_WORDS[kind]]
    if kind == "causal" and null_words == NULL_NOT_COMPUTED:
        null_words = NO_NULL
    if counts is not None:
        coverage = f"{sum(1 for count in counts.visits if count)} of {len(counts.visits)} states visited"
        data = f"{counts.transitions:,} transitions {AXIS_WORDS[axis]}"
        if kind == "causal":
            data, coverage = f"{max(counts.visits):,} backgrounds for each state", coverage.replace("visited", "set")
        lines.append(f"{data} · {coverage} · {null_words}")
    else:
        lines.append(f"transitions {AXIS_WORDS[axis]} · {null_words}")
    figure.text(0.022, 0.026, plain("\n".join(lines), 300), fontsize=8.5, color=SOFT, va="bottom", linespacing=1.45)


def card(title: str, subtitle: str) -> Figure:
    """Creates an empty small picture with its two lines: 700 x 560 pixels, to be read where it is shown 350 wide."""
    figure = Figure(figsize=(3.5, 2.8), dpi=_CARD_DPI, facecolor=PAPER)
    figure.text(0.03, 0.93, plain(title, 28), fontsize=15, fontweight="bold", va="center")
    figure.text(0.03, 0.84, plain(subtitle, 50), fontsize=LEAST, color=SOFT, va="center")
    return figure


def rendered(figure: Figure) -> Rendered:
    """Renders a picture in both forms."""
    return Rendered(png(figure), svg(figure))


def png(figure: Figure) -> bytes:
    """Renders a picture as PNG bytes with a palette of 256 colours."""
    pixels, buffer = io.BytesIO(), io.BytesIO()
    FigureCanvasAgg(figure)
    figure.savefig(pixels, format="rgba", dpi=figure.dpi, facecolor=PAPER)
    size = round(figure.get_figwidth() * figure.dpi), round(figure.get_figheight() * figure.dpi)
    drawn = Image.frombytes("RGBA", size, pixels.getvalue()).convert("RGB")
    # 256 colours are enough for these pictures and make a third of the bytes, which trackers' writers pay for one by one.
    drawn.quantize(256, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE).save(buffer, format="png")
    return buffer.getvalue()


def svg(figure: Figure) -> bytes:
    """Renders a picture as SVG bytes, the same ones for the same picture; text stays text."""
    buffer = io.BytesIO()
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": "lightning-iit"}):
        figure.savefig(buffer, format="svg", facecolor=PAPER, metadata={"Date": None})
    return buffer.getvalue()


def plain(text: str, width: int) -> str:
    """Shortens text to ``width`` characters (cut in the middle) and replaces characters that the font cannot draw by a hollow box.

    Dots beside the ellipsis are left out too: they would be read as a part of it.

    Example:
        >>> plain("a_long_layer_name", 9)
        'a_lo…name'
        >>> plain("net.encoder.layers.0", 9)
        'net…rs.0'
    """
    if len(text) > width:
        half = (width - 1) // 2
        text = f"{text[:half].rstrip('.')}…{text[-(width - 1 - half) :].lstrip('.')}"
    known = _characters()
    return "".join(
        char if char == "\n" or (ord(char) in known and not unicodedata.category(char).startswith("C")) else "□" for char in text
    )


def wrapped(text: str, width: int, lines: int) -> str:
    """Breaks text into at most ``lines`` lines of ``width`` characters and drops the rest; replaces characters like ``plain``."""
    broken = textwrap.wrap(text, width, max_lines=lines, placeholder=" …")
    return plain("\n".join(broken), width * lines + lines)


def bit_string(index: int, n: int) -> str:
    """Returns the state of n units with the given little-endian index as text, unit 0 first.

    Example:
        >>> bit_string(1, 3)
        '100'
    """
    return "".join(str(index >> unit & 1) for unit in range(n))


@cache
def _characters() -> frozenset[int]:
    """Returns the code points of all characters that the font can draw."""
    return frozenset(get_font(findfont("DejaVu Sans")).get_charmap())
