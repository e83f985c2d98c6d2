"""What all pictures share: size, style, text that any layer name survives, the caption, and the way to PNG bytes."""

from __future__ import annotations

import io
import textwrap
import unicodedata
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import findfont, get_font
from PIL import Image

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lightning_iit.records import Axis, Counts, Kind

INK, SOFT, FAINT, PAPER = "#1f2328", "#5c6670", "#c9d0d6", "#ffffff"
BLUE, ORANGE, VERMILION = "#0072B2", "#E69F00", "#D55E00"
"""Of the palette of Okabe and Ito, which the colour-blind can tell apart."""

KIND_WORDS: dict[Kind, str] = {
    "causal": "causal: units were set into each state",
    "observational": "observational: units were watched, not set",
    "statistical": "statistical: no connections among the units, structural Φ is 0",
}
AXIS_WORDS: dict[Axis, str] = {
    "time": "in time",
    "stream": "from sample to sample in the loader's order",
    "token": "from token to token",
    "patch": "from patch to patch",
    "depth": "from block to block",
}
_DPI = 100


@contextmanager
def style() -> Iterator[None]:
    """Matplotlib's own defaults and our few settings, whatever the user's matplotlibrc holds."""
    settings: dict[Any, Any] = {key: value for key, value in mpl.rcParamsDefault.items() if "backend" not in key}
    settings |= {"font.family": "DejaVu Sans", "font.size": 9.0, "text.parse_math": False, "hatch.linewidth": 0.7}
    settings |= {"text.color": INK, "axes.labelcolor": SOFT, "axes.edgecolor": FAINT}
    settings |= {"xtick.color": SOFT, "ytick.color": SOFT, "xtick.major.size": 0, "ytick.major.size": 0}
    with mpl.rc_context(settings):
        yield


def blank(title: str, subtitle: str) -> Figure:
    """An empty picture of 920 x 520 pixels with its title lines."""
    figure = Figure(figsize=(9.2, 5.2), dpi=_DPI, facecolor=PAPER)
    figure.text(0.022, 0.945, plain(title, 62), fontsize=13, fontweight="bold", va="center")
    figure.text(0.022, 0.895, plain(subtitle, 120), fontsize=9.5, color=SOFT, va="center")
    return figure


def caption(figure: Figure, *, kind: Kind, axis: Axis, counts: Counts | None, null_words: str) -> None:
    """Writes under the picture what the number rests on."""
    lines = [KIND_WORDS[kind]]
    if counts is not None:
        coverage = f"{sum(1 for count in counts.visits if count)} of {len(counts.visits)} states visited"
        how = "steps from states that were set" if kind == "causal" else f"transitions {AXIS_WORDS[axis]}"
        coverage = coverage.replace("visited", "set") if kind == "causal" else coverage
        lines.append(f"{counts.transitions:,} {how} · {coverage} · {null_words}")
    else:
        lines.append(f"transitions {AXIS_WORDS[axis]} · {null_words}")
    figure.text(0.022, 0.026, plain("\n".join(lines), 300), fontsize=8.5, color=SOFT, va="bottom", linespacing=1.45)


def png(figure: Figure) -> bytes:
    """The picture as PNG bytes."""
    pixels, buffer = io.BytesIO(), io.BytesIO()
    FigureCanvasAgg(figure)
    figure.savefig(pixels, format="rgba", dpi=_DPI, facecolor=PAPER)
    size = round(figure.get_figwidth() * _DPI), round(figure.get_figheight() * _DPI)
    drawn = Image.frombytes("RGBA", size, pixels.getvalue()).convert("RGB")
    # 256 colours are enough for these pictures and make a third of the bytes, which trackers' writers pay for one by one.
    drawn.quantize(256, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE).save(buffer, format="png")
    return buffer.getvalue()


def plain(text: str, width: int) -> str:
    """Text of at most ``width`` characters that the font can draw; what it cannot is shown as a hollow box."""
    if len(text) > width:
        half = (width - 1) // 2
        text = f"{text[:half]}…{text[-(width - 1 - half) :]}"
    known = _characters()
    return "".join(
        char if char == "\n" or (ord(char) in known and not unicodedata.category(char).startswith("C")) else "□" for char in text
    )


def wrapped(text: str, width: int, lines: int) -> str:
    """Text broken into lines of ``width`` characters, the rest left out after ``lines`` of them."""
    broken = textwrap.wrap(text, width, max_lines=lines, placeholder=" …")
    return plain("\n".join(broken), width * lines + lines)


def bit_string(index: int, n: int) -> str:
    """The state of that little-endian index, unit 0 first: index 1 of three units is 100."""
    return "".join(str(index >> unit & 1) for unit in range(n))


@cache
def _characters() -> frozenset[int]:
    return frozenset(get_font(findfont("DejaVu Sans")).get_charmap())
