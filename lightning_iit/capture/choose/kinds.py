"""What a number about a layer's units is a statement about: connections that were watched, or statistics only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from torch import nn

if TYPE_CHECKING:
    from lightning_iit.records import Axis, Kind

_RECURRENT = (nn.RNNBase, nn.RNNCellBase)


@dataclass(frozen=True)
class Statement:
    """The kind of number, and the structural Φ where it is known without looking at data."""

    kind: Kind
    structural_phi: float | None = None
    structural_reason: str = ""


def statement_about(module: nn.Module, axis: Axis) -> Statement:
    """What transitions of a module's units along an axis are a statement about.

    Units have connections among them, through time, in a recurrent layer. In a feed-forward layer they have none, and IIT
    gives Φ = 0 to a system without a cycle of connections (Oizumi, Albantakis and Tononi 2014, figure 20). A module of
    someone else's making may be either; along a time axis it is taken for recurrent, and no structural Φ is claimed.
    """
    if axis == "time" and not is_feed_forward(module):
        return Statement("observational")
    if is_feed_forward(module):
        reason = (
            f"The units of one feed-forward layer ({type(module).__name__}) have no connections among them, so their structural "
            "Φ is 0; a Φ above 0 describes the statistics of the data that went through them."
        )
        return Statement("statistical", 0.0, reason)
    if axis == "stream" and isinstance(module, _RECURRENT):
        reason = "The units have connections among them, but one sample's do not act on the next one's."
        return Statement("statistical", None, reason)
    return Statement("statistical")


def is_feed_forward(module: nn.Module) -> bool:
    """Whether the module is known to be feed-forward: made of PyTorch's own modules, none of them recurrent, or of functions."""
    return all(_is_plain(part) for part in module.modules())


def _is_plain(module: nn.Module) -> bool:
    if isinstance(module, _RECURRENT):
        return False
    # A module of someone else's making that holds nothing (an activation function, most often) has nothing to recur with.
    holds_nothing = not any(True for _ in module.children()) and not module.state_dict()
    return type(module).__module__.startswith("torch.nn.") or holds_nothing
