"""Which layers of well-known networks are connected, against lists made by hand; their blocks, and what is not drawn."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import architectures
import msgspec
import pytest
import torch
from torch import Tensor, nn

from lightning_iit.errors import RecordError
from lightning_iit.records import NetworkBlock, NetworkSnapshot, decode_network, encode
from lightning_iit.snapshot.recorder import SnapshotRecorder

if TYPE_CHECKING:
    from collections.abc import Iterable

Edges = set[tuple[str, str]]
TOKENS = torch.arange(20).view(2, 10)


def drawn(model: nn.Module, *batch: Tensor, **options: Any) -> NetworkSnapshot:
    recorder = SnapshotRecorder(model, **options)
    with recorder.watch():
        model(*batch)
    return recorder.snapshot(epoch=0, global_step=0)


def edges(shot: NetworkSnapshot) -> Edges:
    return {(shot.layers[source].name, shot.layers[target].name) for source, target in shot.flows}


def weighted(shot: NetworkSnapshot) -> Edges:
    return {(shot.layers[pair.from_layer].name, shot.layers[pair.to_layer].name) for pair in shot.connections}


def each(sources: Iterable[str], *targets: str) -> Edges:
    return {(source, target) for source in sources for target in targets}


def test_gpt2() -> None:
    wanted: Edges = set()
    stream = ["transformer.wte", "transformer.wpe"]
    for at in range(3):
        block = f"transformer.h.{at}"
        attention, mlp = f"{block}.attn.c_proj", f"{block}.mlp.c_proj"
        wanted |= each(stream, f"{block}.attn.c_attn", f"{block}.mlp.c_fc", block)
        wanted |= {(f"{block}.attn.c_attn", attention), (attention, f"{block}.mlp.c_fc"), (f"{block}.mlp.c_fc", mlp)}
        wanted |= {(attention, block), (mlp, block)}
        stream = [block]
    wanted |= each(stream, "lm_head")
    shot = drawn(architectures.gpt2(3), TOKENS)
    assert edges(shot) == wanted
    streams = {f"transformer.h.{at}" for at in range(3)}
    attended = {(f"{block}.attn.c_attn", f"{block}.attn.c_proj") for block in streams}  # attention lies between their units
    assert weighted(shot) == {(source, target) for source, target in wanted if target not in streams} - attended
    assert [(block.name, block.kind) for block in shot.blocks] == [(f"transformer.h.{at}", "GPT2Block") for at in range(3)]
    inside = [[(shot.layers[at].name, shot.layers[at].part) for at in block.layers] for block in shot.blocks]
    assert inside[1] == [
        ("transformer.h.1.attn.c_attn", "attention"),
        ("transformer.h.1.attn.c_proj", "attention"),
        ("transformer.h.1.mlp.c_fc", "MLP"),
        ("transformer.h.1.mlp.c_proj", "MLP"),
        ("transformer.h.1", ""),
    ]
    assert [layer.kind for layer in shot.layers if layer.name in streams] == ["stream"] * 3
    norms = "transformer.h.0.ln_1, transformer.h.0.ln_2, transformer.h.1.ln_1 and 4 more"
    assert shot.notes == (f"Not drawn: {norms} (normalisation: it has no weights from unit to unit).",)


def test_the_weights_of_a_layer_of_unknown_class_are_read_as_it_computes() -> None:
    """Those of GPT-2 are held ``[in, out]``, also where both are equally many."""
    torch.manual_seed(0)
    model = architectures.gpt2()
    shot = drawn(model, TOKENS)
    names = [layer.name for layer in shot.layers]
    for name in ("attn.c_attn", "mlp.c_fc"):
        target = names.index(f"transformer.h.1.{name}")
        weight = model.get_submodule(f"transformer.h.1.{name}").weight
        assert shot.layers[target].width == weight.shape[1]
        pair = next(pair for pair in shot.connections if pair.to_layer == target and names[pair.from_layer] == "transformer.h.0")
        for source, to, value in pair.weights:
            assert value == pytest.approx(weight[source, to].item(), rel=1e-3)
    square = nn.Sequential(nn.Linear(6, 8), Turned(8, turned=True), Turned(8, turned=False))
    shot = drawn(square, torch.randn(3, 6))
    for at, turned in ((1, True), (2, False)):
        for source, to, value in shot.connections[at].weights:
            weight = square[at].weight
            assert value == pytest.approx((weight[source, to] if turned else weight[to, source]).item(), rel=1e-3)


class Turned(nn.Module):
    def __init__(self, width: int, *, turned: bool) -> None:
        super().__init__()
        self.weight, self.turned = nn.Parameter(torch.randn(width, width)), turned

    def forward(self, batch: Tensor) -> Tensor:
        return batch @ self.weight if self.turned else batch @ self.weight.T


@pytest.mark.parametrize("unit", ["transformer.h.1", "transformer.h.1.mlp", "transformer.h.1.ln_2", "transformer.h.0.attn"])
def test_analysed_units_are_marked_in_their_own_block(unit: str) -> None:
    shot = drawn(architectures.gpt2(), TOKENS, units={unit: (3, 9)})
    (layer,) = [layer for layer in shot.layers if layer.analysed]
    assert unit in (layer.name, *layer.aliases)
    assert layer.name.startswith(unit[:15])
    assert layer.analysed == (3, 9)


def test_bert() -> None:
    stream = [f"bert.embeddings.{of}_embeddings" for of in ("word", "token_type", "position")]
    wanted: Edges = set()
    for at in range(2):
        block = f"bert.encoder.layer.{at}"
        heads = [f"{block}.attention.self.{of}" for of in ("query", "key", "value")]
        attended, middle, out = f"{block}.attention.output.dense", f"{block}.intermediate.dense", f"{block}.output.dense"
        wanted |= each(stream, *heads, middle, block) | each(heads, attended)
        wanted |= {(attended, middle), (middle, out), (attended, block), (out, block)}
        stream = [block]
    wanted |= each(stream, "cls.predictions.transform.dense") | {("cls.predictions.transform.dense", "cls.predictions.decoder")}
    shot = drawn(architectures.bert(), TOKENS)
    assert edges(shot) == wanted
    between = {source for source, target in weighted(shot) if target == "bert.encoder.layer.0.attention.output.dense"}
    assert between <= {"bert.encoder.layer.0.attention.self.value"}  # queries and keys say where to look, no unit feeds a unit
    assert {layer.part for layer in shot.layers if ".intermediate." in layer.name or ".output.dense" in layer.name} == {
        "attention",
        "MLP",
    }


def test_vision_transformer() -> None:
    wanted = {("input", "conv_proj")}
    stream = "conv_proj"
    for at in range(2):
        block = f"encoder.layers.encoder_layer_{at}"
        wanted |= each([stream], f"{block}.self_attention", f"{block}.mlp.0", block)
        wanted |= {(f"{block}.self_attention", f"{block}.mlp.0"), (f"{block}.mlp.0", f"{block}.mlp.3")}
        wanted |= {(f"{block}.self_attention", block), (f"{block}.mlp.3", block)}
        stream = block
    shot = drawn(architectures.vit(), torch.randn(2, 3, 8, 8))
    assert edges(shot) == wanted | {(stream, "heads.head")}
    assert "Not drawn: class_token, encoder.pos_embedding (parameters that belong to no layer)." in shot.notes


def test_resnet18() -> None:
    wanted = {("input", "conv1")}
    stream = "conv1"
    for at in range(1, 5):
        for part in range(2):
            block = f"layer{at}.{part}"
            wanted |= {(stream, f"{block}.conv1"), (f"{block}.conv1", f"{block}.conv2"), (f"{block}.conv2", block)}
            shorter = at > 1 and part == 0
            wanted |= {(stream, f"{block}.downsample.0"), (f"{block}.downsample.0", block)} if shorter else {(stream, block)}
            stream = block
    shot = drawn(architectures.resnet18(), torch.randn(2, 3, 32, 32))
    assert edges(shot) == wanted | {(stream, "fc")}
    assert [block.kind for block in shot.blocks] == ["BasicBlock"] * 8
    assert not any(layer.name.startswith("bn") for layer in shot.layers)
    assert any("bn1" in note and "normalisation" in note for note in shot.notes)


def test_u_net() -> None:
    torch.manual_seed(0)
    model = architectures.UNet()
    shot = drawn(model, torch.randn(2, 3, 16, 16))
    inside = {(f"{block.name}.first", f"{block.name}.second") for block in shot.blocks}
    assert [block.name for block in shot.blocks] == ["down1", "down2", "middle", "join2", "join1"]
    assert edges(shot) == inside | {
        ("input", "down1.first"),
        ("down1.second", "down2.first"),
        ("down2.second", "middle.first"),
        ("middle.second", "up2"),
        ("down2.second", "join2.first"),
        ("up2", "join2.first"),
        ("join2.second", "up1"),
        ("down1.second", "join1.first"),
        ("up1", "join1.first"),
        ("join1.second", "out"),
    }
    names = [layer.name for layer in shot.layers]
    for source, start in (("down2.second", 0), ("up2", 12)):
        pair = next(one for one in shot.connections if (names[one.from_layer], names[one.to_layer]) == (source, "join2.first"))
        assert pair.of == "weight"
        for unit, to, value in pair.weights:
            kernel = model.join2.first.weight[to, start + unit].flatten()
            assert abs(value) == pytest.approx(kernel.abs().max().item(), rel=1e-3)


def test_deepar() -> None:
    torch.manual_seed(0)
    model = architectures.DeepAR()
    values = torch.randn(3, 6, 4)
    shot = drawn(model, values, torch.tensor([0, 3, 6]))
    assert edges(shot) == {("input", "lstm"), ("series", "lstm"), ("lstm", "mean"), ("lstm", "deviation")}
    (given,) = [layer for layer in shot.layers if layer.kind == "input"]
    assert given.width == 4
    assert given.activity[0] == pytest.approx(values[0, 0].tolist(), rel=1e-3)
    assert shot.blocks == ()


class Frozen(nn.Module):
    """The body of a network without gradients, an input of its own for the head."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 4)).requires_grad_(requires_grad=False)
        self.head = nn.Linear(4, 2)

    def forward(self, batch: Tensor) -> Tensor:
        return self.head(torch.tanh(self.body(batch)))


