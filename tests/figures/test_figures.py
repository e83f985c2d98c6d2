"""Pictures: the colours of the TPM's cells, the marks, text that any layer name survives, and what the process loads."""

from __future__ import annotations

import io
import subprocess
import sys

import matplotlib as mpl
import numpy as np
import pytest
from PIL import Image

from lightning_iit.figures import partition_graph, tpm_heatmap
from lightning_iit.records import Computed, Concept, Cut, EngineInfo, Failed, NullResult, Skipped, TimedOut
from lightning_iit.tpm.conversion import state_by_state
from lightning_iit.tpm.estimate import estimate_tpm, tpm_from_counts

ENGINE = EngineInfo(name="fast", version="1")
VERMILION, BLUE, ORANGE = (213, 94, 0), (0, 114, 178), (230, 159, 0)
CELLS = {"nodes": (0.1, 0.205), "square": (0.575, 0.345)}
BOTTOM, HEIGHT = 0.19, 0.635
ODD = "rnn.$cell^{2}$_{0}%\\alpha\n\x00 層 🙂 <b>&amp; Ünïcode " + "x" * 300


def pixels(png: bytes) -> np.ndarray:
    image = Image.open(io.BytesIO(png))
    assert image.format == "PNG"
    assert image.size == (920, 520)
    assert 5_000 < len(png) < 60_000
    return np.asarray(image.convert("RGB")).astype(int)


def cell(image: np.ndarray, where: str, row: int, column: int, rows: int, columns: int) -> np.ndarray:
    """The colour in the middle of a cell of a matrix."""
    left, width = CELLS[where]
    x = (left + width * (column + 0.5) / columns) * image.shape[1]
    y = (1 - BOTTOM - HEIGHT + HEIGHT * (row + 0.5) / rows) * image.shape[0]
    return image[round(y), round(x)]


def near(image: np.ndarray, colour: tuple[int, int, int], distance: int = 12) -> int:
    """How many pixels have about that colour."""
    return int((np.abs(image - np.array(colour)).max(axis=-1) <= distance).sum())


@pytest.fixture(scope="module")
def tpm():
    return estimate_tpm(np.random.default_rng(0).integers(0, 2, (30, 4)))


@pytest.fixture(scope="module")
def computed():
    concept = Concept(mechanism=(0, 2), cause_purview=(0,), effect_purview=(2,), cause_phi=0.25, effect_phi=0.5)
    return Computed(phi=0.125, cut=Cut(from_nodes=(1,), to_nodes=(0, 2, 3)), concepts=(concept,), engine=ENGINE)


def heatmap(tpm, **options):
    return drawn(tpm, **options).png


def drawn(tpm, **options):
    return tpm_heatmap(tpm, **{"counts": tpm.counts, "kind": "observational", "axis": "time", **options})


def graph(result, tpm, **options):
    return partition_graph(
        result, tpm=tpm, **{"state": (1, 0, 1, 0), "kind": "causal", "axis": "time", "counts": tpm.counts, **options}
    ).png


def test_cells_have_the_colours_of_their_probabilities(tpm):
    assert not tpm.visited.all()
    image, viridis = pixels(heatmap(tpm)), mpl.colormaps["viridis"]
    square = tpm.state_by_state
    top = square[tpm.visited].max()
    for row in np.flatnonzero(tpm.visited):
        for unit in range(4):
            expected = np.array(viridis(tpm.state_by_node[row, unit])[:3]) * 255
            assert np.abs(cell(image, "nodes", row, unit, 16, 4) - expected).max() < 14
        for column in range(16):
            expected = np.array(viridis(square[row, column] / top)[:3]) * 255
            assert np.abs(cell(image, "square", row, column, 16, 16) - expected).max() < 14


def test_rows_never_visited_are_grey_and_hatched(tpm):
    image = pixels(heatmap(tpm))
    for row in np.flatnonzero(~tpm.visited):
        strip = np.concatenate([cell(image, "nodes", row, unit, 16, 4 * 8)[None] for unit in range(32)])
        assert (np.ptp(strip, axis=-1) < 25).all(), "a colour of the map where nothing was seen"
        assert np.ptp(strip[:, 0]) > 40, "no hatching"
    everywhere = pixels(heatmap(estimate_tpm([[0], [1], [0], [1]])))
    assert near(everywhere[95:415, 95:280], (230, 233, 236), 3) == 0


def test_the_analysed_state_is_marked(tpm):
    assert near(pixels(heatmap(tpm)), VERMILION) == 0
    image = pixels(heatmap(tpm, state=(1, 1, 0, 0)))  # row 3
    marked = np.flatnonzero([near(line[None, 92:282], VERMILION) > 150 for line in image])
    top, height = (1 - BOTTOM - HEIGHT) * 520, HEIGHT * 520 / 16
    assert abs(marked.min() - (top + 3 * height)) <= 2
    assert abs(marked.max() - (top + 4 * height)) <= 2


