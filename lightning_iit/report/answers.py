"""The answer to "did training change Φ?" for each layer of a run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lightning_iit.comparison.change import changes
from lightning_iit.comparison.selections import changed_words
from lightning_iit.records import FORMALISM_WORDS, symbol

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lightning_iit.records import EpochRecord

NOT_KNOWN = "Whether training changed Φ is not known: there are no two epochs in which the groups of this layer have a Φ."
"""The answer where nothing can be compared."""


def answers(records: Iterable[EpochRecord], formalism: str | None = None) -> dict[str, str]:
    """Returns for each layer whether Φ changed from the earliest epoch (the untrained network, where it was analysed) to the last.

    Where a command has changed which units are watched, it is the earliest epoch since then.

    Args:
        records: the records of one run, in any order.
        formalism: of several the one that is meant; None for the first one of each record.
    """
    layers = by_layer(records)
    found = changes([record for of_layer in layers.values() for record in of_layer], epoch=None, formalism=formalism)
    said = {name: found[name].words if name in found else _not_known(formalism or layers[name][-1].formalism) for name in layers}
    return {name: " ".join(filter(None, (changed_words(layers[name]), words))) for name, words in said.items()}


def _not_known(formalism: str) -> str:
    """Returns the answer where nothing can be compared, with the symbol of the formalism's number."""
    return NOT_KNOWN.replace("Φ", symbol(formalism))


def numbers_words(formalisms: Iterable[str]) -> str:
    """Returns the numbers of some formalisms in words.

    Example:
        >>> numbers_words(["iit3", "iit4-2023"])
        'Φ, IIT 3.0; φ_s, IIT 4.0 (2023)'
    """
    return "; ".join(f"{symbol(one)}, {FORMALISM_WORDS[one]}" for one in formalisms)


def by_layer(records: Iterable[EpochRecord]) -> dict[str, list[EpochRecord]]:
    """Groups the records of whole epochs by layer, each group in order of epoch."""
    layers: dict[str, list[EpochRecord]] = {}
    for record in sorted((record for record in records if record.step is None), key=lambda record: record.key):
        layers.setdefault(record.layer, []).append(record)
    return layers
