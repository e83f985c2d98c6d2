"""What a number about a layer's units is a statement about: connections that were watched, or statistics only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lightning_iit.capture.layer_kinds import kind_of

if TYPE_CHECKING:
    from torch import nn

    from lightning_iit.records import Axis, Kind


@dataclass(frozen=True)
class Statement:
    """The kind of number, and the structural Φ where it is known without looking at data."""

    kind: Kind
    structural_phi: float | None = None
    structural_reason: str = ""


def statement_about(module: nn.Module, axis: Axis) -> Statement:
    """Returns what transitions of a module's units along an axis are a statement about, and the structural Φ where it is known.

    Units have connections among them, through time, in a recurrent layer. In a feed-forward layer they have none, and IIT
    gives Φ = 0 to a system without a cycle of connections (Oizumi, Albantakis and Tononi 2014, figure 20). A module of
    someone else's making may be either; along a time axis it is taken for recurrent, and no structural Φ is claimed. A layer whose
    calls go on from each other (along depth) acts on its own units again, whatever it is made of.
    """
    if axis == "depth" or (axis == "time" and not is_feed_forward(module)):
        return Statement("observational")
    if is_feed_forward(module):
        reason = (
            f"The units of one feed-forward layer ({type(module).__name__}) have no connections among them, so their structural "
            "Φ is 0; a Φ above 0 describes the statistics of the data that went through them."
        )
        return Statement("statistical", 0.0, reason)
    if axis == "stream" and kind_of(module).recurrent:
        reason = "The units have connections among them, but one sample's do not act on the next one's."
        return Statement("statistical", None, reason)
    return Statement("statistical")


def is_feed_forward(module: nn.Module) -> bool:
    """Returns whether the module is known to be feed-forward.

    That is so where its kind says it of the module and all inside; else where all parts are of kinds that say it, PyTorch's own
    modules that are not recurrent, or functions. A subclass with a ``forward`` of its own may do what its kind does not say.
    """
    row = kind_of(module)
    if row.recurrent or (row.recurrent is False and row.runs(module)):
        return not row.recurrent
    return _is_plain(module) and all(is_feed_forward(child) for child in module.children())


def _is_plain(module: nn.Module) -> bool:
    # A module of someone else's making that holds nothing (an activation function, most often) has nothing to recur with.
    holds_nothing = not any(True for _ in module.children()) and not module.state_dict()
    return type(module).__module__.startswith("torch.nn.") or holds_nothing
