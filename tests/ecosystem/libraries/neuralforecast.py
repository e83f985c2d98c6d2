"""NHITS of neuralforecast on four noisy sines: 60 steps, one step in an epoch."""

import numpy as np
import pandas as pd
from neuralforecast import NeuralForecast
from neuralforecast.models import NHITS


def train(callbacks):
    random = np.random.default_rng(0)
    steps = np.arange(300)
    frames = []
    for series in range(4):
        values = np.sin(steps / (5 + series)) + 0.1 * random.standard_normal(len(steps))
        frames.append(pd.DataFrame({"unique_id": f"series {series}", "ds": steps, "y": values}))
    options = {"accelerator": "cpu", "callbacks": callbacks, "enable_progress_bar": False, "logger": False}
    model = NHITS(h=12, input_size=24, max_steps=60, random_seed=1, **options)
    forecast = NeuralForecast(models=[model], freq=1)
    forecast.fit(pd.concat(frames))
    fitted = forecast.models[0]
    return fitted, fitted.train_trajectories[-1][1]
