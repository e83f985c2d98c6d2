"""The choice of one hidden layer of a model where none is named.

What runs last is not known before the first batch, so the choice goes by the order in which modules are defined, by what they are,
and by the names that people give to the parts of a network (head, decoder, projector, ...).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from torch import nn

from lightning_iit.capture.layer_kinds import kind_of
from lightning_iit.capture.preserved import unwrapped
from lightning_iit.capture.scripted import is_scripted
from lightning_iit.errors import UnknownLayerError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

_ACTIVATION = re.compile(r"relu|gelu|elu|silu|swish|tanh|sigmoid|mish|activation", re.IGNORECASE)
_AT_THE_OUTPUT = (nn.Softmax, nn.LogSoftmax, nn.Sigmoid, nn.LogSigmoid, nn.Softmin, nn.Softmax2d)
_NO_LAYER = re.compile(r"norm|embed|position|rotary|dropout|loss|metric", re.IGNORECASE)
"""Classes of modules with parameters that are no layers of units: what they give is their input, scaled or looked up."""
_BLOCK = re.compile(r"(Block|EncoderLayer|DecoderLayer)$")
_NETWORK = re.compile(r"(Net|Network|Model|MLP|Classifier|Head)$")
"""Classes whose modules, side by side, are networks with an output each and no blocks of one network."""
_CONTAINERS = (nn.Sequential, nn.ModuleList, nn.ModuleDict)

_MAKES_OUTPUT = "aux head heads pooler summary classifier projector predictor prediction predictions cls logits score"
_HEADS = frozenset(_MAKES_OUTPUT.split(" "))
"""Words in the names of modules that make an output of what the layers before them represent."""
_HEADS_AT_THE_TOP = frozenset(["out", "output", "outputs", "proj", "projection", "readout"])
"""Words that mean an output only in the name of a part of the whole network; inside a block they are parts of it."""
_DECODER = frozenset(("decoder", "decoders", "decode", "dec"))
_ENCODER = frozenset(("encoder", "encoders", "encode", "enc"))
_COPIES = frozenset(("momentum", "teacher", "target", "ema"))
"""Words in the names of a network's slow copies, which are not trained."""
_JUDGES = frozenset(("loss", "criterion", "metric", "metrics"))
_SPREAD = frozenset(("var", "logvar", "std", "logstd", "sigma", "scale"))
_MEAN = frozenset(("mu", "mean", "loc"))


@dataclass(frozen=True)
class _Part:
    """Holds a module that is taken as one: a layer, an activation function, or a block of a stack."""

    name: str
    module: nn.Module
    block: bool = False

    @property
    def words(self) -> frozenset[str]:
        """Returns the words of all parts of the name: ``net.lm_head`` has net, lm and head."""
        return frozenset(_words(self.name))

    @property
    def weighted(self) -> bool:
        """Returns whether the module has weights, so that it may make the output."""
        return self.block or not _is_activation(self.module)

    @property
    def size(self) -> tuple[int, int] | None:
        """Returns the widths of input and output of a linear layer; None for any other module."""
        return (self.module.in_features, self.module.out_features) if isinstance(self.module, nn.Linear) else None


def pick_layer(model: nn.Module) -> str:
    """Picks one hidden layer of a model, and never its output.

    The last recurrent layer where there is one. Else the end of what the network represents, before the parts that make an output
    of it: a network in front of heads, poolers and projectors ends with its last block or layer, an autoencoder with its latent
    layer, and any other network with what comes before its last layer with weights. Modules of any class that hold parameters
    count as layers; norms and embeddings do not.

    Raises:
        UnknownLayerError: the model has no layer, or only one, which is its output.
    """
    parts = list(_parts(model))
    parts = _unless_empty(parts, lambda part: not part.words & _JUDGES)
    parts = _unless_empty(parts, lambda part: not part.words & _COPIES)
    if not any(part.weighted for part in parts):
        names = [name for name, _ in model.named_modules() if name]
        why = "the model has no recurrent, linear or convolutional layer to pick, and no other layer with parameters"
        msg = f"layers=None: {why}. Name a layer: {_some(names)}"
        if not names:
            msg = (
                f"layers=None: the model, {type(model).__name__}, has no modules in it, one of which could be watched. Give a "
                "model that holds it, as nn.Sequential(model) does."
            )
        raise UnknownLayerError(msg)
    recurrent = [part for part in parts if kind_of(part.module).recurrent]
    if recurrent:
        return _encoding(recurrent)[-1].name
    hidden = _hidden(parts)
    if not any(part.weighted for part in hidden):
        only = [part for part in parts if part.weighted][-1]
        inner = list(_parts(only.module, open_first=True)) if only.block else []
        if (deeper := _hidden(inner)) and any(part.weighted for part in deeper):
            return f"{only.name}.{_end(deeper).name}"
        msg = (
            f"layers=None: the only layer with weights that could be picked, {only.name!r}, is the model's output, and its numbers "
            f"are no hidden units. Name the layer that is meant, e.g. layers={only.name!r} for the output all the same."
        )
        raise UnknownLayerError(msg)
    return _end(hidden).name


