"""The report: what someone who reads nothing else comes to believe."""

from __future__ import annotations

import io
import re

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from sample_records import HOSTILE_LAYERS, a_record
from viewer_surveys import with_whole_layer

from lightning_iit.records import (
    Counts,
    CurvePoint,
    Diagnostic,
    Failed,
    Interval,
    NullResult,
    OfFormalism,
    Perturbation,
    Survey,
    SurveyGroup,
    ThresholdPoint,
    TimedOut,
    Units,
)
from lightning_iit.report.iit4 import layer_words
from lightning_iit.report.iit4 import parts as iit4_parts
from lightning_iit.report.report import markdown
from lightning_iit.report.tables import summary_table
from lightning_iit.report.verdicts import conclusion

REASON = "The units of one feed-forward layer (Linear) have no connections among them."
CLAIM = re.compile(r"(is|are|be) integrated\b|shows? integration|(?<!no )evidence of integration|integration may be concluded")


def a_null(p=0.05, name="cut"):
    return NullResult(name=name, surrogates=19, mean=0.01, upper=0.03, excess=0.2, p=p, seed=0)


def feed_forward(epoch=0, **changes):
    fixed = {"kind": "statistical", "axis": "stream", "structural_phi": 0.0, "structural_reason": REASON}
    return a_record("fc1", epoch, **{**fixed, **changes})


def in_terminal(records, width=80):
    console = Console(file=io.StringIO(), width=width)
    console.print(summary_table(records))
    return console.file.getvalue()


@pytest.mark.parametrize("null", [None, a_null(0.05), a_null(0.5), a_null(0.05, "shuffle")])
def test_the_report_of_a_feed_forward_layer_says_that_its_structural_phi_is_0_wherever_its_phi_stands(null):
    records = [feed_forward(epoch, null=null) for epoch in range(3)]
    text = markdown(records)
    assert "structural Φ is 0" in text
    assert REASON in text
    assert not CLAIM.search(text), CLAIM.search(text)
    paragraphs = text.split("\n\n")
    for index, paragraph in enumerate(paragraphs):
        if any(f"{record.phi:.4f}" in paragraph for record in records):
            assert "structural Φ is 0" in paragraphs[index - 1] + paragraph
    assert "statistical, structural Φ is 0" in in_terminal(records, width=200)


@pytest.mark.parametrize(
    ("kind", "null", "said", "claims"),
    [
        ("causal", a_null(0.05), "these units are not reducible in the analysed state", False),
        ("causal", None, "How sure this is was not computed: sequences were not resampled", False),
        ("observational", a_null(0.05), "a causal (perturbed) TPM can tell", False),
        ("observational", a_null(0.10), "cannot be told from that of a system that loses nothing at its weakest cut", False),
        ("observational", a_null(0.05, "shuffle"), "temporal dependence only", False),
        ("observational", None, "even independent coin flips give Φ > 0", False),
        ("statistical", a_null(0.05), "Nothing may be concluded about the layer's own integration", False),
    ],
)
def test_integration_is_claimed_of_no_single_number(kind, null, said, claims):
    record = a_record("gru", kind=kind, null=null)
    assert said in conclusion(record)
    assert bool(CLAIM.search(markdown([record]))) is claims


def test_ties_on_which_phi_depends_are_said():
    record = a_record()
    tied = msgspec.structs.replace(record.result, tied_purviews=((0,), (0, 1)), phi_jitter=(0.1, 0.3), phi_margin=0.0)
    assert "depends on ties" not in markdown([record])
    text = markdown([msgspec.structs.replace(record, result=tied)])
    assert "Φ depends on ties: in 2 of" in text
    assert "is 0.1 to 0.3" in text
    assert "and that of the second-best partition is larger by 0." in text


def test_words_that_a_newcomer_meets_are_explained():
    states = [a_record("gru", epoch, states=a_record().states) for epoch in (-1, 0)]
    text = markdown(states)
    for term in ("TPM", "concept", "cut", "ON", "paired Wilcoxon", "seeds not compared"):
        assert f"- **{term}**: " in text
    assert "with the mark (another)" not in text
    assert "seeds not compared" not in markdown([a_record("relu", 0, kind="statistical")])
    other = msgspec.structs.replace(states[1].states[0], state=tuple(1 - bit for bit in states[1].states[0].state))
    moved = markdown([states[0], msgspec.structs.replace(states[1], states=(other,))])
    assert "Epoch -1 is the untrained network, epoch 0 the end of the first epoch of training. " in moved
    assert "A state with the mark (another) is not that of the row before" in moved


