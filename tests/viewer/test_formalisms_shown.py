"""Records of several formalisms in the page: each number is that of its record, and one formalism is shown at a time."""

from __future__ import annotations

import http.client
import json
from itertools import product
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import msgspec
import numpy as np
import pytest
from viewer_examination import LETTERS, check_concepts, check_influences, unfold, written_record
from viewer_pages import viewer, watched
from viewer_pairs import Pairs, controlled, differences, shown, soil
from viewer_runs import make_record, write_record
from viewer_zoo import make_zoo

from lightning_iit import Partitions, Structure, System, best_partitions, change, compute_phi, compute_structure, load_run
from lightning_iit.figures.parts import directions_of, severed_words
from lightning_iit.records import FORMALISM_WORDS, Skipped, StateResult, SystemPhi
from lightning_iit.viewer.answers import answers
from lightning_iit.viewer.compute import compute_again
from lightning_iit.viewer.export import export
from lightning_iit.viewer.logdir import LogDirSource
from lightning_iit.viewer.protocol import ComputeRequest
from lightning_iit.viewer.summary import row_of

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Browser, Page

    from lightning_iit.records import EpochRecord

ALL = ("iit3", "iit4-2023", "iit4-2026")
LAYER, LAST = "net.gru", 1
PLAIN = {"layer": LAYER, "epoch": LAST}
COMPARED = {"phi", "signed_phi", "partition", "cause", "effect", "margin", "nodes"}


@pytest.fixture(scope="module")
def zoo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_zoo(tmp_path_factory.mktemp("zoo"), ("three", "iit4", "old"))


def test_the_rows_of_the_index_hold_every_formalism(zoo: Path) -> None:
    rows = LogDirSource(zoo / "three").index(".").rows
    assert len(rows) == LAST + 2
    for row in rows:
        record = written_record(zoo / "three", LAYER, row.epoch)
        assert [one.formalism for one in (row, *row.others)] == list(ALL)
        for found, one in zip((row, *row.others), record.by_formalism, strict=True):
            survey = one.survey
            assert (found.status, found.phi) == ("computed", one.phi)
            assert (found.phi_layer, found.low, found.high) == (survey.phi, survey.low, survey.high)
            assert (found.share, found.signed) == (survey.share, survey.signed)
            assert found.engine == f"fast {one.result.engine.version}"
            assert found.mean == one.scalars["phi_mean"]
    (row, *_) = LogDirSource(zoo / "iit4").index(".").rows
    assert (row.formalism, row.status, row.others) == ("iit4-2023", "computed", ())
    for row in LogDirSource(zoo / "old").index(".").rows:
        assert (row.formalism, row.others, row.share) == ("iit3", (), None)


def test_a_formalism_without_a_number_says_why_in_its_row(zoo: Path) -> None:
    record = written_record(zoo / "three", LAYER, LAST)
    none = Skipped(code="unreachable", reason="No state leads to it.")
    others = (msgspec.structs.replace(record.others[0], result=none, states=()), record.others[1])
    row = row_of(msgspec.structs.replace(record, others=others), version="1")
    assert [one.status for one in (row, *row.others)] == ["computed", "skipped", "computed"]
    assert (row.others[0].reason, row.others[0].phi) == (none.reason, None)


def test_each_formalism_has_an_answer_of_its_own(zoo: Path, tmp_path: Path) -> None:
    found = answers(LogDirSource(zoo / "three"), ".").answers
    records = load_run(zoo / "three")
    assert {one.formalism: one.words for one in found} == {one: change(records, formalism=one).words for one in ALL}
    assert answers(LogDirSource(zoo / "old"), ".").answers == ()
    text = export(str(zoo / "three"), tmp_path / "run.html").read_text(encoding="utf-8")
    inline = json.loads(text.partition('id="iit-data">')[2].partition("</script>")[0])["runs"][0]
    assert [one["formalism"] for one in inline["answers"]["answers"]] == list(ALL)
    assert [one["formalism"] for one in inline["index"]["rows"][0]["others"]] == list(ALL[1:])


