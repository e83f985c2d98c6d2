"""What is read from a file is checked: the range of every number, and that the parts of a record fit each other."""

from __future__ import annotations

import json
import math
import re
import typing

import msgspec
import pytest
from sample_records import a_record, a_snapshot

from lightning_iit import System, compute_structure
from lightning_iit.errors import RecordError
from lightning_iit.records import (
    Connections,
    CurvePoint,
    Diagnostic,
    EpochRecord,
    GroupResult,
    Interval,
    MajorComplex,
    NetworkSnapshot,
    NullResult,
    OfFormalism,
    Perturbation,
    StateResult,
    Survey,
    SurveyGroup,
    ThresholdPoint,
    TimedOut,
    decode,
    decode_network,
    encode,
)
from lightning_iit.records.schema import Record
from lightning_iit.records.store import load_run, read_run, write_record

FREE = {
    *("seed", "pyphi", "values", "upper", "off", "on", "between", "scalars", "value", "excess", "thresholds"),
    *("mean_activity", "activity", "weights", "resampled", "intrinsic_information", "signed_phi", "signed"),
    *("mean", "bias", "beta", "null_means"),
}
"""Fields whose numbers may be any, so that their types say no range."""


def of_iit4(record) -> OfFormalism:
    """What IIT 4.0 gives of a record's TPM."""
    structure = compute_structure(System(tpm=record.tpm.state_by_node, state=record.states[0].state), formalism="iit4-2023")
    assert structure.distinctions
    phi = structure.system
    group = SurveyGroup(
        units=record.units, states=(record.states[0].state,), visits=(3,), phis=(phi.phi,), signed=(phi.signed_phi,)
    )
    return OfFormalism(
        formalism="iit4-2023",
        result=phi,
        states=(StateResult(state=record.states[0].state, visits=3, result=phi),),
        survey=Survey(phi=phi.phi, groups=(group,), share=1.0, signed=phi.signed_phi),
        structure=structure,
        major_complex=MajorComplex(nodes=phi.nodes, result=phi, others=(phi,)),
    )


def full() -> dict:
    """A record with something in each of its fields, as JSON."""
    record = a_record()
    point = CurvePoint(transitions=10, subsamples=3, mean=0.1, low=0.0, high=0.2)
    n = len(record.units.indices)
    record = msgspec.structs.replace(
        record,
        null=NullResult(name="cut", surrogates=3, mean=0.1, upper=0.2, excess=-0.1, p=0.25, seed=0, values=(0.0, 0.1, 0.2)),
        interval=Interval(low=0.0, high=0.5, level=0.9, draws=20, seed=0),
        curve=(point,),
        sensitivity=(ThresholdPoint(quantile=0.4, thresholds=(0.1, 0.2, 0.3), transitions=9, visited=4, phi=0.1),),
        diagnostics=(Diagnostic(name="coverage", value=0.5, p=0.5),),
        major_complex=MajorComplex(nodes=(0, 1), result=record.result),
        perturbation=Perturbation(
            background="sampled", draws=4, observed=(1,) * 2**n, off=((0.0,) * n,), on=((1.0,) * n,), seed=0, cm=((1,) * n,) * n
        ),
        observed=record.counts,
        others=(of_iit4(record),),
        groups=(
            GroupResult(units=record.units, result=TimedOut(reason="slow", timeout=1.0), state=(0, 1, 0), counts=record.counts),
        ),
        structural_phi=0.0,
    )
    return json.loads(encode(record))


def put(document, path: str, value):
    """Puts a value into a JSON document, at a path such as ``states.0.visits``."""
    *way, last = [int(part) if part.isdigit() else part for part in path.split(".")]
    for part in way:
        document = document[part]
    document[last] = value