def test_one_group_is_called_one_and_no_mean_over_groups():
    record = set_units(1.0)
    group = SurveyGroup(units=record.units, states=(record.states[0].state,), visits=(3,), phis=(0.2,))
    text = markdown([msgspec.structs.replace(record, survey=Survey(phi=0.2, groups=(group,)))])
    assert "Φ of the layer is 0.2000, that of one group of units in the states that were analysed; " in text


@pytest.mark.parametrize(("groups", "observed"), [(1, None), (3, None), (1, (2, 5, 1, 0)), (3, (2, 5, 1, 0))])
def test_a_mean_over_some_of_the_visited_states_says_so(groups, observed):
    """Of one group how many of how many; of several that of the first, since how many another group visited is not known."""
    record = set_units(1.0)
    visits = (2, 5, 1, 0)
    counts = Counts(visits=visits if observed is None else (8,) * 4, on=((0, 0),) * 4, joint=())
    perturbation = None if observed is None else msgspec.structs.replace(record.perturbation, observed=observed)
    one = SurveyGroup(units=record.units, states=((1, 0),), visits=(5,), phis=(0.2,), signed=(0.2,), counts=counts)
    survey = Survey(phi=0.2, groups=(one,) * groups, share=1.0, signed=0.2)
    some = msgspec.structs.replace(record, survey=survey, perturbation=perturbation)
    every = tuple((code & 1, code >> 1) for code in range(4))
    whole = msgspec.structs.replace(one, states=every, visits=visits, phis=(0.2, 0.2, 0.2, None), signed=(0.2,) * 3 + (None,))
    all_ = msgspec.structs.replace(some, survey=msgspec.structs.replace(survey, groups=(whole,) * groups))
    told = {
        1: "φ_s is above 0 in 100.0 % of the visits of 1 of 3 visited states of one group of units",
        3: "φ_s is above 0 in 100.0 % of the visits of the analysed states, as a mean over 3 groups of units",
    }
    assert layer_words(some).startswith(told[groups])
    assert "analysed" not in layer_words(all_)
    assert "1 of 3" not in layer_words(all_)
    if groups == 3:
        assert "each over those of its states that were analysed (1 of 3 visited states of the first group)" in markdown([some])
        assert "each over the states in which it was observed; " in markdown([all_])


def test_of_a_survey_that_was_not_finished_there_is_no_mean():
    units = [Units(indices=(number, number + 1), width=9, selection="random") for number in range(3)]
    done = SurveyGroup(units=units[0], states=((0, 0),), visits=(5,), phis=(0.25,))
    words = "Of 3 groups of units 1 were analysed before the time was over, so there is no mean over all."
    survey = Survey(groups=(done, *(SurveyGroup(units=each) for each in units[1:])), interval_words=words)
    record = a_record("gru", survey=survey)
    assert f"Φ of the layer at epoch {record.epoch} was not computed. {words}" in markdown([record])
    shown = in_terminal([record])
    assert "not finished" in shown
    assert "1 of 3" in shown


def set_units(share, *, background="sampled"):
    """A perturbed record of which 200 resamples were made; Φ was above 0 in this share of them."""
    units = a_record("gru").units
    return a_record(
        "gru",
        kind="causal",
        interval=Interval(low=0.1, high=0.4, level=0.9, draws=200, seed=0, words="percentiles of 200 resamples of whole sequences"),
        survey=Survey(phi=0.2, groups=(SurveyGroup(units=units, positive=share),)),
        perturbation=Perturbation(background=background, draws=900, observed=(), off=(), on=(), seed=0, sequences=30),
    )


def test_resamples_of_set_units_count_where_their_group_has_no_interval():
    record = set_units(0.98)
    survey = msgspec.structs.replace(record.survey, resampled=(0.2,) * 200)
    without = msgspec.structs.replace(record, interval=None, survey=survey)
    assert conclusion(without) == conclusion(record)
    assert "irreducible in 98 % of 200 resamples" in conclusion(without)


TOLD = "Every cut changes the averaged system, so these units are not reducible in the analysed state: "
NOT_TOLD = "Whether these units are reducible in the analysed state cannot be told: "
BELOW = "this Φ cannot be told from that of a system that loses nothing at its weakest cut (p = 0.400, 19 surrogates)"
ABOVE = "this Φ is above that of a system that loses nothing at its weakest cut (p <= 1/20, 19 surrogates)"


