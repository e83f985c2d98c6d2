"""A small BERT of Hugging Face, made from a configuration, that tells which half of a sentence has more ones."""

import lightning.pytorch as pl
import torch
from torch.utils.data import DataLoader, TensorDataset
from transformers import BertConfig, BertForSequenceClassification


class Classifier(pl.LightningModule):
    def __init__(self):
        super().__init__()
        sizes = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
        self.bert = BertForSequenceClassification(BertConfig(vocab_size=20, max_position_embeddings=32, **sizes))

    def training_step(self, batch, _):
        tokens, labels = batch
        loss = self.bert(input_ids=tokens, labels=labels).loss
        self.log("train_loss", loss)
        return loss

    def configure_optimizers(self):
        return torch.optim.AdamW(self.parameters(), lr=1e-3)


def train(callbacks):
    pl.seed_everything(0)
    tokens = torch.randint(0, 20, (512, 16))
    labels = (tokens[:, :8].sum(1) > tokens[:, 8:].sum(1)).long()
    model = Classifier()
    trainer = pl.Trainer(
        max_epochs=3, accelerator="cpu", callbacks=callbacks, enable_progress_bar=False, enable_model_summary=False, logger=False
    )
    trainer.fit(model, DataLoader(TensorDataset(tokens, labels), batch_size=32, shuffle=True))
    return model, trainer.callback_metrics["train_loss"]