def test_layers_without_gradients_are_followed_or_named_but_never_guessed() -> None:
    shot = drawn(Frozen(), torch.randn(3, 6))
    assert edges(shot) == {("input", "body.0"), ("body.0", "body.2")}
    assert "head: what feeds it is not known, as no gradient passes there." in shot.notes


class Cells(nn.Module):
    """A cell that is called at each time step, with a head on its last state."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.cell, self.head = nn.Linear(3, 4), nn.GRUCell(4, 5), nn.Linear(5, 2)

    def forward(self, batch: Tensor) -> Tensor:
        state = torch.zeros(len(batch), 5)
        for now in batch.unbind(1):
            state = self.cell(torch.nn.functional.dropout(self.first(now), 0.1), state)
        return self.head(state)


def test_recurrent_layers_are_fed_by_what_comes_in_and_give_all_their_states() -> None:
    assert edges(drawn(Cells(), torch.randn(2, 6, 3))) == {("input", "first"), ("first", "cell"), ("cell", "head")}

    class Last(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.lstm, self.head = nn.Linear(3, 4), nn.LSTM(4, 5, bidirectional=True), nn.Linear(5, 2)

        def forward(self, batch: Tensor) -> Tensor:
            _, (hidden, _) = self.lstm(self.first(batch))
            return self.head(hidden[-1])

    assert edges(drawn(Last(), torch.randn(6, 2, 3))) == {("input", "first"), ("first", "lstm"), ("lstm", "head")}


class Chunked(nn.Module):
    """Gates, an in-place activation, a flattened map, and one tensor that is used twice."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.both, self.out = nn.Conv2d(1, 2, 3), nn.Linear(8, 12), nn.Linear(14, 3)

    def forward(self, image: Tensor) -> Tensor:
        flat = nn.functional.relu(self.conv(image), inplace=True).flatten(1)
        value, gate = self.both(flat).chunk(2, dim=-1)
        return self.out(torch.cat([value * gate.sigmoid(), flat], dim=-1))


