"""Lightning's searches train the module during a fit, for a learning rate or a batch size: such steps are not counted."""

from __future__ import annotations

import pytest
from lightning.pytorch.callbacks import LearningRateFinder
from models import Mlp, flat_data
from training import train


class Rate(LearningRateFinder):
    """Searches at the start of the second epoch, and not before the training."""

    def on_fit_start(self, *_):
        return

    def on_train_epoch_start(self, trainer, pl_module):
        if trainer.current_epoch == 1:
            self.lr_find(trainer, pl_module)


class Counts(Mlp):
    def __init__(self):
        super().__init__()
        self.steps = 0

    def training_step(self, batch, index):
        self.steps += 1
        return super().training_step(batch, index)


@pytest.mark.filterwarnings("default")
def test_steps_of_a_search_are_not_counted(tmp_path):
    model = Counts()
    search = Rate(num_training_steps=5, update_attr=False)
    options = {"initial": False, "every_n_steps": 3}
    callback = train(tmp_path, search, model=model, data=flat_data(96), epochs=3, **options)
    assert model.steps > 9, "the search trains"
    assert [record.counts.transitions for record in callback.records] == [95] * 6
    # Counts within epochs go on where an epoch begins, so that the steps of the search would be in them.
    assert not any(
        "evaluated the data of their training step again" in note for record in callback.records for note in record.notes
    )
