"""A GRU of darts on a noisy sine."""

import numpy as np
from darts import TimeSeries
from darts.models import RNNModel


def train(callbacks):
    random = np.random.default_rng(0)
    values = np.sin(np.arange(600) / 7) + 0.1 * random.standard_normal(600)
    model = RNNModel(
        input_chunk_length=12,
        training_length=24,
        model="GRU",
        hidden_dim=16,
        n_epochs=3,
        batch_size=32,
        random_state=0,
        pl_trainer_kwargs={"accelerator": "cpu", "callbacks": callbacks, "enable_progress_bar": False},
    )
    model.fit(TimeSeries.from_values(values.astype(np.float32)))
    return model.model, model.trainer.callback_metrics["train_loss"]