def test_a_record_and_the_tpm_give_the_same_picture(tpm):
    assert heatmap(tpm) == tpm_heatmap(tpm.record, counts=tpm.counts, kind="observational", axis="time").png


def test_the_caption_changes_with_what_it_says(tpm):
    null = NullResult(name="cut", surrogates=19, mean=0.1, upper=0.2, excess=0.1, p=0.05, seed=0)
    variants = [
        {},
        {"kind": "statistical"},
        {"kind": "causal"},
        {"axis": "stream"},
        {"null_words": f"{null.name} null: p = {null.p}"},
    ]
    below = [pixels(heatmap(tpm, **options))[450:].tobytes() for options in variants]
    assert len(set(below)) == len(variants)
    more = tpm_from_counts(estimate_tpm(np.random.default_rng(1).integers(0, 2, (31, 4))).counts)
    assert pixels(heatmap(more))[450:].tobytes() != below[0]


def test_the_square_without_joint_counts_is_the_product(tpm):
    import msgspec

    counts = msgspec.structs.replace(tpm.counts, joint=())
    image, square = pixels(heatmap(tpm, counts=counts)), state_by_state(tpm.state_by_node)
    expected = np.array(mpl.colormaps["viridis"](square[0, 0] / square[tpm.visited].max())[:3]) * 255
    assert tpm.visited[0]
    assert np.abs(cell(image, "square", 0, 0, 16, 16) - expected).max() < 14


@pytest.mark.parametrize("n", [1, 2, 3, 5, 6, 7, 8])
def test_every_number_of_units(n):
    tpm = estimate_tpm(np.random.default_rng(n).integers(0, 2, (200, n)))
    state = (1,) + (0,) * (n - 1)
    pixels(heatmap(tpm, state=state, labels=[str(1000 + unit) for unit in range(n)]))
    cut = Cut(from_nodes=(0,), to_nodes=tuple(range(1, n))) if n > 1 else None
    result = Computed(phi=0.5, cut=cut, engine=ENGINE)
    image = pixels(graph(result, tpm, state=state, labels=[str(1000 + unit) for unit in range(n)]))
    assert (near(image, BLUE) > 0) == (n > 1)


def test_any_layer_name_can_be_drawn(tpm, computed):
    for picture in (heatmap(tpm, title=ODD, subtitle=ODD, labels=[ODD] * 4), graph(computed, tpm, title=ODD, labels=[ODD] * 4)):
        pixels(picture)
    # Dollar signs are text, not mathematics: the same letters without them are another picture.
    assert heatmap(tpm, title="$a$") != heatmap(tpm, title="a")
    pixels(graph(Failed(code="engine_error", reason=ODD), tpm))


def test_both_parts_and_the_severed_connections_are_seen(tpm, computed):
    image = pixels(graph(computed, tpm))[:, :560]
    assert near(image, BLUE) > 200
    assert near(image, ORANGE) > 400
    assert near(image, VERMILION, 40) > 30
    unconnected = pixels(graph(computed, tpm, cm=np.ones((4, 4)) - np.eye(4)[[1, 1, 1, 1]].T))[:, :560]
    assert near(unconnected, VERMILION, 40) == 0, "no connection leads out of unit 1, so none is severed"


def test_without_a_cut_there_are_no_parts(tpm):
    result = Computed(phi=0.0, engine=ENGINE, reason="no concept")
    image = pixels(graph(result, tpm))[:, :560]
    assert near(image, BLUE) == near(image, ORANGE) == near(image, VERMILION, 40) == 0
    other = Computed(phi=0.0, engine=ENGINE, reason="not strongly connected")
    assert graph(other, tpm) != graph(result, tpm)


@pytest.mark.parametrize(
    "result",
    [
        Skipped(code="state_unreachable", reason="No state leads there."),
        Failed(code="worker_died", reason="The worker was killed.", details="signal 9"),
        TimedOut(reason="The analysis was stopped after 600 s.", timeout=600.0),
    ],
)
def test_what_was_not_computed_says_so(tpm, computed, result):
    image = pixels(graph(result, tpm))
    assert near(image[60:130, 560:], VERMILION) > 200, "the words 'Φ not computed'"
    assert near(pixels(graph(computed, tpm))[60:130, 560:], VERMILION) == 0


def test_pictures_do_not_depend_on_the_process(tpm, computed):
    before = heatmap(tpm), graph(computed, tpm)
    with mpl.rc_context(
        {"text.color": "red", "font.size": 30, "axes.facecolor": "black", "savefig.facecolor": "black", "text.usetex": True}
    ):
        assert (heatmap(tpm), graph(computed, tpm)) == before
        assert mpl.rcParams["font.size"] == 30