OUT_OF_RANGE = [
    ("result.phi", -0.5),
    ("states.0.result.concepts.0.cause_phi", -0.5),
    ("states.0.result.seconds", -1),
    ("states.0.visits", -1),
    ("states.0.state.1", 2),
    ("epoch", 10**12),
    ("epoch", -2),
    ("global_step", 10**30),
    ("wall_time", -1),
    ("wall_time", 1e300),
    ("units.indices.0", -1),
    ("units.width", -1),
    ("units.bits", 0),
    ("thresholds.samples", -1),
    ("counts.visits.3", -1),
    ("counts.on.0.0", -1),
    ("counts.joint.0.2", -1),
    ("tpm.state_by_node.0.1", 1.5),
    ("tpm.state_by_node.0.1", -0.5),
    ("tpm.prior", 2),
    ("null.p", 1.5),
    ("null.mean", -1),
    ("null.surrogates", -1),
    ("interval.low", -1),
    ("interval.level", 2),
    ("curve.0.mean", -1),
    ("sensitivity.0.quantile", 1.5),
    ("diagnostics.0.p", -0.5),
    ("perturbation.cm.0.0", 3),
    ("groups.0.result.timeout", -1),
    ("groups.0.visits", -1),
    ("major_complex.nodes.0", -1),
    ("structural_phi", -1),
    ("others.0.result.phi", -1),
    ("others.0.survey.share", 2),
    ("others.0.structure.relations", -1),
    ("left_out", -1),
    ("backlog", -1),
    ("provenance.window", 0),
    ("provenance.world_size", 0),
]
MISFITS = [
    ("states.0.state", [0, 1], "states[0].state"),
    ("states.0.result.cut.to_nodes", [1, 7], "cut"),
    ("result.concepts.0.mechanism", [9], "concepts[0]"),
    ("units.indices", [4, 1, 99], "units"),
    ("units.clusters", [[4, 2]], "units.clusters"),
    ("thresholds.values", [0.1], "thresholds.values"),
    ("counts.visits", [1, 2], "counts.visits"),
    ("counts.on.3", [0], "counts.on[3]"),
    ("counts.on.0.0", 10**6, "counts.on[0]"),
    ("counts.joint.0", [0, 8, 1], "counts.joint"),
    ("tpm.visited", [True], "tpm.visited"),
    ("tpm.state_by_node.2", [0.5], "tpm.state_by_node[2]"),
    ("observed.visits", [1] * 7, "observed.visits"),
    ("perturbation.cm.0", [1], "perturbation.cm"),
    ("perturbation.observed", [1], "perturbation.observed"),
    ("groups.0.state", [1], "groups[0].state"),
    ("formalism", "iit5", "formalism"),
    ("others.0.states.0.state", [1], "others[0].states[0].state"),
    ("others.0.result.partition.0", [0, 9], "others[0].result"),
    ("others.0.result.cause.state", [0], "others[0].result.cause"),
    ("others.0.major_complex.nodes", [3], "others[0].major_complex.nodes"),
    ("others.0.structure.distinctions.0.mechanism", [5], "others[0].structure.distinctions[0]"),
    ("others.0.structure.distinctions.0.cause.state", [0, 1, 0, 1], "others[0].structure.distinctions[0].cause"),
    ("groups.0.counts.visits", [1], "groups[0].counts.visits"),
    ("major_complex.nodes", [0, 3], "major_complex.nodes"),
    ("result.concepts.0.cause_repertoire", [0.5, 0.5], "cause_repertoire"),
]


def test_a_whole_record_is_read():
    whole = full()
    assert encode(decode(json.dumps(whole))) == encode(msgspec.convert(whole, EpochRecord))


@pytest.mark.parametrize(("path", "value"), OUT_OF_RANGE)
def test_a_number_out_of_its_range_is_refused_with_field_and_value(path, value):
    document = full()
    put(document, path, value)
    field = re.sub(r"\.(\d+)", r"[\1]", path)
    with pytest.raises(RecordError, match=rf"{re.escape(field)}.*given {re.escape(repr(value))}"):
        decode(json.dumps(document))


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_number_that_json_does_not_know_is_refused_with_field_and_value(value):
    document = full()
    put(document, "curve.0.mean", value)
    with pytest.raises(RecordError, match=rf"curve\[0\]\.mean is {value}"):
        decode(json.dumps(document))


