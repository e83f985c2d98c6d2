"""A training run for the live test: ``python viewer_training.py FOLDER``; an epoch is about a second."""

import sys
import time

import torch
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.loggers import TensorBoardLogger
from torch.utils.data import DataLoader, TensorDataset

from lightning_iit import IITCallback


class Memory(LightningModule):
    def __init__(self):
        super().__init__()
        self.memory = torch.nn.RNN(3, 32, batch_first=True)
        self.head = torch.nn.Linear(32, 1)

    def training_step(self, batch, _):
        time.sleep(0.1)
        return (self.head(self.memory(batch[0])[0]) - batch[0][..., :1]).square().mean()

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.05)


torch.manual_seed(0)
data = DataLoader(TensorDataset(torch.randn(160, 12, 3)), batch_size=16)
callback = IITCallback(["memory"], units=3, engine="fast", tpm="observe", states=2)
logger = TensorBoardLogger(sys.argv[1], name="live")
trainer = Trainer(
    max_epochs=4, logger=logger, callbacks=[callback], enable_progress_bar=False, enable_model_summary=False, log_every_n_steps=1
)
trainer.fit(Memory(), data)
