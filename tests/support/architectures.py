"""Small networks with the structure of well-known ones: as their libraries make them, or else written out here."""

from __future__ import annotations

import torch
import torchvision
import transformers
from torch import Tensor, nn


def gpt2(blocks: int = 2) -> nn.Module:
    return transformers.GPT2LMHeadModel(
        transformers.GPT2Config(n_layer=blocks, n_embd=16, n_head=2, vocab_size=30, n_positions=12, use_cache=False)
    )


def bert(blocks: int = 2) -> nn.Module:
    return transformers.BertForMaskedLM(
        transformers.BertConfig(
            num_hidden_layers=blocks,
            hidden_size=16,
            num_attention_heads=2,
            intermediate_size=24,
            vocab_size=30,
            max_position_embeddings=12,
        )
    )


def vit(blocks: int = 2) -> nn.Module:
    return torchvision.models.VisionTransformer(
        image_size=8, patch_size=4, num_layers=blocks, num_heads=2, hidden_dim=16, mlp_dim=24, num_classes=5
    )


def resnet18() -> nn.Module:
    return torchvision.models.resnet18(num_classes=5)


class DoubleConv(nn.Module):
    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(before, after, 3, padding=1)
        self.second = nn.Conv2d(after, after, 3, padding=1)

    def forward(self, maps: Tensor) -> Tensor:
        return torch.relu(self.second(torch.relu(self.first(maps))))


class UNet(nn.Module):
    """Two levels down and up, joined by skips, of 6, 12 and 24 channels."""

    def __init__(self) -> None:
        super().__init__()
        self.down1, self.down2, self.middle = DoubleConv(3, 6), DoubleConv(6, 12), DoubleConv(12, 24)
        self.up2, self.up1 = nn.ConvTranspose2d(24, 12, 2, 2), nn.ConvTranspose2d(12, 6, 2, 2)
        self.join2, self.join1 = DoubleConv(24, 12), DoubleConv(12, 6)
        self.pool, self.out = nn.MaxPool2d(2), nn.Conv2d(6, 2, 1)

    def forward(self, image: Tensor) -> Tensor:
        high = self.down1(image)
        low = self.down2(self.pool(high))
        up = self.up2(self.middle(self.pool(low)))
        up = self.up1(self.join2(torch.cat([low, up], dim=1)))
        return self.out(self.join1(torch.cat([high, up], dim=1)))


class DeepAR(nn.Module):
    """An LSTM over the series' last value, three covariates and an embedding of the series; heads for mean and deviation."""

    def __init__(self) -> None:
        super().__init__()
        self.series = nn.Embedding(7, 5)
        self.lstm = nn.LSTM(4 + 5, 12, num_layers=2, batch_first=True, dropout=0.1)
        self.mean, self.deviation = nn.Linear(12, 1), nn.Linear(12, 1)

    def forward(self, values: Tensor, which: Tensor) -> tuple[Tensor, Tensor]:
        about = self.series(which)[:, None].expand(-1, values.shape[1], -1)
        states, _ = self.lstm(torch.cat([values, about], dim=-1))
        return self.mean(states), nn.functional.softplus(self.deviation(states))