@pytest.mark.parametrize(("path", "value", "field"), MISFITS)
def test_parts_that_do_not_fit_are_refused_with_field_and_value(path, value, field):
    document = full()
    put(document, path, value)
    with pytest.raises(RecordError, match=re.escape(field)) as error:
        decode(json.dumps(document))
    assert re.search(r"is [\d('\"]", str(error.value)), "the value is said"


def test_rounding_is_no_fault():
    document = full()
    put(document, "result.phi", -1e-12)
    put(document, "tpm.state_by_node.0.1", 1.0000000000000002)
    assert decode(json.dumps(document)).phi == -1e-12


@pytest.mark.parametrize(
    ("path", "value"),
    [("layers.0.indices", [1, 4, 99]), ("layers.0.activity", [[0.5]]), ("layers.0.width", -1), ("connections.0.to_layer", 5)],
)
def test_a_network_snapshot_is_checked_too(path, value):
    drawn = Connections(from_layer=0, to_layer=0, weights=((1, 4, 0.5),))
    document = json.loads(encode(msgspec.structs.replace(a_snapshot(0), connections=(drawn,))))
    assert decode_network(json.dumps(document)).connections == (drawn,)
    put(document, path, value)
    with pytest.raises(RecordError):
        decode_network(json.dumps(document))


def every_record(kind: type[Record], found: set | None = None) -> set[type[Record]]:
    """A struct, and all structs that its fields can hold."""
    found = set() if found is None else found
    if kind not in found:
        found.add(kind)
        for hint in typing.get_type_hints(kind).values():
            for part in parts(hint):
                if isinstance(part, type) and issubclass(part, Record):
                    every_record(part, found)
    return found


def parts(hint):
    """A type and all types inside, with what is annotated as one."""
    yield hint
    if typing.get_origin(hint) is not typing.Annotated:
        for inner in typing.get_args(hint):
            yield from parts(inner)


def test_every_number_of_the_schema_has_a_range_or_is_named_as_free():
    missing = [
        f"{kind.__name__}.{name}"
        for root in (EpochRecord, NetworkSnapshot)
        for kind in every_record(root)
        for name, hint in typing.get_type_hints(kind, include_extras=True).items()
        if name not in FREE
        and kind.__name__ != "PhiOptions"
        and {int, float} & {part for part in parts(hint) if isinstance(part, type)}
    ]
    assert not missing


def test_a_bad_record_costs_itself_and_is_named_with_its_file(tmp_path):
    for epoch in (0, 1):
        file = write_record(tmp_path, a_record(epoch=epoch))
    document = json.loads(file.read_bytes())
    put(document, "result.phi", -0.5)
    file.write_text(json.dumps(document))
    with pytest.warns(UserWarning, match=r"epoch=0001\.json: .*result\.phi.*-0\.5"):
        assert [record.epoch for record in load_run(tmp_path)] == [0]


@pytest.mark.parametrize("data", [b"[" * 100_000, b'{"layer": "\xff"}', b"", b"\x00" * 10])
def test_whatever_is_in_a_file_it_costs_itself_alone(tmp_path, data):
    file = write_record(tmp_path, a_record(epoch=0))
    file.with_name("epoch=0001.json").write_bytes(data)
    records, faults = read_run(tmp_path)
    assert (len(records), len(faults)) == (1, 1)


def test_a_perturbation_of_a_record_without_sequences_is_read():
    stored = full()
    assert stored["perturbation"].pop("sequences") is None
    assert decode(json.dumps(stored).encode()).perturbation.sequences is None