@pytest.mark.parametrize("formalism", ALL)
def test_computing_again_obeys_formalism_and_nodes(zoo: Path, formalism: Any) -> None:
    for run, layer in (("three", LAYER), ("iit4", LAYER)):
        record = written_record(zoo / run, layer, LAST)
        state = tuple(1 - bit for bit in record.states[0].state)
        asked = ComputeRequest(run=".", layer=layer, epoch=LAST, state=state, engine="fast", formalism=formalism)
        found = compute_again(LogDirSource(zoo / run), asked)
        system = System(tpm=record.tpm.state_by_node, state=state, cm=record.perturbation.cm)
        wanted = compute_phi(system, formalism=formalism, nodes=record.provenance.options.nodes)
        assert found.phi == wanted.phi
        assert isinstance(found, SystemPhi) == (formalism != "iit3")
        if isinstance(found, SystemPhi):
            assert {name: getattr(found, name) for name in COMPARED} == {name: getattr(wanted, name) for name in COMPARED}
    own = compute_again(LogDirSource(zoo / "iit4"), ComputeRequest(run=".", **PLAIN, state=(0, 0, 0)))
    assert (own.formalism, own.nodes) == ("iit4-2023", (0, 2))


def test_a_formalism_that_is_none_is_refused(zoo: Path) -> None:
    with viewer(zoo / "three", compute=compute_again) as address:
        connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=60)
        body = json.dumps({"run": ".", **PLAIN, "state": [0, 0, 0, 0], "formalism": "iit5"})
        connection.request("POST", "/compute", body, {"Content-Type": "application/json", "Origin": address.rstrip("/")})
        response = connection.getresponse()
        assert response.status == 400
        assert "iit5" in json.loads(response.read())["error"]
        connection.close()


DRAWN = "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
"""Charts are drawn in the frame that follows."""


def open_run(page: Page, run: str) -> None:
    page.get_by_label("Run", exact=True).select_option(run)
    shows = "(run) => ((a) => a.run.id === run && a.record !== null)(window.lightningIIT.state().a)"
    page.wait_for_function(shows, arg=run)
    page.evaluate(DRAWN)


def choose(page: Page, formalism: str) -> None:
    page.get_by_label("Formalism").select_option(formalism)
    page.wait_for_function("(one) => window.lightningIIT.state().a.record?.formalism === one", arg=formalism)
    page.locator("#tab-causal").dispatch_event("click")
    page.evaluate(DRAWN)


def values(page: Page, selector: str, name: str = "value") -> list[float]:
    """The exact numbers that elements carry beside their rounded text."""
    return page.locator(selector).evaluate_all(f"(all) => all.map((one) => Number(one.dataset.{name}))")


def letters(nodes: Any) -> str:
    return " ".join(LETTERS[node] for node in nodes)


def check_iit4(page: Page, record: EpochRecord) -> None:
    """Compares all that the page shows with a record of one version of IIT 4.0."""
    unfold(page)
    reading = page.locator(".reading").inner_text()
    assert FORMALISM_WORDS[record.formalism] in reading
    assert "φ_s" in reading
    assert "Φ" not in page.locator(".reading .chips").inner_text()
    if record.survey is not None and record.survey.phi is not None:
        assert values(page, ".value", "share") == [record.survey.share]
        assert values(page, ".mean-value[data-phi]", "phi") == [record.survey.phi]
        assert values(page, ".mean-value[data-signed]", "signed") == [record.survey.signed]
    else:
        assert values(page, ".value", "phi") == [record.phi]
    check_system(page, record.result, len(record.states[0].state))
    check_structure(page, record)
    command = page.locator(".command code").inner_text()
    assert f"--formalism {record.formalism}" in command
    nodes = record.provenance.options.nodes
    assert ("--nodes" in command) == (nodes is not None)