# --- the parts of a model, in the order in which they are defined ------------------------------------------------------------


def _parts(module: nn.Module, above: str = "", *, open_first: bool = False) -> Iterator[_Part]:
    """Yields the layers, activation functions and blocks inside a module; what is inside a block is not looked at."""
    children = [(name, unwrapped(child)) for name, child in unwrapped(module).named_children()]
    stacked = _is_stack(module, [child for _, child in children]) and not open_first
    for name, child in children:
        path = f"{above}.{name}" if above else name
        row = kind_of(child)
        if is_scripted(child):
            if _has_parameters(child):
                yield _Part(path, child, block=True)
        elif stacked or (_BLOCK.search(type(child).__name__) and not _is_leaf(child) and _has_parameters(child)):
            yield _Part(path, child, block=True)
        elif row.recurrent or row.weighted or (row.whole and _has_parameters(child)):
            yield _Part(path, child)
        elif _is_leaf(child):
            if _is_activation(child) or (_has_parameters(child) and not _NO_LAYER.search(type(child).__name__)):
                yield _Part(path, child)
        else:
            yield from _parts(child, path)


def _is_stack(module: nn.Module, children: Sequence[nn.Module]) -> bool:
    """Returns whether the children are blocks: modules of one class of someone's own making, each with layers inside."""
    kinds = {type(child) for child in children}
    known = any(kind_of(child).recurrent or kind_of(child).weighted for child in children)
    inside = all(not _is_leaf(child) and _has_parameters(child) for child in children)
    listed = isinstance(unwrapped(module), (nn.Sequential, nn.ModuleList))
    return listed and len(kinds) == 1 and inside and not known and _may_be_block(kinds.pop())


def _may_be_block(kind: type[nn.Module]) -> bool:
    return not issubclass(kind, _CONTAINERS) and not _NETWORK.search(kind.__name__)


def _is_leaf(module: nn.Module) -> bool:
    """Returns whether a module is a layer by itself: nothing inside, or only functions beside parameters of its own."""
    inside = any(True for child in module.children() for _ in child.parameters())
    own = next(module.parameters(recurse=False), None) is not None
    return next(module.children(), None) is None or (own and not inside)


def _has_parameters(module: nn.Module) -> bool:
    return next(module.parameters(), None) is not None


def _is_activation(module: nn.Module) -> bool:
    # A softmax may stand at the end of an attention or of a network: it is neither a layer nor the activation of one.
    named = bool(_ACTIVATION.search(type(module).__name__)) and not isinstance(module, _AT_THE_OUTPUT)
    return named and not any(parameter.dim() > 1 for parameter in module.parameters())


def _words(name: str) -> list[str]:
    """Returns the words of a name: "decoder", "input" and "0" of ``decoder_input.0``; "lm" and "head" of lmHead."""
    spaced = re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower()
    return [word.rstrip("0123456789") or word for word in re.split(r"[._]", spaced) if word]


# --- which of them are hidden ------------------------------------------------------------------------------------------------


def _hidden(parts: Sequence[_Part]) -> list[_Part]:
    """Returns the parts that lie before the output, and before what is only there to make the output."""
    encoding = _encoding(parts)
    if len(encoding) < len(parts):
        return _without_heads(encoding, output_is_there=True)
    return _without_heads(parts, output_is_there=False)