def test_no_torch_and_no_pyplot_are_loaded():
    code = "import sys, lightning_iit.figures; print(*sorted({'torch', 'pyphi', 'matplotlib.pyplot', 'scipy'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)
    assert done.stdout.strip() == ""


# --- colour bars and labels: without them a cell's colour has no value, and a row no state


def ink(image: np.ndarray, x: tuple[float, float], y: tuple[float, float]) -> np.ndarray:
    """Where something is drawn in a part of the picture given in shares of its width and (downwards) its height."""
    height, width = image.shape[:2]
    part = image[round(y[0] * height) : round(y[1] * height), round(x[0] * width) : round(x[1] * width)]
    return part.min(axis=-1) < 200


TOP = 1 - BOTTOM - HEIGHT


@pytest.mark.parametrize("where", ["nodes", "square"])
def test_the_colour_bar_goes_through_the_colour_map(tpm, where):
    image, viridis = pixels(heatmap(tpm)), mpl.colormaps["viridis"]
    left, width = CELLS[where]
    x = round((left + width + 0.011 + 0.006) * image.shape[1])
    for value in np.linspace(0.01, 0.99, 30):
        y = (TOP + HEIGHT * (1 - value)) * image.shape[0]
        assert np.abs(image[round(y), x] - np.array(viridis(value)[:3]) * 255).max() < 20, f"{value:.2f} of the bar"
    # Its scale: numbers beside it from 0 at the bottom to the top, and what they mean.
    numbers = ink(image, (left + width + 0.024, left + width + 0.05), (TOP - 0.02, TOP + HEIGHT + 0.02)).any(axis=1)
    rows = np.flatnonzero(numbers)
    assert abs(rows.max() - (0.02 + HEIGHT) * image.shape[0]) < 8, "a number at the lower end"
    assert np.diff(np.concatenate([[0], numbers, [0]]).astype(int)).clip(0).sum() >= 4, "several numbers"


def test_each_row_is_labelled_by_its_state_unit_0_first(tpm):
    """The tick labels are read: each is four digits, which look like those of 0000 and 1111."""
    image = pixels(heatmap(tpm))
    width = image.shape[1]
    columns = np.flatnonzero(ink(image, (0.064, 0.099), (TOP, TOP + HEIGHT)).any(axis=0)) + round(0.064 * width)
    digits = np.linspace(columns.min(), columns.max() + 1, 5).round().astype(int)

    def glyph(row: int, unit: int) -> np.ndarray:
        middle = round((TOP + HEIGHT * (row + 0.5) / 16) * image.shape[0])
        return image[middle - 5 : middle + 6, digits[unit] : digits[unit + 1]].min(axis=-1).astype(float)

    def distance(one: np.ndarray, other: np.ndarray) -> float:
        return min(np.abs(np.roll(one, shift, axis=0)[1:-1] - other[1:-1]).mean() for shift in (-1, 0, 1))

    for row in range(16):
        read = [int(distance(glyph(row, unit), glyph(15, unit)) < distance(glyph(row, unit), glyph(0, unit))) for unit in range(4)]
        assert read == [row >> unit & 1 for unit in range(4)]


@pytest.mark.parametrize(
    ("what", "x", "y"),
    [
        ("present state", (0.0, 0.05), (TOP, TOP + HEIGHT)),
        ("unit", (0.1, 0.305), (TOP + HEIGHT + 0.05, TOP + HEIGHT + 0.1)),
        ("P(unit is ON next)", (0.1, 0.305), (TOP - 0.06, TOP - 0.005)),
        ("probability of ON", (0.355, 0.38), (TOP, TOP + HEIGHT)),
        ("visits", (0.405, 0.48), (TOP - 0.06, TOP - 0.005)),
        ("P(next state)", (0.575, 0.92), (TOP - 0.06, TOP - 0.005)),
        ("next states", (0.575, 0.92), (TOP + HEIGHT + 0.005, TOP + HEIGHT + 0.06)),
    ],
)
def test_axes_are_named(tpm, what, x, y):
    assert ink(pixels(heatmap(tpm)), x, y).sum() > 20, what


def test_units_are_named_under_their_columns(tpm):
    one, other = (pixels(heatmap(tpm, labels=labels)) for labels in (["3", "14", "15", "92"], ["3", "14", "65", "92"]))
    changed = np.argwhere(np.abs(one - other).max(axis=-1) > 40)
    left, width = CELLS["nodes"]
    third = left + width * 2.5 / 4
    assert len(changed)
    assert np.abs(changed[:, 1] / 920 - third).max() < 0.02
    assert (changed[:, 0] / 520 > TOP + HEIGHT).all()
    assert (changed[:, 0] / 520 < TOP + HEIGHT + 0.06).all()
