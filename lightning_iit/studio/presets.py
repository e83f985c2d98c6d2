"""Trainings that teach something, each of a few minutes or less."""

from __future__ import annotations

import msgspec

from lightning_iit.studio.records import Asked, Chosen


class Preset(msgspec.Struct, frozen=True, kw_only=True):
    """Holds a training that teaches something.

    Attributes:
        title: what it is about.
        words: what to look for.
        asked: what is trained.
    """

    title: str
    words: str
    asked: Asked


PRESETS: tuple[Preset, ...] = (
    Preset(
        title="Watch Φ of a GRU as it learns",
        words="A recurrent layer whose units act on each other. Compare its first Φ, untrained, with the last.",
        asked=Asked(network=Chosen(name="GRU"), task=Chosen(name="Digits"), epochs=6, seeds=(0,)),
    ),
    Preset(
        title="A feed-forward net has none",
        words="The same task without recurrence. No unit of a layer acts on another: Φ by structure is 0, whatever the data say.",
        asked=Asked(network=Chosen(name="MLP"), task=Chosen(name="Digits"), epochs=6, seeds=(0,)),
    ),
    Preset(
        title="Prune until it falls",
        words="A GRU learns; then it loses the weakest connections between its units, more in each epoch, until none is left. Φ "
        "rises, and falls towards 0 while most digits are still read: what is left works as parts. Two minutes.",
        asked=Asked(network=Chosen(name="GRU", values={"pruned": 1.0}), task=Chosen(name="Digits"), epochs=16, seeds=(0,)),
    ),
    Preset(
        title="Modular addition: when it suddenly generalises",
        words="All the pairs it was shown are known after 20 epochs; of the others hardly one, for 100 epochs, and then nearly all "
        "within as many (accuracy; train_accuracy is that of the pairs it was shown). What does Φ do in between? Two minutes.",
        asked=Asked(
            network=Chosen(name="GRU", values={"width": 64, "learning_rate": 0.01, "weight_decay": 1.0}),
            task=Chosen(name="ModularAddition", values={"shown": 0.6, "batch_size": 64}),
            epochs=300,
            seeds=(0,),
            iit={"every_n_epochs": 10, "pictures": False},
        ),
    ),
)
"""The presets, in the order in which they are shown."""
