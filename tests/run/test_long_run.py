"""What a checkpoint has of a run does not grow with its epochs, nor do the counts and threads of the callback."""

from __future__ import annotations

import pickle
import threading

from lightning.pytorch import Callback, seed_everything
from models import Mlp, flat_data
from training import trainer

from lightning_iit import IITCallback

EPOCHS = 40


class Sizes(Callback):
    """Notes after each epoch how large the callback's state is, and how many threads there are."""

    def __init__(self, watching) -> None:
        self.watching = watching
        self.states = []
        self.threads = []

    def on_train_epoch_end(self, trainer, module):
        self.states.append(len(pickle.dumps(self.watching.state_dict())))
        self.threads.append(threading.active_count())


def test_the_state_of_three_layers_does_not_grow(tmp_path):
    seed_everything(5, verbose=False)
    options = {"units": 2, "groups": 1, "null_model": None, "table": False, "pictures": False, "network": False, "window": 3}
    callback = IITCallback(["net.1", "net.3", "net.4"], when_busy="wait", **options)
    sizes = Sizes(callback)
    trainer(tmp_path, callback, sizes, epochs=EPOCHS).fit(Mlp(), flat_data(64))
    assert len(callback.records) == 3 * (EPOCHS + 1)
    # A few bytes more or less for numbers with more digits, and for packed windows of other counts.
    assert max(sizes.states[-10:]) <= 1.02 * max(sizes.states[5:15])
    assert max(sizes.states) < 20_000
    assert max(sizes.threads[-10:]) <= max(sizes.threads[5:15])
