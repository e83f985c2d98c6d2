"""What a tracker is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from typing_extensions import Self

    from lightning_iit.records import EpochRecord, NetworkSnapshot


class OptionTexts(dict[str, str]):
    """Holds every option of a callback as text, by name, and which of them differ from their defaults.

    Args:
        texts: the options by name.
        given: the names of those that differ from their defaults, and of those that say more than a default does.
    """

    def __init__(self, texts: Mapping[str, str], given: Iterable[str]) -> None:
        super().__init__(texts)
        self.given: frozenset[str] = frozenset(given)


class Tracker(Protocol):
    """Takes the records of a run: for a logger of the trainer, for the run's folder, or for anything else.

    A tracker of your own derives from this class and writes :meth:`log`; everything else does nothing unless it is overridden.
    Calls to one tracker never overlap. They come from a thread of the tracker's own, or from the training thread where
    ``on_caller`` is True. An ``OSError`` asks for another attempt later, so a second attempt at the same record must not write
    anything twice; after any other exception the record is left out, with a warning. Training goes on in both cases.

    Attributes:
        name: what the tracker is called in messages; empty for the name of its class.
        in_order: each layer's records must come in the order in which they were captured.
        on_caller: the tracker may be used on the training thread only.
        at_capture: the tracker also gets each record when it was captured; the record's result is ``Open`` then.
        takes_svg: ``images`` has each large picture as SVG too, under a name that ends in ``.svg``.
        remedy: what a person can do about records that the tracker could not take, for a message.
        scope: the name of the callback whose records come, empty for one without a name; set before the first call of a method
            that writes. Several callbacks of one trainer may watch the same layer, so what is logged carries this name.

    Example:
        >>> from collections.abc import Mapping
        >>> from lightning_iit import EpochRecord, Tracker
        >>> class Printer(Tracker):
        ...     def log(self, record: EpochRecord, images: Mapping[str, bytes]) -> None:
        ...         print(record.layer, record.epoch, record.phi)
        >>> Printer().in_order
        False
    """

    name: str = ""
    in_order: bool = False
    on_caller: bool = False
    at_capture: bool = False
    takes_svg: bool = False
    remedy: str = "The records are in the run's folder 'iit' and in callback.records."
    scope: str = ""

    @classmethod
    def for_logger(cls, logger: Any, run_dir: Path | None) -> Self | None:
        """Returns a tracker that serves a logger of the trainer, or None where this class does not serve it.

        Called on the training thread, on rank 0, once the loggers are set up.

        Args:
            logger: the logger; None where the tracker was asked for by its name in ``trackers=``, and belongs to no logger.
            run_dir: the folder of the run's files; None where there is none.
        """
        del run_dir
        return cls() if logger is None else None

    def log(self, record: EpochRecord, images: Mapping[str, bytes]) -> None:
        """Writes a record: its numbers, ``images`` (PNG by name), or the record as a whole.

        Of the pictures those whose names end in ``_small`` can be read where they are shown 350 pixels wide.
        ``lightning_iit.records.logged.logged(record, self.scope)`` gives all numbers, by the keys that they have in every logger.
        """

    def log_network(self, snapshot: NetworkSnapshot) -> None:
        """Writes a network snapshot."""

    def log_options(self, options: Mapping[str, object]) -> None:
        """Writes the callback's options, once, before the first record.

        Args:
            options: every option by its name, as text; ``options.given`` has the names of those that differ from their defaults.
        """

    def attach(self, name: str, data: bytes) -> None:
        """Writes a UTF-8 file ``iit/<name>`` of the whole run (a report, a page)."""

    def finish(self, *, failed: bool) -> None:
        """Brings everything written to rest; ``failed`` says that training broke."""
