"""The torch side: activations of a training network to transition counts of binary states.

::

    capture = Capture(model, CaptureOptions(layers=["net.3", "rnn"], units=4))   # wrong names and options fail here
    capture.layers                              # their names, in order
    capture.attach()                            # hooks; attach(copy) watches a copy of the model instead; detach() ends it
    capture.begin_epoch(expected_batches)       # initial=True for a pass of the untrained network
    capture.begin_step(); ...; capture.end_step()   # only what the layers do in between is recorded
    for layer in capture.end_epoch(): ...       # a LayerEpoch for each layer: counts, units, thresholds, notes, problem
    capture.state_dict(); capture.load_state_dict(state)

Under ``torch.distributed`` every rank makes the same calls, and every rank gets the same units, thresholds and counts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lightning_iit.capture.epoch import LayerEpoch
    from lightning_iit.capture.options import CaptureOptions
    from lightning_iit.capture.session import Capture

__all__ = ["Capture", "CaptureOptions", "LayerEpoch"]

_HOMES = {
    "Capture": "lightning_iit.capture.session",
    "CaptureOptions": "lightning_iit.capture.options",
    "LayerEpoch": "lightning_iit.capture.epoch",
}


def __getattr__(name: str) -> Any:
    """Loads a public name from its home (PEP 562)."""
    if name not in _HOMES:
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)