def check_system(page: Page, result: SystemPhi, n: int) -> None:
    """The partition with its parts and severed arrows, and the specified states with their numbers."""
    drawn = page.locator(".part").evaluate_all("(all) => all.map((one) => one.dataset.nodes.split(' ').map(Number))")
    background = [node for node in range(n) if node not in result.nodes]
    severed = set(result.partition)
    if result.partition or background:
        assert sorted(node for part in drawn for node in part) == list(range(n))
    for part in drawn:
        assert not {(i, j) for i in part for j in part} & severed
    assert page.locator(".part.background").count() == bool(background)
    arrows = page.locator(".influence").evaluate_all(
        "(all) => all.map((one) => [Number(one.dataset.from), Number(one.dataset.to), one.classList.contains('severed')])"
    )
    assert {(i, j) for i, j, cut in arrows if cut} == {(i, j) for i, j, _ in arrows} & severed
    if result.partition:
        words = page.locator(".severed-words").inner_text()
        assert words == severed_words(result.partition, LETTERS)
        names = page.locator(".part:not(.background) text").all_text_contents()
        inside = [tuple(part) for part in drawn if set(part) <= set(result.nodes)]
        assert names == directions_of(inside, severed)
        examined = "1 partition was examined." if result.partitions == 1 else f"{result.partitions:,} partitions were examined."
    assert examined in page.locator(".cut-words").inner_text()
    numbers = [result.phi, result.signed_phi, result.normalized_phi, result.ii]
    assert values(page, ".system-phi .numbers span") == numbers
    for name, one in (("cause", result.cause), ("effect", result.effect)):
        cells = page.locator(f".system-phi tr.{name} td")
        assert cells.nth(1).inner_text().split("\n")[0] == "".join(map(str, one.state))
        assert values(page, f".system-phi tr.{name} td[data-value]") == [one.intrinsic_information, one.phi, one.signed_phi]


def check_structure(page: Page, record: EpochRecord) -> None:
    """The distinctions, the sums, and the strongest relations with what they bind."""
    assert not page.locator(".concepts").is_visible()
    structure = record.structure
    assert structure is not None
    rows = page.locator(".distinctions tbody tr").evaluate_all(
        "(all) => all.map((row) => [...row.querySelectorAll('td.units')].map((cell) => cell.innerText))"
    )
    phis = values(page, ".distinctions td.phi", "phi")
    assert phis == sorted(phis, reverse=True)
    purview = lambda one: f"{letters(one.nodes)} = {''.join(map(str, one.state))}"  # noqa: E731
    wanted = {(letters(one.mechanism), purview(one.cause), purview(one.effect), one.phi) for one in structure.distinctions}
    assert {(*row, phi) for row, phi in zip(rows, phis, strict=True)} == wanted
    sums = [structure.sum_phi_distinctions, structure.relations, structure.sum_phi_relations, structure.big_phi]
    assert values(page, ".distinctions .numbers span") == pytest.approx(sums, abs=1e-12)
    found = page.locator(".relation").evaluate_all("(all) => all.map((one) => [one.dataset.binds, Number(one.dataset.phi)])")
    every = structure.relations_among(most=5000)
    assert len(found) == min(12, structure.relations)
    assert [phi for _, phi in found] == pytest.approx([one.phi for one in every[: len(found)]], abs=1e-12)
    phi_of = {frozenset(map(letters, one.mechanisms)): one.phi for one in every if len(one.mechanisms) > 1}
    for binds, phi in found:
        mechanisms = frozenset(binds.split(" + "))
        assert len(mechanisms) == 1 or phi_of[mechanisms] == pytest.approx(phi, abs=1e-12)
    if structure.relations > 12:
        assert f"12 strongest of {structure.relations:,} relations" in page.locator(".relations h3").inner_text()


