"""The page fits into windows of every size, is worked by keyboard alone, and axe-core finds nothing in it."""

from __future__ import annotations

import shutil
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from PIL import Image
from viewer_fits import UNFOLD, axe_findings, choose_tab, findings, misfits, opened_findings, settled, tabs_of
from viewer_pages import viewer, watched
from viewer_zoo import LOADED, make_zoo

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser
KINDS = ("gru", "iit4", "faults", "untrained")


@pytest.fixture(scope="module")
def zoo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_zoo(tmp_path_factory.mktemp("zoo"), (*KINDS, "full"))


@pytest.mark.parametrize("kind", KINDS)
def test_it_fits_into_every_window(chromium: Browser, zoo: Path, kind: str) -> None:
    """From 360 to 2560 pixels and at a zoom of 200 % nothing scrolls sideways and nothing is cut off; at 1280 x 720 there are eight
    concepts, in larger windows six or more, with the whole command below them and a curve of 150 pixels."""
    assert misfits(chromium, zoo / kind) == []


def test_the_card_of_the_whole_layer_fits(chromium: Browser, zoo: Path) -> None:
    """It is among the cards of a run whose records hold measures of a whole layer, alone and beside another epoch."""
    sizes = [(390, 844), (1280, 720), (1920, 1080)]
    assert misfits(chromium, zoo / "full", sizes) == []
    with viewer(zoo) as address, watched(chromium) as page:
        page.page.goto(f"{address}#run=full&compare=full&against=0")
        page.page.wait_for_function(LOADED)
        assert tabs_of(page.page) == ["causal", "tpm", "groups", "whole", "compare"]
        page.check()


@pytest.mark.parametrize(("kind", "formalism"), [("gru", "iit3"), ("iit4", "iit4-2023")])
def test_a_comparison_fits_into_every_window(chromium: Browser, zoo: Path, kind: str, formalism: str) -> None:
    """Two epochs beside each other, with both pictures, the joined table and the difference of the TPMs."""
    asked = f"#run={kind}&compare={kind}&against=0&formalism={formalism}"
    sizes = [(390, 844), (768, 1024), (1041, 700), (1280, 720), (1640, 900), (1920, 1080)]
    assert misfits(chromium, zoo, sizes, asked=asked) == []


def test_long_names_leave_the_page_as_wide_as_the_window(chromium: Browser, zoo: Path, tmp_path: Path) -> None:
    """What is chosen on top is shortened; it does not widen the page beyond its window."""
    for kind in ("gru", "iit4"):
        shutil.copytree(zoo / kind, tmp_path / "runs" / f"{kind} with a name as long as names of runs become after many trials")
    assert misfits(chromium, tmp_path / "runs", [(1100, 800), (1280, 800)]) == []


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("kind", ["gru", "iit4"])
def test_below_a_page_that_is_higher_than_the_window_its_ground_goes_on(
    chromium: Browser, zoo: Path, tmp_path: Path, kind: str, theme: str
) -> None:
    """With all sentences unfolded the page is higher than 720 pixels."""
    with viewer(zoo / kind) as address, watched(chromium, theme=theme) as page:
        page.page.goto(address)
        page.page.wait_for_function(LOADED)
        page.page.get_by_role("button", name="more", exact=True).click()
        settled(page.page)
        page.page.screenshot(path=tmp_path / "page.png", full_page=True)
        ground = page.page.evaluate("() => getComputedStyle(document.querySelector('.iit')).backgroundColor")
        with Image.open(tmp_path / "page.png") as shown:
            assert shown.height > 720
            corner = shown.convert("RGB").getpixel((3, shown.height - 1))
        assert ground == f"rgb{corner}"


def test_on_a_telephone_the_epochs_are_stepped_in_one_line_and_eight_concepts_are_seen(chromium: Browser, zoo: Path) -> None:
    with viewer(zoo / "gru") as address, watched(chromium, width=390, height=844) as page:
        page.page.goto(address)
        page.page.wait_for_function(LOADED)
        settled(page.page)
        names = ("Epoch before", "Epoch", "Epoch after")
        boxes = [page.page.get_by_label(name, exact=True).bounding_box() for name in names]
        middles = [box["y"] + box["height"] / 2 for box in boxes]
        assert max(middles) - min(middles) < 4
        assert [box["x"] for box in boxes] == sorted(box["x"] for box in boxes)
        room = page.page.locator(".concepts .scroll").bounding_box()
        rows = [row.bounding_box() for row in page.page.locator(".concepts tbody tr").all()]
        assert sum(row["y"] + row["height"] <= room["y"] + room["height"] for row in rows) >= 8


