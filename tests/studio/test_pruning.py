"""Connections between units are taken away while a network trains, and Φ falls to 0 with the last one."""

from __future__ import annotations

import pytest
import torch
from lightning.pytorch import Trainer
from torch import nn

from lightning_iit import IITCallback, load_run
from lightning_iit.errors import InvalidArgumentError
from lightning_iit.studio.training.networks import GRU, LSTM, RNN
from lightning_iit.studio.training.pruning import prune_to, share_at
from lightning_iit.studio.training.tasks import Parity

SHAPE = Parity(samples=40).shape


@pytest.mark.parametrize("kind", [GRU, LSTM, RNN])
def test_the_weakest_connections_go_and_stay_away(kind):
    network = kind(SHAPE, width=6, depth=2, pruned=1.0)
    optimizer = network.configure_optimizers()
    inputs, wanted = Parity(samples=40).samples()[0][:]
    names = list(network.state_dict())
    gone = [torch.zeros_like(getattr(network.memory, f"weight_hh_l{at}"), dtype=torch.bool) for at in range(2)]
    for share in (0.25, 0.5, 0.5, 1.0):
        before = [getattr(network.memory, f"weight_hh_l{at}").detach().clone() for at in range(2)]
        prune_to(network.memory, share)
        for at, (weights, away) in enumerate(zip(before, gone, strict=True)):
            now = getattr(network.memory, f"weight_hh_l{at}").detach() == 0
            assert now.float().mean().item() == pytest.approx(share, abs=0.5 / now.numel())
            assert now[away].all()
            fresh = now & ~away
            if fresh.any() and not now.all():
                assert weights[fresh].abs().max() <= weights[~now].abs().min()
            gone[at] = now
        loss = nn.functional.cross_entropy(network(inputs).flatten(0, 1), wanted.flatten())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        network(inputs)
        assert all((getattr(network.memory, f"weight_hh_l{at}")[away] == 0).all() for at, away in enumerate(gone))
    assert list(network.state_dict()) == names  # so that a checkpoint of any epoch can be loaded
    kind(SHAPE, width=6, depth=2, pruned=1.0).load_state_dict(network.state_dict())


def test_nothing_goes_in_the_first_quarter_and_all_that_was_asked_for_by_the_last_epoch():
    assert [round(share_at(epoch, 8, 0.6), 6) for epoch in range(8)] == [0.0, 0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6]
    assert [share_at(epoch, 1, 1.0) for epoch in (0, 1)] == [1.0, 1.0]
    with pytest.raises(InvalidArgumentError, match=r"pruned=1\.5"):
        GRU(SHAPE, pruned=1.5)


def test_without_connections_phi_is_0(tmp_path):
    torch.manual_seed(3)
    callback = IITCallback(units=3, groups=2, network=False, pictures=False, table=False)
    quiet = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False, "enable_model_summary": False}
    trainer = Trainer(max_epochs=2, default_root_dir=tmp_path, callbacks=[callback], accelerator="cpu", **quiet)
    trainer.fit(GRU(SHAPE, width=6, pruned=1.0), datamodule=Parity(samples=160))
    untrained, half, none = (record.survey.phi for record in load_run(tmp_path))
    assert trainer.callback_metrics["pruned"] == 1.0
    assert untrained > 1e-4
    assert half > 1e-6
    assert none == 0.0