def _without_heads(parts: Sequence[_Part], *, output_is_there: bool) -> list[_Part]:
    """Removes heads. Where no head is named after (or before) all else, the last layer is the output, and is removed too.

    Args:
        parts: the parts of the network.
        output_is_there: whether the output is known to come from a part that is not among these.
    """
    top = _top_of(parts)
    heads = [part for part in parts if part.words & _HEADS or frozenset(_words(_first(part, top))) & _HEADS_AT_THE_TOP]
    blocks = any(part.block for part in parts)
    heads += [part for part in parts if blocks and part not in heads and "fc" in part.name.split(".") and not part.block]
    trunk = [part for part in parts if part not in heads]
    if not any(part.weighted for part in trunk):
        heads, trunk = [], list(parts)
    places = {part.name: place for place, part in enumerate(parts)}
    of_heads = [places[part.name] for part in heads if part.weighted]
    of_trunk = [places[part.name] for part in trunk if part.weighted]
    apart = bool(of_heads) and (max(of_heads) > max(of_trunk) or max(of_heads) < min(of_trunk))
    if apart or output_is_there:
        return _before_dense(trunk)
    found = _bottleneck(trunk) if not heads else []
    return found or _before_dense(_before_output(trunk))


def _top_of(parts: Sequence[_Part]) -> int:
    """Returns how many parts of the names are the same in all of them, as in ``model.net.0`` and ``model.net.2``."""
    split = [part.name.split(".") for part in parts]
    same = 0
    while all(len(names) > same + 1 for names in split) and len({names[same] for names in split}) == 1:
        same += 1
    return same


def _first(part: _Part, top: int) -> str:
    return part.name.split(".")[top]


def _encoding(parts: Sequence[_Part]) -> list[_Part]:
    """Returns the parts that make the code of an encoder and a decoder; all parts where no such two are found."""
    decoding = [place for place, part in enumerate(parts) if part.words & _DECODER]
    encoding = [place for place, part in enumerate(parts) if part.words & _ENCODER and place not in decoding and part.weighted]
    if decoding and encoding:
        if encoding[0] < decoding[0]:
            return list(parts[: decoding[0]])
        return [part for place, part in enumerate(parts) if place not in decoding]
    transposed = next((place for place, part in enumerate(parts) if "Transpose" in type(part.module).__name__), 0)
    if any(isinstance(part.module, (nn.Conv1d, nn.Conv2d, nn.Conv3d)) for part in parts[:transposed]):
        return list(parts[:transposed])
    return list(parts)


def _bottleneck(parts: Sequence[_Part]) -> list[_Part]:
    """Returns the parts up to the narrowest layer of linear layers that end as wide as they began; empty for other networks."""
    weighted = [part for part in parts if part.weighted]
    sizes = [size for part in weighted if (size := part.size) is not None]
    if len(sizes) < len(weighted) or len(sizes) < 2 or sizes[0][0] != sizes[-1][1]:
        return []
    widths = [width for _, width in sizes[:-1]]
    if min(widths) >= sizes[0][0]:
        return []
    code = weighted[widths.index(min(widths))]
    after = list(parts[parts.index(code) + 1 :])
    return [*parts[: parts.index(code) + 1], *(after[:1] if after and not after[0].weighted else [])]


def _before_output(parts: Sequence[_Part]) -> list[_Part]:
    """Removes the last layer with weights, what is defined after it, and linear layers that read the same numbers beside it."""
    rest = list(parts)
    while rest and not rest[-1].weighted:
        rest.pop()
    if not rest:
        return rest
    output = rest.pop().size
    while output is not None and rest and (size := rest[-1].size) is not None and size[0] == output[0] != size[1]:
        rest.pop()
    return rest


def _before_dense(parts: Sequence[_Part]) -> list[_Part]:
    """Removes linear layers (and their activation functions) behind the last block of a network of blocks."""
    last = max((place for place, part in enumerate(parts) if part.block), default=None)
    if last is None or any(part.weighted and part.size is None for part in parts[last + 1 :]):
        return list(parts)
    return list(parts[: last + 1])


def _end(parts: Sequence[_Part]) -> _Part:
    """Returns the last part; of two layers that give the mean and the spread of a latent variable, the mean."""
    last = parts[-1]
    if last.words & _SPREAD:
        return next((part for part in reversed(parts) if part.words & _MEAN), last)
    return last


def _unless_empty(parts: list[_Part], keep: Callable[[_Part], bool]) -> list[_Part]:
    """Returns the parts that are to be kept; all of them where no layer would be left."""
    kept = [part for part in parts if keep(part)]
    return kept if any(part.weighted for part in kept) else parts


def _some(names: Sequence[str]) -> str:
    shown = ", ".join(names[:10]) or "none"
    return f"its modules are {shown}{', ...' if len(names) > 10 else ''}."