@pytest.mark.parametrize("kind", KINDS)
def test_the_command_is_seen_whole(chromium: Browser, zoo: Path, kind: str) -> None:
    """In a small window its folders are shortened, but all of it is there to be copied. Without units there is none."""
    with viewer(zoo / kind) as address, watched(chromium) as page:
        page.page.goto(address)
        page.page.wait_for_function(LOADED)
        settled(page.page)
        file, units = page.page.evaluate(
            "() => { const { a, layer, epoch } = window.lightningIIT.state();"
            " const row = a.index.rows.find((one) => one.layer === layer && one.epoch === epoch);"
            " return [row.file, a.record.units?.indices.length ?? 0]; }"
        )
        code = page.page.locator(".command code")
        if not units:
            assert not code.is_visible()
            assert page.page.locator(".none-words").inner_text() == "The record holds no units, so there is nothing to compute."
            assert page.page.locator(".command button:visible").count() == 1, "only what explains the panel"
            return
        box = page.page.locator(".command pre")
        assert box.evaluate(
            "(element) => [element.scrollHeight - element.clientHeight, element.scrollWidth - element.clientWidth]"
        ) == [0, 0]
        words = code.evaluate("(element) => element.textContent")
        assert words.startswith(f"lightning-iit phi {zoo / kind}/{file} --state ")
        selected = code.evaluate("(element) => { getSelection().selectAllChildren(element); return getSelection().toString(); }")
        assert "".join(selected.split()) == "".join(words.split())


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("kind", ["gru", "iit4", "faults"])
def test_axe_finds_nothing(chromium: Browser, zoo: Path, kind: str, theme: str) -> None:
    assert findings(chromium, zoo / kind, width=1920, height=1080, theme=theme) == []
    assert findings(chromium, zoo / kind, width=390, height=844, theme=theme) == []


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_in_a_comparison_and_in_an_empty_page(chromium: Browser, zoo: Path, tmp_path: Path, theme: str) -> None:
    with viewer(zoo) as address, watched(chromium, theme=theme) as page:
        page.page.goto(address)
        page.page.wait_for_function(LOADED)
        page.page.get_by_label("Compare with").select_option("iit4")
        page.page.wait_for_function("() => window.lightningIIT.state().b?.record || window.lightningIIT.state().b?.recordProblem")
        settled(page.page)
        assert axe_findings(page.page) == []
        choose_tab(page.page, "compare")
        assert axe_findings(page.page) == []
    with viewer(tmp_path) as address, watched(chromium, theme=theme) as page:
        page.page.goto(address)
        page.page.wait_for_selector(".nothing:not([hidden])")
        assert axe_findings(page.page) == []


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_in_cards_sheets_and_menu_of_a_run_with_everything(chromium: Browser, zoo: Path, theme: str) -> None:
    """In the cards that are not always there, the side sheet of each panel, and the open Share menu."""
    with viewer(zoo) as address, watched(chromium, width=390, height=844, theme=theme) as page:
        page.page.goto(f"{address}#run=full&compare=full&against=0")
        page.page.wait_for_function(LOADED)
        for tab in ("whole", "compare"):
            choose_tab(page.page, tab)
            assert axe_findings(page.page) == [], tab
        names, found = opened_findings(page.page)
        assert names >= {"reading", "network", "curve", "steps", "causal", "concepts", "tpm", "recordCurve", "groups"}
        assert names >= {"whole", "compare"}
        assert found == []
        page.check()


TAB_STOPS = """(selector) => [...document.querySelectorAll(selector)].map((table) =>
  [table, ...table.querySelectorAll('*')].filter((element) => element.tabIndex === 0 && element.checkVisibility()).length)"""
MANY = "table, .system, .groups svg, .record-curve svg, .relations svg, .states, .chips, .cells"


def test_a_table_is_one_tab_stop_and_the_arrows_go_through_it(chromium: Browser, zoo: Path) -> None:
    """So is each other list of many; the arrows then go through it, and not through the epochs."""
    for kind in ("gru", "iit4"):
        with viewer(zoo / kind) as address, watched(chromium, width=1920, height=1080) as page:
            page.page.goto(address)
            page.page.wait_for_function(LOADED)
            page.page.evaluate(UNFOLD)
            settled(page.page)
            stops = page.page.evaluate(TAB_STOPS, MANY)
            assert len(stops) > 5
            assert set(stops) <= {0, 1}
    with viewer(zoo / "gru") as address, watched(chromium, width=1920, height=1080) as page:
        page.page.goto(address)
        page.page.wait_for_function(LOADED)
        epoch = page.page.evaluate("() => window.lightningIIT.state().epoch")
        page.page.locator(".concepts th button").first.focus()
        seen = [_focused(page.page)]
        for key in ("ArrowRight", "ArrowRight", "ArrowDown", "ArrowDown", "ArrowUp", "ArrowUp", "End", "Home"):
            page.page.keyboard.press(key)
            seen.append(_focused(page.page))
        rows = [row.inner_text() for row in page.page.locator(".concepts tbody tr").all()]
        heads = [head.inner_text() for head in page.page.locator(".concepts th button").all()]
        assert seen == [heads[0], heads[1], heads[2], rows[0], rows[1], rows[0], heads[0], rows[-1], heads[0]]
        page.page.keyboard.press("ArrowDown")
        assert page.page.evaluate("() => window.lightningIIT.state().lit !== null")
        page.page.keyboard.press("Tab")
        assert page.page.evaluate("() => document.activeElement.closest('.concepts')") is None
        page.page.keyboard.press("Shift+Tab")
        assert _focused(page.page) == rows[0]
        assert page.page.evaluate("() => window.lightningIIT.state().epoch") == epoch
        page.check()


