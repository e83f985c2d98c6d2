"""The layer that is picked where none is named: the one that an expert would name, and never the output."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
import torch
import transformers
from lightning.pytorch import LightningModule
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset
from torchvision import models as vision
from training import train

from lightning_iit.capture.choose.picking import pick_layer
from lightning_iit.errors import UnknownLayerError


class Model(nn.Module):
    def __init__(self, **parts: nn.Module) -> None:
        super().__init__()
        for name, part in parts.items():
            self.add_module(name, part)


class Mixing(nn.Module):
    """A layer of a class that PyTorch does not know."""

    def __init__(self, features: int, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(features, width) / features)

    def forward(self, x: Tensor) -> Tensor:
        return x @ self.weight


class Dropping(Mixing):
    """A layer with a parameter of its own, and a function inside."""

    def __init__(self, features: int, width: int) -> None:
        super().__init__(features, width)
        self.drop = nn.Dropout(0.1)


class Block(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.layer = nn.Linear(width, width)
        self.output = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.output(torch.relu(self.layer(x)))


class SmallNet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Linear(3, 5)
        self.act = nn.ReLU()
        self.last = nn.Linear(5, 1)


def dense(*widths: int, last: bool = False) -> nn.Sequential:
    """Linear layers with a ReLU between them, and one at the end where ``last`` is given."""
    layers = [part for width, to in pairwise(widths) for part in (nn.Linear(width, to), nn.ReLU())]
    return nn.Sequential(*(layers if last else layers[:-1]))


def convolutions() -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Conv2d(4, 8, 3), nn.ReLU())


def bert(kind: type[Any], layers: int = 2, **options: Any) -> nn.Module:
    config = transformers.BertConfig(
        hidden_size=16, num_hidden_layers=layers, num_attention_heads=2, intermediate_size=16, vocab_size=50
    )
    return kind(config, **options)


def gpt() -> nn.Module:
    tokens = {"bos_token_id": 0, "eos_token_id": 0}
    return transformers.GPT2LMHeadModel(transformers.GPT2Config(n_layer=2, n_embd=16, n_head=2, vocab_size=50, **tokens))


def t5() -> nn.Module:
    config = transformers.T5Config(d_model=16, d_kv=8, d_ff=16, num_layers=2, num_heads=2, vocab_size=50)
    return transformers.T5ForConditionalGeneration(config)


def simclr() -> nn.Module:
    backbone = vision.resnet18()
    backbone.fc = nn.Identity()
    return Model(
        backbone=backbone, projection_head=dense(512, 64, 32), teacher=vision.resnet18(), teacher_projection_head=dense(512, 64, 32)
    )


def with_projection_as_fc() -> nn.Module:
    backbone = vision.resnet18()
    backbone.fc = nn.Sequential(backbone.fc, nn.ReLU(), nn.Linear(1000, 8))
    return Model(convnet=backbone)


def encoder(layers: int = 3) -> nn.Module:
    return nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2, 16), layers, enable_nested_tensor=False)


MODELS = {
    "layers of unknown classes": (lambda: Model(first=Mixing(3, 8), second=Mixing(8, 8), last=nn.Linear(8, 4)), "second"),
    "all of unknown classes": (lambda: Model(first=Mixing(3, 8), second=Dropping(8, 8), third=Dropping(8, 8)), "second"),
    "the head defined first": (lambda: Model(head=nn.Linear(8, 4), first=Mixing(3, 8), second=Mixing(8, 8)), "second"),
    "one activation for all": (lambda: Model(relu=nn.ReLU(), a=nn.Linear(3, 4), b=nn.Linear(4, 4), c=nn.Linear(4, 2)), "b"),
    "a norm with weights": (lambda: Model(a=Mixing(3, 4), norm=nn.LayerNorm(4), b=Mixing(4, 2)), "a"),
    "a loss with weights": (lambda: Model(a=nn.Linear(3, 4), b=nn.Linear(4, 4), c=nn.Linear(4, 2), loss=Mixing(2, 9)), "b"),
    "weight norm": (lambda: Model(a=nn.utils.parametrizations.weight_norm(nn.Linear(3, 4)), b=nn.Linear(4, 2)), "a"),
    "two outputs": (lambda: Model(body=dense(4, 8, last=True), actor=nn.Linear(8, 2), critic=nn.Linear(8, 1)), "body.1"),
    "networks side by side": (lambda: Model(nets=nn.ModuleList([SmallNet(), SmallNet()])), "nets.1.act"),
    "bert": (lambda: bert(transformers.BertModel), "encoder.layer.1"),
    "bert of one layer": (lambda: bert(transformers.BertModel, 1), "encoder.layer.0"),
    "bert that classifies": (lambda: bert(transformers.BertForSequenceClassification), "bert.encoder.layer.1"),
    "bert that fills gaps": (lambda: bert(transformers.BertForMaskedLM), "bert.encoder.layer.1"),
    "bert and a layer": (lambda: Model(bert=bert(transformers.BertModel), fc=nn.Linear(16, 2)), "bert.encoder.layer.1"),
    "a layer and bert": (lambda: Model(fc=nn.Linear(16, 2), bert=bert(transformers.BertModel)), "bert.encoder.layer.1"),
    "bert and an mlp": (lambda: Model(bert=bert(transformers.BertModel), mlp=dense(16, 8, 2)), "bert.encoder.layer.1"),
    "gpt": (gpt, "transformer.h.1"),
    "t5": (t5, "encoder.block.1"),
    "resnet": (vision.resnet18, "layer4.1"),
    "vit": (lambda: vision.vit_b_16(image_size=32), "encoder.layers.encoder_layer_11"),
    "mobilenet": (vision.mobilenet_v2, "features.18.2"),
    "transformer encoder": (lambda: Model(encoder=encoder(), out=nn.Linear(8, 2)), "encoder.layers.2"),
    "one encoder layer": (lambda: Model(layer=nn.TransformerEncoderLayer(8, 2, 16), fc=nn.Linear(8, 2)), "layer"),
    "a stack without a head": (lambda: Model(blocks=nn.ModuleList([Block(4), Block(4), Block(4)])), "blocks.1"),
    "simclr": (simclr, "backbone.layer4.1"),
    "simclr, all in one": (with_projection_as_fc, "convnet.layer4.1"),
    "simclr, unnamed": (lambda: Model(f=vision.resnet18(), g=dense(1000, 64, 32)), "f.layer4.1"),
    "simclr of linear layers": (lambda: Model(backbone=dense(8, 8, 6), projection_head=dense(6, 6, 3)), "backbone.2"),
    "projector first": (lambda: Model(projector=dense(6, 6, 3), backbone=dense(8, 6, last=True)), "backbone.1"),
    "autoencoder": (lambda: Model(encoder=dense(8, 4, 2), decoder=dense(2, 4, 8)), "encoder.2"),
    "decoder first": (lambda: Model(decoder=dense(2, 4, 8), encoder=dense(8, 4, 2)), "encoder.2"),
    "autoencoder, unnamed": (lambda: dense(8, 4, 2, 4, 8), "3"),
    "convolutional autoencoder": (lambda: nn.Sequential(*convolutions(), nn.ConvTranspose2d(8, 1, 3), nn.Sigmoid()), "3"),
    "recurrent autoencoder": (lambda: Model(encoder=nn.LSTM(3, 4), decoder=nn.LSTM(4, 3)), "encoder"),
    "variational autoencoder": (
        lambda: Model(
            encoder=convolutions(), fc_mu=nn.Linear(8, 2), fc_var=nn.Linear(8, 2), decoder=dense(2, 8), final_layer=dense(8, 8, 9)
        ),
        "fc_mu",
    ),
    "variational, unnamed": (
        lambda: Model(a=nn.Linear(20, 8), b=nn.Linear(8, 2), c=nn.Linear(8, 2), d=nn.Linear(2, 8), e=nn.Linear(8, 20)),
        "b",
    ),
}


@pytest.mark.parametrize("case", MODELS)
def test_the_layer_that_an_expert_would_name(case: str) -> None:
    make, expected = MODELS[case]
    assert pick_layer(make()) == expected


@pytest.mark.parametrize(
    "model",
    [Model(net=nn.Linear(3, 4)), Model(net=nn.Sequential(nn.Linear(3, 4), nn.ReLU())), Model(act=nn.ReLU(), w=Mixing(3, 4))],
)
def test_where_only_the_output_is_left_it_is_refused_with_what_to_do(model: nn.Module) -> None:
    with pytest.raises(UnknownLayerError, match=r"is the model's output.*e\.g\. layers="):
        pick_layer(model)


class Trained(LightningModule):
    """A network with a loss that needs no labels."""

    def __init__(self, net: nn.Module, head: nn.Module) -> None:
        super().__init__()
        self.net, self.head = net, head

    def forward(self, x: Tensor) -> Tensor:
        out = self.net(x)
        return self.head(getattr(out, "pooler_output", out))

    def training_step(self, batch: list[Tensor], _: int) -> Tensor:
        return self(batch[0]).pow(2).mean()

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=1e-3)


@pytest.mark.parametrize(
    ("model", "data", "expected"),
    [
        (
            lambda: Trained(bert(transformers.BertModel), nn.Linear(16, 2)),
            torch.randint(0, 50, (24, 7), generator=torch.Generator().manual_seed(0)),
            ("net.encoder.layer.1", "token", 16, 24 * 6),
        ),
        (
            lambda: Trained(vision.resnet18(num_classes=8), dense(8, 8, 3)),
            torch.randn(24, 3, 32, 32, generator=torch.Generator().manual_seed(0)),
            ("net.layer4.1", "stream", 512, 23),
        ),
        (
            lambda: Trained(nn.Sequential(Mixing(6, 8), nn.Tanh()), Mixing(8, 3)),
            torch.randn(24, 6, generator=torch.Generator().manual_seed(0)),
            ("net.1", "stream", 8, 23),
        ),
    ],
)
def test_what_is_picked_is_watched(tmp_path, model, data, expected) -> None:
    loader = DataLoader(TensorDataset(data), batch_size=8)
    callback = train(tmp_path, model=model(), data=loader, layers=None, epochs=1, initial=False, workers=1)
    (record,) = callback.records
    assert (record.layer, record.axis, record.units.width, record.counts.transitions) == expected


def test_a_model_that_is_a_single_module_has_nothing_to_pick():
    with pytest.raises(UnknownLayerError, match=r"the model, GRU, has no modules in it.*nn\.Sequential\(model\)"):
        pick_layer(nn.GRU(8, 8))
