"""Many layers in the page: which are plotted, their names, their list; and the axes, bars and legends that say what is drawn."""

from __future__ import annotations

import itertools
import re
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from viewer_examination import CHART_PIXELS, go_to, has_dash, written_record
from viewer_pages import viewer, watched
from viewer_room import BOXES, apart, check_room
from viewer_runs import make_record, write_file, write_record, write_run
from viewer_zoo import LOADED, make_zoo

from lightning_iit.records import NetworkLayer, NetworkSnapshot, encode

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Browser, Page

UNITS_UNDER = """([labels, reach]) => {
  const probe = window.lightningIIT, { a } = probe.state();
  const units = a.network.layers.flatMap(({ name, indices }) => indices.map((index) => ({ layer: name, index })));
  const places = units.map((unit) => [unit, probe.project(unit)]).filter(([, place]) => place);
  return [...document.querySelectorAll(labels)].flatMap((label) => {
    const { left, top, right, bottom } = label.getBoundingClientRect();
    const isOver = ([, { x, y }]) => x > left - reach && x < right + reach && y > top - reach && y < bottom + reach;
    return places.filter(isOver).map(([{ layer, index }]) => `${label.textContent} over ${index} of ${layer}`);
  });
}"""
"""The units that lie under labels; those of closed blocks are not drawn."""

GAPS = """(names) => {
  const places = names.map((layer) => window.lightningIIT.project({ layer, index: 0 }));
  return places.slice(1).map(({ x, y }, at) => Math.hypot(x - places[at].x, y - places[at].y));
}"""
"""How far apart layers are that follow each other, by their first units, in pixels."""

pytestmark = pytest.mark.browser
NAMES = [f"net.backbone_of_many_hidden_layers.{at}.activation" for at in range(59)]