@pytest.mark.parametrize(
    ("p", "low", "words"),
    [
        (0.4, 0.0, f"{NOT_TOLD}{BELOW}, and its interval (0 to 0.4000) holds 0. Such a judgement takes"),
        (0.4, None, f"{NOT_TOLD}{BELOW}. Such a judgement takes"),
        (0.05, 0.1, f"{TOLD}{ABOVE}, and its interval (0.1000 to 0.4000) does not hold 0. Such a judgement takes"),
        (None, 0.0, f"{NOT_TOLD}its interval (0 to 0.4000) holds 0. Such a judgement takes"),
        (None, 0.1, f"{TOLD}its interval (0.1000 to 0.4000) does not hold 0. Such a judgement takes"),
    ],
)
def test_set_units_of_version_0_1_0_are_judged_by_their_null_and_interval(p, low, words):
    interval = None if low is None else Interval(low=low, high=0.4, level=0.9, draws=200, seed=0, words="")
    record = a_record("gru", kind="causal", null=None if p is None else a_null(p), interval=interval)
    assert conclusion(record).startswith(words)
    assert "How sure this is was not computed" not in conclusion(record)


def test_of_the_untrained_network_nothing_is_said_of_trained_weights():
    trained, untrained = (conclusion(msgspec.structs.replace(set_units(1.0), epoch=epoch)) for epoch in (3, -1))
    assert (
        "Almost no system with trained weights is exactly reducible; more is told by how large Φ is beside other epochs." in trained
    )
    assert "trained weights" not in untrained
    assert "Almost no system with random weights is exactly reducible" in untrained


@pytest.mark.parametrize(
    ("share", "words"),
    [
        (1.0, "These units are not reducible in the analysed state (irreducible in each of 200 resamples)."),
        (0.98, "These units are not reducible in the analysed state (irreducible in 98 % of 200 resamples)."),
        (0.6, "Whether these units are reducible in the analysed state cannot be told (irreducible in 60 % of 200 resamples)."),
        (
            0.0,
            "But for the noise of the data these units are reducible in the analysed state (reducible in each of 200 resamples).",
        ),
    ],
)
def test_units_that_were_set_are_reducible_or_not_and_have_no_p(share, words):
    record = set_units(share)
    assert conclusion(record).startswith(words)
    assert conclusion(record).endswith("not of the network at one moment.")
    assert conclusion(set_units(share, background="fixed")).endswith("at one observed moment, with all others held.")
    text = markdown([record])
    assert "900 backgrounds from 30 sequences" in text
    assert "interval 0.1000 to 0.4000 (90 %, resampled sequences)" in text
    assert not re.search(r"\bp (=|<)|[0-9] transitions|coin flips have", text)


@pytest.mark.parametrize(("others", "said"), [((0.10, 0.15), False), ((0.10, 0.16), True), ((0.0, 0.1), True), ((0.0, 0.0), False)])
def test_a_phi_that_depends_on_the_threshold_is_said_to(others, said):
    points = tuple(
        ThresholdPoint(quantile=quantile, thresholds=(0.0,), transitions=9, visited=2, phi=phi)
        for quantile, phi in zip((0.4, 0.6), others, strict=True)
    )
    for record in (set_units(1.0), a_record("gru", null=a_null())):
        words = conclusion(msgspec.structs.replace(record, sensitivity=points))
        assert ("depends on where a unit counts as ON" in words) is said
        assert (f"{others[0]:.4f} to {others[1]:.4f}".replace("0.0000", "0") in words) is said


def test_phi_of_zero_is_reducible_and_needs_no_null():
    record = a_record("gru")
    zero = a_record("gru", result=type(record.result)(phi=0.0, engine=record.result.engine))
    assert "reducible" in conclusion(zero)
    assert "Φ 0;" in markdown([zero])
    assert "0.0000" not in markdown([zero])


def test_every_number_comes_with_kind_interval_and_null_or_with_their_absence():
    bare = markdown([a_record("gru", epoch) for epoch in range(2)])
    row = next(line for line in bare.splitlines() if line.startswith("| 1 |"))
    assert "null not computed" in row
    assert "not computed" in row
    assert "interval not computed" in bare
    interval = Interval(low=0.0, high=0.4, level=0.9, draws=60, seed=0, words="the lower end is 0, since no null was computed")
    full = markdown([a_record("gru", null=a_null(), interval=interval)])
    assert "cut null: mean 0.0100, upper 0.0300, p <= 1/20, 19 surrogates" in full
    assert "interval 0 to 0.4000 (posterior)" in full
    assert "the lower end is 0, since no null was computed" in full
    assert "90 %" not in full.replace("Intervals (90 %) come from the posterior", "")  # its level, and not how often it covers


def test_a_phi_that_was_not_computed_gives_its_reason_and_no_number():
    records = [
        a_record("gru", 0, result=TimedOut(reason="no result within 600 s", timeout=600.0), scalars={}),
        a_record("gru", 1, result=Failed(code="worker_died", reason="the worker was killed"), scalars={}),
    ]
    text = markdown(records)
    assert "not computed (timed out: no result within 600 s)" in text
    assert "which is not Φ = 0: the worker was killed" in text
    assert "Φ was not computed at epochs 0, 1" in text
    assert "failed" in in_terminal(records)


