"""What of the watched things a command changes, and what commands have changed in a run so far."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

import msgspec

from lightning_iit.records.schema import Formalism

NullChoice: TypeAlias = Literal["auto", "cut", "shuffle", "none"]
"""What Φ of a watched layer is compared with, as the option ``null_model`` has it; "none" for None."""


class Selection(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Holds the options that say what is watched, as far as a command gives them; None leaves one as it is.

    Args:
        layers: names or globs of layers.
        units: how many units of each layer, their indices, or "auto".
        groups: how many groups of units are surveyed, or "auto".
        formalism: the versions of the theory.
        null_model: what Φ of a watched layer is compared with.
        surrogates: how many surrogate data sets a null has.
    """

    layers: tuple[str, ...] | None = None
    units: int | Literal["auto"] | tuple[int, ...] | None = None
    groups: int | Literal["auto"] | None = None
    formalism: tuple[Formalism, ...] | None = None
    null_model: NullChoice | None = None
    surrogates: int | None = None

    @property
    def options(self) -> dict[str, Any]:
        """Returns what is given, as options of the callback by their names."""
        given = {name: value for name, value in msgspec.structs.asdict(self).items() if value is not None}
        told = {name: list(value) if isinstance(value, tuple) else value for name, value in given.items()}
        return told | ({"null_model": None} if self.null_model == "none" else {})

    @property
    def words(self) -> str:
        """Returns what is given as one types it after ``lightning-iit control RUN watch``.

        Example:
            >>> Selection(layers=("rnn",), units=(3, 8), null_model="cut").words
            '--layers rnn --units 3,8 --null-model cut'
        """
        given = {name: value for name, value in msgspec.structs.asdict(self).items() if value is not None}
        texts = {name: ",".join(map(str, value)) if isinstance(value, tuple) else str(value) for name, value in given.items()}
        return " ".join(f"--{name.replace('_', '-')} {text}" for name, text in texts.items())

    def followed_by(self, later: Selection) -> Selection:
        """Returns both together; of what both give, the later one holds."""
        return msgspec.structs.replace(
            self, **{name: value for name, value in msgspec.structs.asdict(later).items() if value is not None}
        )


class Changes(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Holds what commands have changed of what a run watches, for its checkpoints.

    Args:
        now: everything that was changed and holds now.
        number: how many changes have taken effect.
        layers: by layer the number of the change by which its units were chosen; a layer that is watched as it was when the run
            began is not there.
        next: everything that was changed, with what takes effect at epoch ``since``; None where nothing is waiting.
        since: the epoch at which ``next`` takes effect.
    """

    now: Selection = Selection()
    number: int = 0
    layers: dict[str, int] = {}
    next: Selection | None = None
    since: int = 0