CHARTS = """(places) => [...document.querySelectorAll('.chart canvas')].map((canvas, chart) => {
  const box = canvas.getBoundingClientRect(), scale = canvas.width / box.width, [epoch, value] = places[chart];
  const at = window.lightningIIT.chartPlace(epoch, value, chart);
  const [x, y] = [Math.round((at.x - box.left) * scale), Math.round((at.y - box.top) * scale)];
  const pixels = canvas.getContext('2d').getImageData(x, y - 2, 1, 5).data;
  return [0, 4, 8, 12, 16].some((first) => pixels[first] > 180 && pixels[first + 2] < 90 && pixels[first + 3] > 150);
})"""
"""Whether the line of the first layer (orange) goes through a place in each chart."""


@pytest.mark.browser
def test_each_number_in_the_page_is_that_of_its_record(chromium: Browser, zoo: Path) -> None:
    record = written_record(zoo / "three", LAYER, LAST)
    before = written_record(zoo / "three", LAYER, LAST - 1)
    with viewer(zoo) as address, watched(chromium, width=1650, height=900) as page:
        page.page.goto(address)
        page.ready()
        open_run(page.page, "three")
        for formalism in ALL[1:]:
            choose(page.page, formalism)
            one, earlier = record.of(formalism), before.of(formalism)
            check_iit4(page.page, one)
            page.page.wait_for_function(
                "(words) => document.querySelector('.change')?.textContent === words", arg=said(zoo, formalism)
            )
            halfway = [[LAST - 0.5, (a + b) / 2] for a, b in zip(of_layer(one), of_layer(earlier), strict=True)]
            assert page.page.evaluate(CHARTS, halfway) == [True] * 3
            heads = [text.inner_text() for text in page.page.locator(".named-chart h3").all()]
            assert heads == [
                "Share of the visits with φ_s > 0",
                "Mean φ_s (ibits)",
                "Mean signed φ_s (ibits)",
            ]
            check_groups(page.page, one)
        choose(page.page, "iit3")
        one = record.of("iit3")
        assert values(page.page, ".value", "phi") == [one.survey.phi]
        check_concepts(page.page, one)
        check_influences(page.page, one)
        for hidden in (".system-phi", ".distinctions", ".relations", ".named-chart", ".mean-value"):
            assert page.page.locator(hidden).locator("visible=true").count() == 0
        text = page.page.locator(".iit").inner_text()
        assert "φ_s" not in text
        assert "IIT 3.0" in page.page.locator(".reading").inner_text()
        page.check()


def of_layer(record: EpochRecord) -> tuple[float, float, float]:
    return record.survey.share, record.survey.phi, record.survey.signed


def said(zoo: Path, formalism: str) -> str:
    return change(load_run(zoo / "three"), formalism=formalism).words


def check_groups(page: Page, record: EpochRecord) -> None:
    """A dot for each group, and in the table of the first one φ_s and signed φ_s of each state."""
    page.locator("#tab-groups").dispatch_event("click")
    groups = record.survey.groups
    assert values(page, ".dot", "phi") == [group.phi for group in sorted(groups, key=lambda group: group.signed_phi)]
    rows = page.locator(".group-states tbody tr").evaluate_all(
        "(all) => all.map((row) => [...row.cells].map((cell) => cell.innerText))"
    )
    first = groups[0]
    assert {row[0] for row in rows} == {"".join(map(str, state)) for state in first.states}
    signed = {"".join(map(str, state)): value for state, value in zip(first.states, first.signed, strict=True)}
    for row in rows:
        assert float(row[-1].replace("−", "-")) == pytest.approx(signed[row[0]], abs=6e-5)
    page.locator("#tab-causal").dispatch_event("click")