def test_diagnostics_warnings_and_settings_are_in_words():
    found = (
        Diagnostic(
            name="conditional_dependence", value=0.31, unit="bit", p=0.005, verdict="violated", words="they depend (0.31 bit)"
        ),
        Diagnostic(name="determinism", value=0.5),
        Diagnostic(name="stationarity", value=None, verdict="not applicable"),
    )
    curve = (CurvePoint(transitions=1500, subsamples=5, mean=0.25, low=0.125, high=0.375),)
    record = a_record("gru", null=a_null(), diagnostics=found, curve=curve, notes=("a note",), left_out=1234)
    text = markdown([record], {"units": 3, "threshold": "median"})
    assert "- conditional dependence [violated]: they depend (0.31 bit)" in text
    assert "- determinism: 0.5000" in text
    assert "- stationarity [not applicable]: no value" in text
    assert "weakened by what the diagnostics found violated: conditional dependence." in text
    assert "| 1,500 | 0.2500 | 0.1250 to 0.3750 | 5 |" in text
    assert "- a note" in text
    assert "1,234 values that are not finite were left out at epoch 0" in text
    assert "fewer than 100 transitions for each state" in text
    assert "All options of the callback: `units=3`, `threshold=median`." in text
    assert "| engine used | fast 0.1.0 |" in text


def test_notes_on_a_further_formalism_are_warnings_too():
    record = a_record()
    other = OfFormalism(formalism="iit4-2023", result=record.result, notes=("There is no interval by IIT 4.0 (2023).",))
    text = markdown([msgspec.structs.replace(record, others=(other,))])
    assert "There is no interval by IIT 4.0 (2023)." in text
    alone = "are computed for IIT 3.0 alone, the first formalism of the run"
    assert alone in text
    assert alone not in markdown([record])


def test_a_section_of_iit4_says_its_kind():
    record = a_record(kind="statistical", formalism="iit4-2023")
    assert iit4_parts([record], "", heading="###")[0] == "### IIT 4.0 (2023): φ_s of the layer (statistical)"


def test_a_report_of_iit4_alone_calls_its_number_by_one_name():
    """Φ is there the number of a structure, and that of IIT 3.0 where it is named so."""
    curve = (CurvePoint(transitions=9, mean=0.1, low=0.0, high=0.2, subsamples=5),)
    for kind in ("causal", "statistical"):
        text = markdown([a_record(formalism="iit4-2023", kind=kind, structural_phi=0.0, curve=curve)])
        known = r"Φ of (the|their) structure|big Φ|Φ of IIT 3\.0|and Φ was above 0 in 1 of 100 of the others|Information \(Φ\)"
        assert "Φ" not in re.sub(known, "", text)


def test_a_value_of_a_whole_layer_outside_of_its_interval_says_why():
    record = with_whole_layer(0)
    value = record.whole["stochastic_interaction"].minimum
    assert value.interval.high < value.value
    said = markdown([record])
    assert "Epoch 0, statistical: 12 of 32 units, " in said
    assert f"The value lies above its interval: resamples were {value.interval.bias:.3g} larger on average, and the ends" in said
    inside = msgspec.structs.replace(value, interval=msgspec.structs.replace(value.interval, high=1.0))
    assert inside.outside == ""


def test_many_epochs_make_one_warning_not_many():
    text = markdown([a_record("gru", epoch) for epoch in range(40)])
    (line,) = [line for line in text.splitlines() if "biased upward there" in line]
    assert "40 epochs from 0 to 39" in line


@given(st.lists(st.sampled_from(HOSTILE_LAYERS), unique=True, max_size=5), st.text())
def test_no_name_or_reason_breaks_a_table(layers, reason):
    records = [a_record(layer, result=Failed(code="engine_error", reason=reason)) for layer in layers]
    text = markdown(records, {"option": reason})
    assert "<script" not in re.sub(r"\\<|`[^`\n]*`", "", text)
    tables = [paragraph for paragraph in text.strip().split("\n\n") if paragraph.startswith("| ")]
    for table in tables:
        widths = {len(re.findall(r"(?<!\\)\|", line)) for line in table.split("\n")}
        assert len(widths) == 1, table
    in_terminal(records)


def test_a_run_without_records_has_a_report_too():
    assert "No layer was analysed." in markdown([], {"units": 4})
    assert in_terminal([])


def test_the_terminal_table_fits_eighty_columns():
    records = [feed_forward(), a_record("encoder.layers.11.gru", kind="observational", null=a_null())]
    lines = in_terminal(records).splitlines()
    assert max(map(len, lines)) <= 80
    assert any("observational" in line for line in lines), "kinds stand unbroken"
