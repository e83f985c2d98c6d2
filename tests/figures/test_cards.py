"""Small pictures: what is said in them, and that it can be read in the smallest card that shows them."""

from __future__ import annotations

import io

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch
from PIL import Image
from tracker_cards import LEAST, MLFLOW, TENSORBOARD

from lightning_iit.figures import cards, partition_card, tpm_card
from lightning_iit.figures.graph import draw_graph, strengths
from lightning_iit.records import Computed, Cut, EngineInfo, Failed, SystemPhi, TpmRecord
from lightning_iit.tpm.estimate import estimate_tpm

ENGINE = EngineInfo(name="fast", version="1")
VERMILION, BLUE = (213, 94, 0), (0, 114, 178)


@pytest.fixture(scope="module", params=[2, 4, 6, 8])
def tpm(request):
    return estimate_tpm(np.random.default_rng(0).integers(0, 2, (40 * request.param, request.param)))


@pytest.fixture
def words(monkeypatch):
    """Receives what is written into the pictures: each text with the size of its letters in MLflow's card, and where it stands."""
    found = {}
    draw = cards.png

    def look(figure: Figure) -> bytes:
        drawn = draw(figure)
        found.clear()
        width = figure.get_size_inches()[0] * figure.dpi
        texts = figure.findobj(lambda one: hasattr(one, "get_fontsize") and one.get_text().strip())
        for text in texts:
            box = text.get_window_extent()
            assert box.x0 >= 0
            assert box.x1 <= width, text.get_text()
            assert box.y0 >= 0
            found[text.get_text()] = text.get_fontsize() / 72 * figure.dpi * MLFLOW / width
        return drawn

    monkeypatch.setattr(cards, "png", look)
    return found


def pixels(png: bytes) -> np.ndarray:
    image = Image.open(io.BytesIO(png))
    assert (image.format, image.size) == ("PNG", (700, 560))
    assert len(png) < 50_000
    return np.asarray(image.convert("RGB").resize((TENSORBOARD, 280), Image.Resampling.LANCZOS)).astype(int)


def near(image: np.ndarray, colour: tuple[int, int, int], distance: int = 40) -> int:
    return int((np.abs(image - np.array(colour)).max(axis=-1) <= distance).sum())


def card(result, tpm, **options):
    n = len(tpm.state_by_node[0])
    state = (1, 0, 1, 0, 1, 1, 0, 1)[:n]
    return partition_card(
        result, tpm=tpm, **{"state": state, "kind": "causal", "labels": [str(7 * unit + 3) for unit in range(n)]} | options
    )


def a_cut(n):
    return Computed(phi=0.12345, cut=Cut(from_nodes=(1,), to_nodes=(0, *range(2, n))), engine=ENGINE)


def test_the_partition_says_phi_state_kind_and_cut_in_letters_that_can_be_read(tpm, words):
    n = len(tpm.state_by_node[0])
    image = pixels(card(a_cut(n), tpm, when="epoch 3"))
    others = " ".join(str(7 * unit + 3) for unit in range(n) if unit != 1)
    state = "".join(map(str, (1, 0, 1, 0, 1, 1, 0, 1)[:n]))
    assert {"Φ = 0.1235, one group", f"causal · state {state} · epoch 3", f"cut: 10 → {others}", "from", "to"} <= words.keys()
    assert words["Φ = 0.1235, one group"] > 11
    units = {name: size for name, size in words.items() if name.isdecimal()}
    assert len(units) == n
    assert min(words.values()) >= LEAST
    assert near(image, BLUE) > 100
    assert near(image, VERMILION) > 10, "severed connections are seen"


def test_the_partition_of_units_without_connections_says_that_their_phi_is_0_by_structure(tpm, words):
    pixels(card(a_cut(len(tpm.state_by_node[0])), tpm, kind="statistical"))
    (said,) = [text for text in words if "cut: 10 →" in text.replace("\n", " ")]
    assert said.replace("\n", " ").startswith("By structure 0; counted from the data. cut: 10 → 3")
    assert words[said] >= LEAST


def test_the_partition_of_iit4_names_its_version(words):
    tpm = estimate_tpm(np.random.default_rng(1).integers(0, 2, (80, 3)))
    from lightning_iit import System, compute_phi

    result = compute_phi(System(tpm=tpm.state_by_node.tolist(), state=(1, 0, 1)), formalism="iit4-2023")
    assert isinstance(result, SystemPhi)
    pixels(card(result, tpm))
    assert result.phi == 0.0
    assert "φ_s = 0, one group" in words
    (cut,) = [text for text in words if text.startswith("IIT 4.0")]
    assert result.partition == ((0, 2), (1, 2))
    assert cut == "IIT 4.0 (2023) · cut: from 3 10 to 17"


def test_without_phi_the_reason_stands_there(tpm, words):
    pixels(card(Failed(code="worker_died", reason="The worker was killed. " * 9), tpm))
    assert "no Φ: failed" in words
    (reason,) = [text for text in words if text.startswith("The worker was killed.")]
    assert reason.endswith("…")
    assert min(size for text, size in words.items() if not text.isdecimal()) >= LEAST
    pixels(card(Computed(phi=0.0, engine=ENGINE, reason="no concept"), tpm))
    assert "no cut: no concept" in words


def test_the_tpm_names_its_rows_and_units_in_letters_that_can_be_read(tpm, words):
    n = len(tpm.state_by_node[0])
    state = (1,) + (0,) * (n - 1)
    image = pixels(tpm_card(tpm, kind="observational", state=state, when="untrained", labels=[str(3 * unit) for unit in range(n)]))
    assert f"observational · state {''.join(map(str, state))} framed · untrained" in words
    rows = [text for text in words if len(text) == n and set(text) <= {"0", "1"}]
    assert rows == [format(row, f"0{n}b")[::-1] for row in range(0, 2**n, max(1, 2**n // 8))]
    assert min(words.values()) >= LEAST
    assert near(image, VERMILION) > 50, "the analysed state is framed"
    assert near(pixels(tpm_card(tpm, kind="observational")), VERMILION, 12) == 0
    hatched = any("never visited" in text for text in words)
    assert hatched == (not np.asarray(tpm.visited).all())


def test_severed_connections_are_drawn_however_weak_and_those_that_do_not_exist_are_not():
    """No unit has an influence on another here: all that is drawn in their colour is what the partition severs."""
    still = np.full((8, 3), 0.5)
    tpm = TpmRecord(state_by_node=tuple(map(tuple, still.tolist())), visited=(True,) * 8, prior=0.5)
    result = Computed(phi=0.0001, cut=Cut(from_nodes=(0, 1), to_nodes=(2,)), engine=ENGINE)

    def severed(cm):
        figure = Figure()
        draw_graph(figure.add_subplot(), result, strengths(tpm, cm), (0, 1, 0), "ABC", cm=cm)
        return len(figure.findobj(FancyArrowPatch))

    assert severed(None) == 2
    assert severed(((1, 1, 1), (1, 1, 0), (1, 1, 1))) == 1