def test_chunks_in_place_operations_and_flattened_maps_are_followed() -> None:
    shot = drawn(Chunked(), torch.randn(2, 1, 4, 4))
    assert edges(shot) == {("input", "conv"), ("conv", "both"), ("both", "out"), ("conv", "out")}
    assert weighted(shot) == {("input", "conv"), ("conv", "both")}  # a part of 6 of 12 units, and maps of 4 positions


def test_no_connection_is_drawn_through_layers_that_are_left_out() -> None:
    model = nn.Sequential(*[nn.Linear(3, 3) for _ in range(200)])
    shot = drawn(model, torch.randn(2, 3))
    assert len(shot.layers) == 161
    assert "40 layers are left out of the picture, and the connections through them." in shot.notes
    names = [layer.name for layer in shot.layers]
    for source, target in edges(shot) - {("input", "0")}:
        assert int(target) == int(source) + 1
    assert names[-1] == "199"


def test_training_is_the_same_to_the_bit() -> None:
    def train(*, watch: bool) -> list[Tensor]:
        torch.manual_seed(1)
        model = architectures.gpt2()
        recorder = SnapshotRecorder(model, units={"transformer.h.1.mlp": (1,)})
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        for epoch in range(3):
            if watch:
                recorder.attach()
            optimizer.zero_grad()
            model(TOKENS, labels=TOKENS).loss.backward()
            optimizer.step()
            if watch:
                recorder.detach()
                recorder.snapshot(epoch=epoch, global_step=epoch)
        return [*model.state_dict().values(), torch.get_rng_state()]

    for plain, seen in zip(train(watch=False), train(watch=True), strict=True):
        assert torch.equal(plain, seen)


@pytest.mark.parametrize(("part", "words"), [("flows", "flows[0]"), ("blocks", "blocks[0].layers")])
def test_flows_and_blocks_are_of_layers_that_are_there(part: str, words: str) -> None:
    shot = drawn(architectures.gpt2(), TOKENS)
    wrong = {"flows": ((0, 99),), "blocks": (NetworkBlock(name="x", kind="X", layers=(99,)),)}
    with pytest.raises(RecordError, match=re.escape(words)):
        decode_network(encode(msgspec.structs.replace(shot, **{part: wrong[part]})))


def test_the_recorded_flow_comes_back_from_its_file_and_old_files_have_none() -> None:
    shot = drawn(architectures.gpt2(), TOKENS)
    assert decode_network(encode(shot)) == shot
    old = encode(shot).replace(b'"flows"', b'"unknown"').replace(b'"blocks"', b'"unknown2"')
    assert decode_network(old).flows == decode_network(old).blocks == ()