@pytest.mark.browser
def test_nothing_of_one_formalism_stays_when_another_is_chosen(chromium: Browser, zoo: Path) -> None:
    """The page then shows what it shows where the other one was chosen at once, whatever a person did before."""
    window = {"width": 1650, "height": 640}
    with viewer(zoo / "three", compute=compute_again) as address:
        for wanted, first in (("iit4-2023", "iit3"), ("iit3", "iit4-2023"), ("iit4-2026", "iit4-2023")):
            with watched(chromium, **window) as page:
                page.page.goto(address)
                page.ready()
                choose(page.page, wanted)
                alone = shown(page.page)
            with watched(chromium, **window) as page:
                page.page.goto(address)
                page.ready()
                choose(page.page, first)
                of_first = shown(page.page)
                changed = {part for part in alone if alone[part] != of_first[part]}
                assert {".reading", ".curve", ".units-panel", ".command"} <= changed
                soil(page.page)
                page.page.locator(".states button").first.click()
                page.page.locator('.dot[data-group="0"]').dispatch_event("click")
                page.page.keyboard.press("Escape")
                choose(page.page, wanted)
                page.page.evaluate("() => (window.lightningIIT.setStep(0), document.activeElement.blur())")
                assert differences(shown(page.page), alone) == []
                assert page.page.locator(".computation").count() == 0
                page.check()


@pytest.mark.browser
def test_runs_of_other_formalisms_and_of_version_0_1_0_follow_each_other(chromium: Browser, zoo: Path) -> None:
    """Each looks as if it was opened alone."""
    with controlled(zoo) as address:
        pairs = Pairs(chromium, address)
        pairs.go(("three", "iit4", "old"))
    assert pairs.found == {}


@pytest.mark.browser
def test_a_run_of_iit4_alone_and_an_old_one_after_it(chromium: Browser, zoo: Path) -> None:
    """The formalism that a person chose is shown where a run has it; one without shows its own."""
    with viewer(zoo, compute=compute_again) as address, watched(chromium, width=1650, height=900) as page:
        page.page.goto(address)
        page.ready()
        open_run(page.page, "three")
        choose(page.page, "iit4-2023")
        open_run(page.page, "iit4")
        assert not page.page.get_by_label("Formalism").is_visible()
        record = written_record(zoo / "iit4", LAYER, LAST)
        assert record.result.nodes == (0, 2)
        check_iit4(page.page, record)
        computes(page.page, record)
        open_run(page.page, "old")
        layer = page.page.evaluate("() => window.lightningIIT.state().layer")
        old = written_record(zoo / "old", layer, LAST)
        assert values(page.page, ".value", "phi") == [old.phi]
        assert "IIT 3.0" in page.page.locator(".reading").inner_text()
        assert "φ_s" not in page.page.locator(".iit").inner_text()
        open_run(page.page, "three")
        assert page.page.evaluate("() => window.lightningIIT.state().a.record.formalism") == "iit4-2023"
        page.check()


@pytest.mark.browser
def test_two_epochs_are_compared_by_one_formalism(chromium: Browser, zoo: Path) -> None:
    """In a state whose distinctions a record does not hold none are compared; a run without the formalism says so."""
    a, b = (written_record(zoo / "three", LAYER, epoch).of("iit4-2023") for epoch in (LAST, 0))
    states = [state.state for state in a.states if state.state in {other.state for other in b.states}]
    other = next(state for state in states if state not in (a.states[0].state, b.states[0].state))
    with viewer(zoo) as address, watched(chromium, width=1280, height=900) as page:
        asked = f"#run=three&layer={LAYER}&formalism=iit4-2023&epoch={LAST}&tab=compare"
        page.page.goto(f"{address}{asked}&compare=three&against=0&state={''.join(map(str, other))}")
        page.ready()
        settled = "() => window.lightningIIT.state().b?.record?.epoch === 0 && window.lightningIIT.state().a?.record?.epoch === 1"
        page.page.wait_for_function(settled)
        table = page.page.locator(".compare table")
        assert "Not compared: the record of A and that of B lacks the distinctions of this state." in table.inner_text()
        shown = [float(words) for words in page.page.locator(".compare .half p b").all_inner_texts()]
        assert shown == pytest.approx([one.phi for record in (a, b) for one in [of_state(record, other)]], abs=6e-5)
        assert page.page.locator(".compare h3", has_text="Distinctions of both").is_visible()
    with viewer(zoo) as address, watched(chromium, width=1280, height=900) as page:
        page.page.goto(f"{address}#run=three&layer={LAYER}&formalism=iit4-2023&compare=old&tab=compare")
        page.ready()
        side = page.page.locator(".compare .half", has_text="B ·")
        side.get_by_text("This run has no φ_s of IIT 4.0 (2023).").wait_for()
        assert not page.page.locator(".compare table").is_visible()
        page.check()