@pytest.fixture(scope="module")
def deep(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Fifty-nine layers of 8 units with two epochs each, and their network."""
    run = tmp_path_factory.mktemp("deep") / "run"
    for name, epoch in itertools.product(NAMES, range(2)):
        write_record(run, msgspec.structs.replace(make_record("x", epoch, n=2), layer=name))
    units = make_record("x", 0, n=2).units.indices
    layers = tuple(
        NetworkLayer(name=name, kind="linear", width=32, indices=tuple(range(32)), analysed=units, mean_activity=(0.5,) * 32)
        for name in NAMES
    )
    shot = NetworkSnapshot(epoch=1, global_step=1, wall_time=0.0, layers=layers)
    write_file(run / "iit" / "network" / "snapshot=0001.json", encode(shot))
    return run


def check_focus(page: Page, at: int) -> None:
    """The others make room for the shown layer, which is named."""
    gaps = page.evaluate(GAPS, NAMES)
    beside = [gaps[before] for before in range(at - 2, at + 2) if 0 <= before < len(gaps)]
    away = [gaps[before] for before in (at - 6, at - 5, at + 4, at + 5) if 0 <= before < len(gaps)]  # as far from the eye
    assert min(beside) > 1.6 * max(away)
    page.wait_for_function(
        "(name) => document.querySelector('.layer-name.current b')?.textContent.split(/[.…]/).includes(name)", arg=str(at)
    )


def choose(page: Page, layer: str) -> None:
    page.get_by_label("Layer", exact=True).select_option(layer)
    page.wait_for_function("(layer) => window.lightningIIT.state().a.record?.layer === layer", arg=layer)
    page.evaluate("() => new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)))")


@pytest.mark.parametrize(("width", "height"), [(1280, 720), (390, 844)])
def test_the_selected_layer_is_plotted_and_what_is_not_is_said(chromium: Browser, deep: Path, width: int, height: int) -> None:
    with viewer(deep) as address, watched(chromium, width=width, height=height) as page:
        page.page.goto(address)
        page.ready()
        for at in (0, 30, 58):
            choose(page.page, NAMES[at])
            legend = page.page.locator(".chart-legend")
            assert legend.locator(".key.current").get_attribute("title") == NAMES[at]
            assert legend.locator(".key[title]").count() == 8
            assert legend.locator(".link").inner_text() == "51 more layers are not drawn here"
            record = written_record(deep, NAMES[at], 1)
            place = [0.5, (record.scalars["phi_mean"] + written_record(deep, NAMES[at], 0).scalars["phi_mean"]) / 2]
            (line,) = page.page.evaluate(CHART_PIXELS, [place])
            assert line[3] > 200
            check_focus(page.page, at)
        assert page.page.evaluate("() => document.documentElement.scrollWidth") <= width
        page.check()


@pytest.mark.parametrize(("width", "height"), [(1280, 720), (390, 844)])
def test_no_name_and_no_letter_lies_over_another(chromium: Browser, deep: Path, width: int, height: int) -> None:
    """The shown layer is named, in the middle shortened; how many are not is said; after turning the network too."""
    with viewer(deep) as address, watched(chromium, width=width, height=height) as page:
        page.page.goto(address)
        page.ready()
        choose(page.page, NAMES[41])
        for turn in range(3):
            page.page.wait_for_timeout(200)
            boxes = page.page.evaluate(BOXES, ".layer-name, .letter")
            stage = page.page.locator(".stage").bounding_box()
            apart(
                [[name, x0 - stage["x"], y0 - stage["y"], x1 - stage["x"], y1 - stage["y"]] for name, x0, y0, x1, y1 in boxes],
                stage["width"],
                10_000,
            )
            assert page.page.locator(".letter").count() == 2
            # A turn is drawn, and its names with it, in the browser's own time.
            page.page.wait_for_function(
                f"(asked) => ({UNITS_UNDER})(asked).length === 0", arg=[".layer-name:not(.current), .letter", 2]
            )
            current = page.page.locator(".layer-name.current b")
            assert re.fullmatch(r"net\..*…(.*\.)?41[.…].*", current.inner_text())
            named = page.page.locator(".layer-name").count()
            assert 2 < named < 59
            assert page.page.locator(".unnamed").inner_text() == f"{named} of 59 layers are named"
            page.page.locator(".canvas").focus()
            page.page.keyboard.press("Shift+ArrowLeft" if turn else "Shift+ArrowUp")
        page.check()


def test_three_letters_of_neighbours_have_room(chromium: Browser, tmp_path: Path) -> None:
    """Units of two bits that stand next to each other: each has two letters, and a place of its own."""
    record = make_record("hidden", 0, n=6)
    units = msgspec.structs.replace(record.units, indices=(0, 0, 1, 1, 2, 2), bits=2)
    write_record(tmp_path, msgspec.structs.replace(record, units=units))
    layer = NetworkLayer(
        name="hidden", kind="linear", width=3, indices=(0, 1, 2), analysed=(0, 1, 2), mean_activity=(0.1, 0.5, 0.9)
    )
    wide = NetworkLayer(name="wide", kind="linear", width=200, indices=tuple(range(200)), mean_activity=(0.5,) * 200)
    write_file(
        tmp_path / "iit" / "network" / "snapshot=0000.json",
        encode(
            NetworkSnapshot(
                epoch=0, global_step=0, wall_time=0.0, layers=(layer, wide, msgspec.structs.replace(wide, name="wider"))
            )
        ),
    )
    with viewer(tmp_path) as address, watched(chromium, width=390, height=844) as page:
        page.page.goto(address)
        page.ready()
        page.page.wait_for_timeout(300)
        boxes = page.page.evaluate(BOXES, ".letter")
        assert len(boxes) == 3
        apart(boxes, 390, 5_000)
        page.check()


@pytest.mark.parametrize(("width", "height"), [(1280, 720), (390, 844)])
def test_all_layers_are_a_list_with_small_curves_and_a_search(chromium: Browser, deep: Path, width: int, height: int) -> None:
    with viewer(deep) as address, watched(chromium, width=width, height=height) as page:
        page.page.goto(address)
        page.ready()
        page.page.get_by_role("button", name="All 59").click()
        cells = page.page.locator(".overview .cell")
        assert cells.count() == 59
        assert cells.locator("b").evaluate_all("(all) => all.filter((name) => name.scrollWidth > name.clientWidth + 1).length") == 0
        assert len(set(cells.locator("b").all_inner_texts())) == 59
        drawn = cells.nth(17).locator("path.mean").get_attribute("d")
        assert drawn.count("L") == 1
        assert page.page.evaluate("() => document.documentElement.scrollWidth") <= width
        page.page.keyboard.type("LAYERS.4")
        assert cells.count() == 11
        page.page.keyboard.press("ArrowLeft")  # of the field, not of the epochs
        assert page.page.evaluate("() => window.lightningIIT.state().epoch") == 1
        cells.nth(3).click()
        wanted = NAMES[42]
        page.page.wait_for_function("(layer) => window.lightningIIT.state().a.record?.layer === layer", arg=wanted)
        assert page.page.locator(".overview").is_hidden()
        page.page.keyboard.press("l")
        assert page.page.locator(".cell[aria-pressed=true]").get_attribute("data-layer") == wanted
        page.page.keyboard.press("Escape")
        assert page.page.locator(".overview").is_hidden()
        page.check()


def test_the_untrained_network_alone_has_an_axis_with_one_epoch(chromium: Browser, tmp_path: Path) -> None:
    """The labels are painted: what the chart is asked to write is listened to."""
    make_zoo(tmp_path, ["untrained"])
    listen = """() => { window.__written = []; const write = CanvasRenderingContext2D.prototype.fillText;
      CanvasRenderingContext2D.prototype.fillText = function (text, ...rest) {
        if (this.canvas.closest('.chart, .uplot') || !this.canvas.isConnected) window.__written.push(String(text));
        return write.call(this, text, ...rest); }; }"""
    with viewer(tmp_path / "untrained") as address, watched(chromium) as page:
        page.page.add_init_script(f"({listen})()")
        page.page.goto(address)
        page.page.wait_for_function(LOADED)
        page.page.evaluate("() => { window.__written = []; }")
        page.page.keyboard.press("t")
        page.page.wait_for_function("() => window.__written.includes('untrained')")
        written = page.page.evaluate("() => window.__written")
        axes = {"Epoch", "Φ (EMD)"}
        assert [text for text in set(written) - axes if not text.startswith("0")] == ["untrained"]
        assert "untr." not in written
        middle = page.page.evaluate("() => window.lightningIIT.chartPlace(-1, 0).x")
        box = page.page.locator(".chart .u-over").bounding_box()
        assert middle == pytest.approx(box["x"] + box["width"] / 2, abs=2)
        page.check()


@pytest.mark.parametrize("width", [390, 1280, 1920])
def test_the_bars_of_concepts_are_to_scale(chromium: Browser, tmp_path: Path, width: int) -> None:
    write_run(tmp_path, epochs=1)
    with viewer(tmp_path) as address, watched(chromium, width=width) as page:
        page.page.goto(address)
        page.ready()
        bars = page.page.locator(".concepts td.phi").evaluate_all(
            "(all) => all.map((cell) => [Number(cell.dataset.phi), cell.querySelector('i').getBoundingClientRect().width])"
        )
        (most, longest), *rest = bars
        assert len(rest) > 3
        assert longest > 30
        for phi, wide in rest:
            assert wide == pytest.approx(longest * phi / most, abs=0.6)
        page.check()


def test_the_legend_names_what_is_drawn_and_no_more(chromium: Browser, tmp_path: Path) -> None:
    """Of a run without a survey: a mean over states is called one, the null is of the most visited state, and each is seen."""
    for epoch in range(3):
        write_record(tmp_path / "states", make_record("memory", epoch, n=4))
        record = make_record("memory", epoch, n=4)
        one = msgspec.structs.replace(record, states=record.states[:1], null=None)
        phi = one.states[0].result.phi
        write_record(tmp_path / "one", msgspec.structs.replace(one, scalars={"phi": phi, "phi_mean": phi, "phi_max": phi}))
    legend = lambda page: page.page.locator(".chart-legend").inner_text().replace("\n", " ")  # noqa: E731
    with viewer(tmp_path / "states") as address, watched(chromium) as page:
        page.page.goto(address)
        page.page.wait_for_selector(".chart-legend .key")
        assert page.page.locator(".curve h2").inner_text() == "Mean Φ of the states over epochs, IIT 3.0 (observational)"
        firsts = ["".join(map(str, written_record(tmp_path / "states", "memory", epoch).states[0].state)) for epoch in range(3)]
        assert len(set(firsts)) > 1
        state = f"Φ of the most visited state ({firsts[2]} at epoch 2)"
        for name in (state, "mean to maximum over states", "what chance reaches (null of the most visited state)"):
            assert name in legend(page)
        record = written_record(tmp_path / "states", "memory", 0)
        assert record.null is not None  # and epochs 1 and 2 have none: its mark stands alone
        assert has_dash(page.page, 0, record.null.upper)
        assert not has_dash(page.page, 1, record.null.upper)
        phis = [written_record(tmp_path / "states", "memory", epoch).phi for epoch in (1, 2)]
        (first,) = page.page.evaluate(CHART_PIXELS, [[1.5, sum(phis) / 2]])
        assert first[3] > 80
        go_to(page.page, -1)  # one place before: this run begins at 0
        page.page.get_by_text(f"Φ of the most visited state ({firsts[0]} at epoch 0)").wait_for()
        page.check()
    with viewer(tmp_path / "one") as address, watched(chromium) as page:
        page.page.goto(address)
        page.page.wait_for_selector(".chart-legend .key")
        assert page.page.locator(".curve h2").inner_text() == "Φ over epochs, IIT 3.0 (observational)"
        assert legend(page).strip() == "memory"
        page.check()


SIZES = [(360, 780), (390, 844), (768, 1024), (1280, 720)]


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_no_window_scrolls_sideways(chromium: Browser, deep: Path, tmp_path: Path, width: int, height: int) -> None:
    """Whatever is shown, with all tabs; chips fold, and unfold."""
    make_zoo(tmp_path, ["untrained", "faults"])
    folds = 0
    for run in (deep, tmp_path / "untrained", tmp_path / "faults"):
        with viewer(run) as address, watched(chromium, width=width, height=height) as page:
            page.page.goto(address)
            page.page.wait_for_function(LOADED)
            for tab in ("causal", "tpm", "groups"):
                page.page.locator(f"#tab-{tab}").click()
                page.page.wait_for_timeout(50)
                assert page.page.evaluate("() => document.documentElement.scrollWidth") <= width, (run.name, tab)
            if run.name == "faults":  # it has no network, so others have its room
                assert page.page.locator(".network").bounding_box()["height"] < 60
                assert page.page.locator(".chart").bounding_box()["height"] > (300 if width > 1040 else 140)
            folded = page.page.locator(".reading .chip.folds")
            folds += folded.count()
            if folded.count():
                assert folded.first.is_hidden()
                page.page.get_by_role("button", name="more").click()
                assert all(chip.is_visible() for chip in folded.all())
                assert page.page.evaluate("() => document.documentElement.scrollWidth") <= width
            page.check()
    assert folds or width > 360


def test_numbers_of_another_kind_are_on_no_axis_with_those_of_the_shown_layer(chromium: Browser, tmp_path: Path) -> None:
    for layer, kind in (("set", "causal"), ("watched", "statistical"), ("other", "causal")):
        write_record(tmp_path / "run", msgspec.structs.replace(make_record("x", 0, n=2), layer=layer, kind=kind))
    with viewer(tmp_path / "run") as address, watched(chromium) as page:
        page.page.goto(address)
        page.page.wait_for_selector(".chart-legend .key")
        for layer, drawn, words in (
            ("set", ["other", "set"], "1 more layer is not drawn here: of another kind"),
            ("watched", ["watched"], "2 more layers are not drawn here: of another kind"),
        ):
            choose(page.page, layer)
            legend = page.page.locator(".chart-legend")
            assert [key.get_attribute("title") for key in legend.locator(".key[title]").all()] == drawn
            assert legend.locator(".link").inner_text() == words
        page.check()


def test_what_the_partition_severs_is_drawn_however_weak_it_is(chromium: Browser, tmp_path: Path) -> None:
    record = make_record("x", 0, n=3)
    cut = record.result.cut
    rows = tuple((0.5, 0.5, 0.5) for _ in range(8))  # no unit has an influence on another
    tpm = msgspec.structs.replace(record.tpm, state_by_node=rows)
    write_record(tmp_path / "run", msgspec.structs.replace(record, tpm=tpm))
    with viewer(tmp_path / "run") as address, watched(chromium) as page:
        page.page.goto(address)
        page.page.wait_for_selector(".chart-legend .key")
        page.page.wait_for_selector(".graph .unit")
        severed = len(cut.from_nodes) * len(cut.to_nodes)
        assert page.page.locator(".graph .severed").count() == page.page.locator(".graph .cross").count() == severed > 0
        page.check()


def test_a_small_window_shows_eight_concepts_and_a_curve(chromium: Browser, tmp_path: Path) -> None:
    make_zoo(tmp_path, ["gru"])
    with viewer(tmp_path / "gru") as address, watched(chromium, width=1280, height=720) as page:
        page.page.goto(address)
        page.ready()
        page.page.wait_for_selector(".change")
        check_room(page.page, 1280, 720)
        assert page.page.locator(".chart").bounding_box()["height"] >= 150
        table: Any = page.page.locator(".concepts .scroll").bounding_box()
        rows = [row.bounding_box() for row in page.page.locator(".concepts tbody tr").all()]
        bottom = min(720, table["y"] + table["height"])
        assert len([row for row in rows if row["y"] + row["height"] <= bottom + 1]) >= 8
        page.check()


AXIS = """() => {
  const { fillText } = CanvasRenderingContext2D.prototype;
  window.__axis = new Map();
  CanvasRenderingContext2D.prototype.fillText = function (text, x, y, ...rest) {
    const { e, f } = this.getTransform();
    if (this.canvas.closest('.chart')) window.__axis.set(`${text} ${Math.round(y + f)}`, [String(text), x + e, y + f]);
    return fillText.call(this, text, x, y, ...rest);
  };
}"""
"""Keeps the texts that are written into the chart, with their places."""


def epochs_on_the_axis(page: Page) -> list[tuple[int, float]]:
    """The numbers below the chart with their places, from left to right."""
    words = page.evaluate("() => [...window.__axis.values()]")
    low = max(y for text, _, y in words if text.isdigit())
    return sorted((int(text), x) for text, x, y in words if text.isdigit() and abs(y - low) < 2)


def test_a_thousand_epochs_are_read_in_the_chart(chromium: Browser, tmp_path: Path) -> None:
    """Round epochs far enough apart, a point for several epochs with their mean, each epoch where a part is looked at."""
    make_zoo(tmp_path, ("long",))
    with viewer(tmp_path / "long") as address, watched(chromium) as page:
        page.page.add_init_script(f"({AXIS})()")
        page.page.goto(address)
        page.page.wait_for_function(LOADED)
        page.page.wait_for_function("() => window.__axis.size > 4 && window.lightningIIT.chartPlace(500, 0.1)")
        ticks = epochs_on_the_axis(page.page)
        assert len(ticks) >= 4
        assert {epoch % 100 for epoch, _ in ticks} == {0}
        assert ticks[-1][0] >= 800
        assert min(b - a for (_, a), (_, b) in itertools.pairwise(ticks)) > 30
        in_point = int(re.search(r"(\d+) epochs", page.page.get_by_text("smallest to largest of").inner_text())[1])
        wide = page.page.locator(".chart canvas").bounding_box()["width"]
        assert wide / 8 < 1000 / in_point < wide
        ends = [page.page.evaluate("(epoch) => window.lightningIIT.chartPlace(epoch, 0.1)", epoch) for epoch in (300, 360)]
        page.page.evaluate("() => window.__axis.clear()")
        page.page.mouse.move(ends[0]["x"], ends[0]["y"])
        page.page.mouse.down()
        page.page.mouse.move(ends[1]["x"], ends[0]["y"], steps=5)
        page.page.mouse.up()
        page.page.wait_for_function("() => window.lightningIIT.state().zoom && window.__axis.size > 2")
        first, last = page.page.evaluate("() => window.lightningIIT.state().zoom")
        assert (first, last) == (pytest.approx(300, abs=6), pytest.approx(360, abs=6))
        ticks = epochs_on_the_axis(page.page)
        assert len(ticks) >= 3
        assert all(first <= epoch <= last for epoch, _ in ticks)
        assert page.page.get_by_text("smallest to largest of").count() == 0
        page.check()