def _focused(page: Page) -> str:
    return str(page.evaluate("() => document.activeElement.innerText"))


def test_it_has_headings(chromium: Browser, zoo: Path) -> None:
    """One of the first level, and one of the second for each part of the page."""
    with viewer(zoo / "gru") as address, watched(chromium, width=1920, height=1080) as page:
        page.page.goto(address)
        page.page.wait_for_function(LOADED)
        assert page.page.get_by_role("heading", level=1).all_inner_texts() == ["lightningiit"]
        names = page.page.get_by_role("heading", level=2).all_inner_texts()
        assert names == [
            *("The network", names[1]),
            *("Causal system", "Transition probabilities (causal)", "Groups of units (causal)"),
        ]
        assert "over epochs" in names[1]


CHIPS = """() => {
  const inside = document.querySelector('.states').getBoundingClientRect();
  return [...document.querySelectorAll('.states > *')].filter((chip) => chip.checkVisibility()).map((chip) => {
    const { top, bottom } = chip.getBoundingClientRect();
    return [chip.textContent, Math.round(top), top >= inside.top - 0.5 && bottom <= inside.bottom + 0.5];
  });
}"""


@pytest.mark.parametrize(
    ("width", "height", "rows"), [(1280, 720, 1), (1280, 900, 1), (1280, 1000, 2), (1920, 1080, 2), (390, 844, 2)]
)
def test_chips_of_states_stand_in_whole_rows(chromium: Browser, zoo: Path, width: int, height: int, rows: int) -> None:
    """As many as have room; the others behind a button that says how many they are. The chosen one is always seen."""
    with viewer(zoo / "gru") as address, watched(chromium, width=width, height=height) as page:
        page.page.goto(address)
        page.page.wait_for_function(LOADED)
        settled(page.page)
        many = page.page.locator(".states .bits").count()
        assert many == 16
        more = page.page.locator(".more-chips")
        for chosen in (0, many - 1):
            if chosen:
                more.click()
                assert more.inner_text() == "fewer"
                assert page.page.locator(".states .bits").filter(visible=True).count() == many
                assert page.page.locator(".states").evaluate("(box) => box.clientHeight % 32") == 26  # open too, whole rows
                page.page.locator(".states button:has(.bits)").nth(chosen).click()
                more.click()
            found = page.page.evaluate(CHIPS)
            assert all(whole for _, _, whole in found), found
            assert len({top for _, top, _ in found}) == rows, found
            assert found[-1][0] == f"+{many - len(found) + 1} more"
            assert page.page.locator(".states [aria-pressed=true]").is_visible()
        page.check()


@pytest.mark.parametrize("width", [360, 390, 1041, 1280])
def test_all_tabs_are_in_one_row(chromium: Browser, zoo: Path, width: int) -> None:
    """Also those of the whole layer and of a comparison; what they are called in full is said to who does not see them."""
    asked = "#run=full&compare=full&against=0"
    with viewer(zoo) as address, watched(chromium, width=width, height=844) as page:
        page.page.goto(address + asked)
        page.page.wait_for_function(LOADED)
        settled(page.page)
        tabs = page.page.get_by_role("tab")
        assert tabs.evaluate_all("(all) => all.map((tab) => tab.ariaLabel)") == [
            "System",
            "TPM",
            "Groups",
            "Whole layer",
            "A and B",
        ]
        boxes = [tab.bounding_box() for tab in tabs.all()]
        assert len({(box["y"], box["height"]) for box in boxes}) == 1, boxes
        assert boxes[0]["height"] < 34, boxes  # one line of words
        assert all(left["x"] + left["width"] <= right["x"] for left, right in pairwise(boxes)), boxes
        assert boxes[-1]["x"] + boxes[-1]["width"] <= width - 16, boxes
        page.page.goto(address + "#run=full&compare=nobody")
        page.page.wait_for_function(LOADED)
        settled(page.page)
        assert page.page.locator("#tab-whole").inner_text() == ("Whole" if width < 1000 else "Whole layer")
        page.check()