@pytest.mark.browser
def test_distinctions_of_two_epochs_stand_in_one_table(chromium: Browser, tmp_path: Path) -> None:
    """Of two records whose first state is the same, the φ_d of each mechanism in both and their difference are the records'."""
    systems = [System(tpm=np.random.default_rng(seed).random((8, 3)), state=(1, 0, 1)) for seed in (4, 6)]
    for epoch, system in enumerate(systems):
        write_record(tmp_path / "run", record_of(system, epoch))
    a, b = (written_record(tmp_path / "run", "hidden", epoch).structure for epoch in (1, 0))
    phis_a, phis_b = ({letters(one.mechanism): one.phi for one in structure.distinctions} for structure in (a, b))
    assert set(phis_a) != set(phis_b)
    assert set(phis_a) & set(phis_b)
    with viewer(tmp_path) as address, watched(chromium, width=1280, height=900) as page:
        page.page.goto(f"{address}#run=run&layer=hidden&epoch=1&compare=run&against=0&tab=compare")
        page.page.wait_for_function("() => document.querySelectorAll('.half svg').length === 2")
        assert page.page.locator(".compare h3", has_text="Distinctions of both").is_visible()
        assert page.page.locator(".compare thead th").all_inner_texts() == ["Mechanism", "φ_d in A", "φ_d in B", "B − A"]
        rows = page.page.locator(".compare tbody tr").evaluate_all(
            "(rows) => rows.map(({ cells: [name, a, b, apart] }) =>"
            " [name.textContent, a.dataset.a, b.dataset.b, apart.dataset.difference].map((one) => one ?? null))"
        )
        assert {name: float(phi) for name, phi, _, _ in rows if phi is not None} == phis_a
        assert {name: float(phi) for name, _, phi, _ in rows if phi is not None} == phis_b
        for name, _, _, apart in rows:
            both = name in phis_a and name in phis_b
            assert (apart is not None) == both
            assert not both or float(apart) == pytest.approx(phis_b[name] - phis_a[name], abs=1e-12)
        page.check()


def record_of(system: System, epoch: int) -> EpochRecord:
    """A record of IIT 4.0 of a system in one state, with its structure."""
    result, structure = compute_phi(system, formalism="iit4-2023"), compute_structure(system, formalism="iit4-2023")
    assert isinstance(result, SystemPhi)
    assert isinstance(structure, Structure)
    plain = make_record("hidden", epoch, n=3)
    tpm = msgspec.structs.replace(plain.tpm, state_by_node=tuple(map(tuple, np.array(system.tpm).tolist())))
    states = (StateResult(state=system.state, visits=9, result=result),)
    return msgspec.structs.replace(
        plain, formalism="iit4-2023", result=result, states=states, structure=structure, tpm=tpm, null=None, kind="causal"
    )


def of_state(record: EpochRecord, state: tuple[int, ...]) -> SystemPhi:
    """The result of a record in a state."""
    (found,) = (one.result for one in record.states if one.state == state)
    assert isinstance(found, SystemPhi)
    return found


