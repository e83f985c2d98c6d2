"""The large picture of the minimum-information partition: the units as a graph, and in words what was found."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lightning_iit.figures.canvas import (
    BLUE,
    FAINT,
    INK,
    SOFT,
    VERMILION,
    Rendered,
    blank,
    caption,
    plain,
    rendered,
    style,
    wrapped,
)
from lightning_iit.figures.graph import draw_graph, strengths
from lightning_iit.figures.parts import partition_of, parts_of, severed_words
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
from lightning_iit.records.shown.numbers import decimals

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jaxtyping import Float
    from matplotlib.figure import Figure

    from lightning_iit.records import Axis, Counts, Kind, State, Structure, TpmRecord
    from lightning_iit.tpm.estimate import Tpm

_WORDS = 44
"""What is severed is said in words where they are at most so many characters, else as a number of connections."""
_CONCEPTS = 8
"""How many concepts (or distinctions) the bar chart shows at most."""


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
) -> Rendered:
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
        The picture as PNG, 920 x 520 pixels, and as SVG.
    """
    strength = strengths(tpm, cm)
    names = [plain(label, 8) for label in labels] if labels is not None else [str(unit) for unit in range(len(state))]
    with style():
        figure = blank(title, subtitle)
        draw_graph(figure.add_axes((0.01, 0.13, 0.6, 0.74)), result, strength, state, names, cm=cm)
        _panel(figure, result, state, strength, names, structure)
        caption(figure, kind=kind, axis=axis, counts=counts, null_words=null_words)
        return rendered(figure)


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
    figure.text(left, 0.79, f"Φ = {decimals(result.phi)}", fontsize=23, color=INK)
    figure.text(left, 0.74, f"state {''.join(map(str, state))} (unit 0 first, filled = ON)", fontsize=9, color=SOFT)
    if result.cut is None:
        words = f"No partition was searched: {result.reason or 'Φ is 0 without a search.'}"
        figure.text(left, 0.705, wrapped(words, 50, 5), fontsize=9, color=SOFT, va="top", linespacing=1.4)
    else:
        source, target = (", ".join(names[node] for node in nodes) for nodes in (result.cut.from_nodes, result.cut.to_nodes))
        _severed_words(
            figure, left, f"severed: from {source} to {target}", _strongest(strength, partition_of(result, len(state))[0])
        )
    _bars(figure, left, "concept", [(concept.phi, concept.mechanism) for concept in result.concepts], names)


def _panel_of_iit4(
    figure: Figure, left: float, result: SystemPhi, state: State, names: Sequence[str], structure: Structure | None
) -> None:
    """Writes the text beside the graph for a result of IIT 4.0: φ_s, states, partition and distinctions."""
    figure.text(left, 0.79, f"φ_s = {decimals(result.phi)}", fontsize=23, color=INK)
    of = "" if len(result.nodes) == len(state) else f" of units {' '.join(names[node] for node in result.nodes)}"
    words = f"{FORMALISM_WORDS[result.formalism]}{of}, signed {decimals(result.signed_phi)} ibits"
    figure.text(left, 0.745, words, fontsize=9, color=SOFT)
    cause, effect = ("".join(map(str, one.state)) for one in (result.cause, result.effect))
    words = f"state {''.join(map(str, state))} (unit 0 first, filled = ON), cause {cause}, effect {effect}"
    figure.text(left, 0.72, wrapped(words, 50, 2), fontsize=9, color=SOFT, va="top", linespacing=1.3)
    if not result.partition:
        figure.text(left, 0.655, wrapped(result.reason, 50, 3), fontsize=9, color=SOFT, va="top", linespacing=1.4)
    else:
        parts = parts_of(result, 0)
        many = len(result.partition)
        words = f"severed: {severed_words(result.partition, names)}"
        if len(words) > _WORDS:
            words = f"{many} connection{'' if many == 1 else 's'} severed between {len(parts)} parts"
        figure.text(left, 0.623, "- - -", fontsize=11, color=VERMILION, fontweight="bold")
        figure.text(left + 0.04, 0.625, words, fontsize=9, color=INK)
    if structure is not None:
        found = [(one.phi, one.mechanism) for one in structure.distinctions]
        _bars(figure, left, "distinction", found, names)
        words = f"{structure.relations:,} relations; Φ of the structure {decimals(structure.big_phi, 3)} ibits"
        figure.text(left, 0.145, words, fontsize=8.5, color=SOFT)


def _strongest(strength: Float[np.ndarray, "unit unit"], severed: set[tuple[int, int]]) -> float:
    """Returns the strongest influence that is severed, among those that are known."""
    known = [float(strength[pair]) for pair in severed if np.isfinite(strength[pair])]
    return max(known, default=0.0)


def _severed_words(figure: Figure, left: float, words: str, strongest: float) -> None:
    """Writes which connections are severed, and how strong the strongest of them is."""
    figure.text(left, 0.695, "- - -", fontsize=11, color=VERMILION, fontweight="bold")
    figure.text(left + 0.04, 0.72, wrapped(words, 44, 2), fontsize=9, color=INK, va="top", linespacing=1.3)
    words = f"arrow width: change of P(ON), severed up to {decimals(strongest, 2)}"
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
        axes.text(value, row, f" {decimals(value, 3)}", va="center", fontsize=8, color=SOFT)
    for side in ("top", "right", "bottom"):
        axes.spines[side].set_visible(False)
    axes.spines["left"].set_color(FAINT)
