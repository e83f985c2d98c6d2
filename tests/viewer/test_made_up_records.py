"""Records that are made up for pages do not contradict themselves: in a picture that would be taken for a fault of the page."""

from __future__ import annotations

from itertools import product

import pytest
from viewer_architectures import _record as of_architecture
from viewer_runs import LAYERS, make_record
from viewer_surveys import DRAWS, surveyed

SEEDS = range(4)
EPOCHS = range(-1, 12)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_null_says_the_same_as_its_phi(seed):
    """As of 19 surrogates: with p = 0.05 Φ is above them all, so above their 95 % quantile; with a large p it is not."""
    made = [make_record(layer, epoch, n=n, seed=seed) for (layer, n), epoch in product(LAYERS.items(), EPOCHS)]
    made += [of_architecture("middle.second", 3, 24), of_architecture("layer3.0.conv1", 3, 256)]  # as u_net and resnet18 have them
    judged = [record for record in made if record.null is not None]
    assert len(judged) > 6
    for record in judged:
        assert (record.null.p <= 0.05) == (record.phi > record.null.upper), record
        assert record.null.excess == pytest.approx(record.phi - record.null.mean)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_share_of_visits_is_one_of_visits(seed):
    """The visits of units that were set are observations, of which there is one for each background."""
    for epoch in (-1, 0, 1):
        record = surveyed(epoch, seed=seed)
        observed, first = record.perturbation.observed, record.survey.groups[0]
        assert sum(observed) == record.perturbation.draws == DRAWS
        assert first.visits == tuple(one.visits for one in record.states)
        assert first.visits == tuple(observed[sum(bit << unit for unit, bit in enumerate(one))] for one in first.states)
        assert max(first.visits) == max(observed)
        assert all(sum(group.visits) <= DRAWS for group in record.survey.groups)
        assert set(record.counts.visits) == {DRAWS}
        assert sum(many for *_, many in record.counts.joint) == DRAWS * len(observed)
        assert record.tpm.state_by_node == tuple(tuple(on / DRAWS for on in row) for row in record.counts.on)
