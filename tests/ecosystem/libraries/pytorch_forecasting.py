"""DeepAR of pytorch-forecasting on generated series."""

import lightning.pytorch as pl
from pytorch_forecasting import DeepAR, TimeSeriesDataSet
from pytorch_forecasting.data.examples import generate_ar_data


def train(callbacks):
    pl.seed_everything(0)
    data = generate_ar_data(seasonality=10.0, timesteps=100, n_series=20, seed=0)
    data["series"] = data["series"].astype(str)
    training = TimeSeriesDataSet(
        data,
        time_idx="time_idx",
        target="value",
        group_ids=["series"],
        max_encoder_length=20,
        max_prediction_length=10,
        time_varying_unknown_reals=["value"],
    )
    model = DeepAR.from_dataset(training, hidden_size=16, rnn_layers=1, learning_rate=0.01)
    trainer = pl.Trainer(
        max_epochs=3, accelerator="cpu", callbacks=callbacks, enable_progress_bar=False, enable_model_summary=False, logger=False
    )
    trainer.fit(model, training.to_dataloader(train=True, batch_size=64, num_workers=0))
    return model, trainer.callback_metrics["train_loss"]
