"""A generative adversarial network with two optimizers and manual optimization."""

import lightning.pytorch as pl
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


class Gan(pl.LightningModule):
    def __init__(self):
        super().__init__()
        self.automatic_optimization = False
        self.generator = nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Linear(32, 2))
        self.discriminator = nn.Sequential(nn.Linear(2, 32), nn.LeakyReLU(0.2), nn.Linear(32, 1))

    def training_step(self, batch, _):
        real = batch[0]
        of_generator, of_discriminator = self.optimizers()
        loss = nn.functional.binary_cross_entropy_with_logits
        made = self.generator(torch.randn(len(real), 8))
        verdict = self.discriminator(made)
        generator_loss = loss(verdict, torch.ones_like(verdict))
        of_generator.zero_grad()
        self.manual_backward(generator_loss)
        of_generator.step()
        on_real, on_made = self.discriminator(real), self.discriminator(made.detach())
        discriminator_loss = loss(on_real, torch.ones_like(on_real)) + loss(on_made, torch.zeros_like(on_made))
        of_discriminator.zero_grad()
        self.manual_backward(discriminator_loss)
        of_discriminator.step()
        self.log("train_loss", discriminator_loss + generator_loss)

    def configure_optimizers(self):
        return torch.optim.Adam(self.generator.parameters(), 1e-3), torch.optim.Adam(self.discriminator.parameters(), 1e-3)


def train(callbacks):
    pl.seed_everything(0)
    angles = 6.2832 * torch.rand(1024)
    model = Gan()
    trainer = pl.Trainer(
        max_epochs=3, accelerator="cpu", callbacks=callbacks, enable_progress_bar=False, enable_model_summary=False, logger=False
    )
    circle = torch.stack([angles.cos(), angles.sin()], dim=1)
    trainer.fit(model, DataLoader(TensorDataset(circle), batch_size=32, shuffle=True))
    return model, trainer.callback_metrics["train_loss"]
