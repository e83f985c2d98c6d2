"""Known answers through the whole plugin: a real training run, read back from its event file."""

from __future__ import annotations

from typing import TYPE_CHECKING

import gates
import known_phi
import pytest

from lightning_iit.records import Computed
from lightning_iit.tpm.states import index_of

if TYPE_CHECKING:
    from lightning_iit.records import EpochRecord

LAYERS = [*(f"{name}_{kind}" for name in known_phi.PUBLISHED for kind in ("gru", "lstm")), "chain_rnn"]


@pytest.fixture(scope="module")
def records(tmp_path_factory: pytest.TempPathFactory) -> dict[str, EpochRecord]:
    return known_phi.main(str(tmp_path_factory.mktemp("run")))


@pytest.mark.parametrize("layer", LAYERS)
def test_a_trained_gate_network_has_its_published_phi(layer: str, records: dict[str, EpochRecord]) -> None:
    record = records[layer]
    network, published = known_phi.PUBLISHED[layer.rsplit("_", 1)[0]]
    assert record.kind == "causal"
    assert record.perturbation is not None
    # 256 sequences of 8 steps, the first of which begins in zeros.
    assert (record.perturbation.draws, record.perturbation.sequences) == (256 * 7, 256)
    assert record.tpm is not None
    assert [list(row) for row in record.tpm.state_by_node] == gates.truth_table(network)
    results = {result.state: result for result in record.states}
    for state, phi in published.items():
        assert record.perturbation.observed[index_of(state)] > 0, "an observed state"
        assert isinstance(results[state].result, Computed)
        assert results[state].result.phi == pytest.approx(phi, abs=1e-5)


def test_every_layer_has_its_record(records: dict[str, EpochRecord]) -> None:
    assert sorted(records) == sorted(LAYERS)
