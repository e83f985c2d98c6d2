"""A message passing network of chemprop; its sampler shuffles its list in place, by a generator of NumPy."""

import lightning.pytorch as pl
from chemprop import data, models, nn

PARTS = (
    "C",
    "CC",
    "CCC",
    "CO",
    "CCO",
    "CCN",
    "c1ccccc1",
    "CCCC",
    "CNC",
    "c1ccncc1",
    "C=CC",
    "CSC",
    "OCC",
    "NCC",
    "CC(C)C",
    "C1CC1",
)


def train(callbacks):
    pl.seed_everything(0)
    molecules = [first + second for first in PARTS for second in PARTS]
    points = [data.MoleculeDatapoint.from_smi(smiles, [float(len(smiles)) / 10]) for smiles in molecules]
    loader = data.build_dataloader(data.MoleculeDataset(points), batch_size=32, num_workers=0, seed=3)
    model = models.MPNN(nn.BondMessagePassing(d_h=32), nn.MeanAggregation(), nn.RegressionFFN(input_dim=32, hidden_dim=32))
    trainer = pl.Trainer(
        max_epochs=3, accelerator="cpu", callbacks=callbacks, enable_progress_bar=False, enable_model_summary=False, logger=False
    )
    trainer.fit(model, loader)
    return model, trainer.callback_metrics["train_loss"]