def computes(page: Page, record: EpochRecord) -> None:
    """The button computes φ_s of the record's nodes in another state, which is shown, with the structure in that state."""
    wanted = tuple(1 - bit for bit in record.states[0].state)
    for bit in page.locator(".bit").all():
        bit.click()
    system = System(tpm=record.tpm.state_by_node, state=wanted, cm=record.perturbation.cm)
    page.get_by_role("button", name="Compute", exact=True).click()
    result = compute_phi(system, formalism="iit4-2023", nodes=record.provenance.options.nodes)
    page.wait_for_function("() => !document.querySelector('.command .primary').disabled", timeout=60_000)
    if not isinstance(result, SystemPhi):
        assert result.reason in page.locator(".answer").inner_text()
        return
    check_system(page, result, 3)
    structure = compute_structure(system, formalism="iit4-2023", nodes=record.provenance.options.nodes)
    assert isinstance(structure, Structure)
    shown = page.locator(".distinctions [data-phi]").evaluate_all("(cells) => cells.map((cell) => Number(cell.dataset.phi))")
    assert sorted(shown) == pytest.approx(sorted(one.phi for one in structure.distinctions), abs=1e-9)


def check_signed(page: Page, system: System) -> None:
    """In a state with φ_s = 0 each partition has its signed φ_s, which tells them apart."""
    for state in product((0, 1), repeat=system.n):
        found = best_partitions(msgspec.structs.replace(system, state=state), 5, formalism="iit4-2023")
        if isinstance(found, Partitions) and found.partitions and found.partitions[-1].phi == 0 > found.partitions[0].signed_phi:
            break
    else:
        pytest.fail("no state of this system has φ_s = 0")
    for bit, on in zip(page.locator(".bit").all(), state, strict=True):
        if bit.get_attribute("aria-pressed") != str(on == 1).lower():
            bit.click()
    page.get_by_role("button", name="Best partitions").click()
    page.get_by_text(f"In state {''.join(map(str, state))}, the ").wait_for()
    rows = page.locator(".ranked li")
    signed = [one.signed_phi for one in found.partitions]
    assert len(set(signed)) > 1
    assert rows.evaluate_all("(rows) => rows.map((row) => Number(row.dataset.signed))") == pytest.approx(signed, abs=1e-9)
    for words, value in zip(rows.all_inner_texts(), signed, strict=True):
        assert words.endswith(f"φ_s = 0, signed φ_s = {value:.4f}".replace("-", "−"))


@pytest.mark.browser
@pytest.mark.parametrize("formalism", ["iit3", "iit4-2023"])
def test_the_best_partitions_are_listed(chromium: Browser, zoo: Path, tmp_path: Path, formalism: Any) -> None:
    """Those of the shown state, by the server; nothing of them stays in another state, and a file says how to get them."""
    record = written_record(zoo / "three", LAYER, LAST).of(formalism)
    system = System(tpm=record.tpm.state_by_node, state=record.states[0].state, cm=record.perturbation.cm)
    expected = best_partitions(system, 5, formalism=formalism)
    assert isinstance(expected, Partitions)
    with viewer(zoo / "three", compute=compute_again) as address, watched(chromium, width=1280, height=720) as page:
        page.page.goto(address)
        page.ready()
        choose(page.page, formalism)
        page.page.get_by_role("button", name="Best partitions").click()
        page.page.wait_for_selector(".ranked li", timeout=60_000)
        rows = page.page.locator(".ranked li")
        shown = rows.evaluate_all("(rows) => rows.map((row) => Number(row.dataset.phi))")
        assert shown == pytest.approx([one.phi for one in expected.partitions], abs=1e-9)
        severed = page.page.locator(".severed-words").inner_text()
        assert rows.first.inner_text().startswith(severed)
        assert f"the 5 best of {expected.number} partitions" in page.page.locator(".answer").inner_text()
        page.page.locator(".states button").nth(1).click()
        assert page.page.locator(".ranked").count() == 0
        if formalism != "iit3":
            check_signed(page.page, system)
        page.check()
    with watched(chromium) as page:
        page.page.goto(export(str(zoo / "three"), tmp_path / "run.html").as_uri())
        page.ready()
        page.page.get_by_role("button", name="Best partitions").click()
        assert "--partitions 5" in page.page.locator(".answer").inner_text()
        page.check()
