"""Only what a model does inside of its training_step counts, whoever calls it between two steps."""

import pytest
import torch
from lightning.pytorch import Callback
from models import Gru, sequence_data
from training import assert_same, train


class Meddler(Callback):
    """Runs the model between steps and epochs, as callbacks do that show samples while a model trains."""

    def _run(self, trainer, module, *_):
        with torch.no_grad():
            module(torch.randn(3, 9, 8, generator=torch.Generator().manual_seed(0)))

    on_train_epoch_start = on_train_batch_start = on_train_batch_end = on_train_epoch_end = _run


@pytest.mark.parametrize("transitions", ["time", "stream"])
def test_passes_between_training_steps_do_not_count(tmp_path, transitions):
    options = {
        "layers": "net.gru",
        "units": 2,
        "threshold": "zero",
        "transitions": transitions,
        "initial": False,
        "extra_budget": 1e6,
    }
    records = []
    for name, more in (("alone", ()), ("meddled", (Meddler(),))):
        torch.manual_seed(0)
        callback = train(tmp_path / name, *more, model=Gru(), data=sequence_data(), epochs=2, pictures=False, **options)
        records.append(callback.records)
    assert_same(*records)
