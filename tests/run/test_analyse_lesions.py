"""Lesions of what ``analyse`` has analysed: of the units, and of either side of their minimum partition."""

from __future__ import annotations

import pytest
import torch
from models import Gru, sequence_data
from torch import nn

from lightning_iit import InvalidArgumentError, analyse, lesion, load_run
from lightning_iit.records import Computed, Cut, EngineInfo, Failed, SystemPhi, Units
from lightning_iit.records.iit4 import SpecifiedState
from lightning_iit.records.lesions.sides import lesioned_units, parts_of

QUICK = {"workers": 0, "null_model": None, "groups": 1, "pictures": False}


@pytest.fixture(scope="module")
def analysed(tmp_path_factory):
    torch.manual_seed(2)
    model, folder = Gru(), tmp_path_factory.mktemp("run")
    (record,) = analyse(model, sequence_data(48), "net.gru", units=4, lesions="zero", log_dir=folder, **QUICK)
    return model, folder, record


def test_a_record_has_the_lesions_of_its_units_and_of_both_sides(analysed):
    """Each is what ``lesion`` gives of these units, on the same data."""
    model, folder, record = analysed
    cut, units = record.result.cut, record.units.indices
    sides = [tuple(units[node] for node in nodes) for nodes in (cut.from_nodes, cut.to_nodes)]
    assert [one.units for one in record.lesions] == [units, *sides]
    assert [one.part for one in record.lesions] == [
        "the analysed units",
        "side 1 of the partition",
        "side 2 of the partition",
    ]
    for one in record.lesions:
        alone = lesion(model, sequence_data(48), "net.gru", one.units, to="zero")
        assert (one.measures, one.control_units, one.samples) == (alone.measures, alone.control_units, 48)
    assert load_run(folder) == (record,)


def test_the_report_has_them_as_a_table(analysed):
    _, folder, record = analysed
    report = (folder / "iit" / "report.md").read_text()
    assert "### Lesions" in report
    for one in record.lesions:
        assert f"| {one.part} | {', '.join(map(str, one.units))} | val_loss |" in report
        assert f"{one.p:.3f} (smallest {one.smallest_p:.3f})" in report


def test_a_network_without_a_loss_of_its_own_is_measured_by_a_metric():
    def mean(outputs, batch):
        return outputs[0].mean()

    layer = nn.Sequential(nn.GRU(8, 12, batch_first=True))
    batches = [batch[0] for batch in sequence_data(32)]
    (record,) = analyse(layer, batches, "0", units=[0, 1, 2], lesions="mean", metric=mean, **QUICK)
    assert record.lesions[0].measures == lesion(layer, batches, "0", (0, 1, 2), metric=mean).measures
    with pytest.raises(InvalidArgumentError, match="metric=None: this Sequential is no LightningModule"):
        analyse(layer, batches, "0", units=3, lesions="mean", **QUICK)


def test_a_lesion_that_has_no_control_is_a_note_and_the_phi_stays():
    torch.manual_seed(2)
    (record,) = analyse(Gru(hidden=5), sequence_data(32), "net.gru", units=3, lesions="mean", **QUICK)
    assert record.phi is not None
    assert [one.part for one in record.lesions] == ["side 1 of the partition", "side 2 of the partition"]
    (note,) = [note for note in record.notes if note.startswith("No lesion of the analysed units")]
    assert "too few for a control of 3 units" in note


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"lesions": "all"}, "lesions='all'"),
        ({"lesions": True}, "lesions=True"),
        ({"metric": len}, 'give lesions="mean" too'),
        ({"lesions": "mean", "metric": 3}, "give a function"),
    ],
)
def test_wrong_arguments_are_refused_before_the_pass(given, words):
    with pytest.raises(InvalidArgumentError, match=words):
        analyse(Gru(), sequence_data(16), "net.gru", units=2, **given, **QUICK)


def iit4(*severed, nodes=(0, 1, 2, 3)):
    state = SpecifiedState(state=(0,) * len(nodes), phi=0.1, signed_phi=0.1, intrinsic_information=0.1, ties=())
    numbers = {"phi": 0.1, "signed_phi": 0.1, "normalized_phi": 0.1, "ii": 0.2, "cause": state, "effect": state}
    engine = EngineInfo(name="fast", version="1")
    return SystemPhi(formalism="iit4-2023", nodes=nodes, partition=severed, engine=engine, **numbers)


@pytest.mark.parametrize(
    ("result", "expected"),
    [
        (Computed(phi=0.1, cut=Cut(from_nodes=(1,), to_nodes=(0, 2)), engine=EngineInfo(name="fast", version="1")), ((1,), (0, 2))),
        (Computed(phi=0.0, engine=EngineInfo(name="fast", version="1")), ()),
        (iit4((0, 2), (0, 3), (1, 2), (1, 3)), ((0, 1), (2, 3))),  # one direction is severed
        (iit4((0, 1), (1, 0), (0, 2), (2, 1), nodes=(0, 1, 2)), ((0,), (1,), (2,))),  # three parts
        (iit4(), ()),
        (Failed(code="engine_error", reason="broken"), ()),
    ],
)
def test_the_sides_are_those_of_the_partition(result, expected):
    assert parts_of(result, 4) == expected


def test_macro_units_and_units_of_two_bits_are_set_whole():
    cut = Computed(phi=0.1, cut=Cut(from_nodes=(0,), to_nodes=(1,)), engine=EngineInfo(name="fast", version="1"))
    macro = Units(indices=(3, 8), width=32, selection="clusters", clusters=((3, 4, 5), (8, 9)))
    assert list(lesioned_units(macro, cut).values()) == [(3, 4, 5, 8, 9), (3, 4, 5), (8, 9)]
    bits = Units(indices=(3, 3), width=32, selection="given", bits=2)
    assert list(lesioned_units(bits, cut).values()) == [(3,)]
