"""Options and the watch that is made by them; and what becomes of one when commands ask for another."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lightning_iit.errors import IITError
from lightning_iit.settings import TrainingSettings

if TYPE_CHECKING:
    from lightning.pytorch import LightningModule, Trainer

    from lightning_iit.records.steering.selection import Selection
    from lightning_iit.run.options import RunOptions
    from lightning_iit.watch.watch import Watch


@dataclass(frozen=True)
class Watched:
    """Holds options, and the watch that was made by them.

    Args:
        settings: all options.
        options: what is asked of every analysis.
        watch: the watch of whole epochs.
    """

    settings: TrainingSettings
    options: RunOptions
    watch: Watch

    @property
    def told(self) -> dict[str, Any]:
        """Returns what is watched, by the names of a :class:`Selection`."""
        units = self.settings.units
        return {
            "layers": self.watch.layers,
            "units": units if isinstance(units, (int, str)) else tuple(units),
            "groups": self.settings.groups,
            "formalism": self.options.formalisms,
            "null_model": self.options.null_model,
            "surrogates": self.options.surrogates,
        }

    def keeps(self, before: Watched) -> set[str]:
        """Returns the layers that keep their units: those that are watched before and after, where the same units are asked for."""
        same = all(self.told[name] == before.told[name] for name in ("units", "groups"))
        return set(before.watch.layers) & set(self.watch.layers) if same else set()


def watched(settings: TrainingSettings, trainer: Trainer, module: LightningModule) -> Watched:
    """Makes a watch by some options, attached to nothing.

    Raises:
        InvalidArgumentError: an option that cannot be, or does not fit the model.
    """
    options = settings.run_options(world_size=trainer.world_size)
    watch = settings.watch(module, options, snapshots=trainer.is_global_zero, fixed=settings.probe is not None)
    return Watched(settings, options, watch)


def with_selection(given: TrainingSettings, selection: Selection) -> TrainingSettings:
    """Returns the options of a callback with those of a selection."""
    return given.part(TrainingSettings, **selection.options)


def tried(settings: TrainingSettings, trainer: Trainer, module: LightningModule, *, epoch: int) -> tuple[Watched | None, str]:
    """Makes a watch for an epoch and all that follow; raises nothing, so that the ranks can agree.

    Returns:
        The watch, or None; and why there is none.
    """
    if trainer.should_stop or (trainer.max_epochs not in {None, -1} and epoch >= trainer.max_epochs):
        return None, f"no epoch follows epoch {epoch - 1}, and what is watched changes with an epoch only."
    try:
        return watched(settings, trainer, module), ""
    except IITError as error:
        return None, str(error)
    except Exception as error:  # noqa: BLE001  a module of any class may raise anything
        return None, f"it failed ({type(error).__name__}: {error})."


def change_words(before: Watched, after: Watched, epoch: int) -> str:
    """Returns what is watched from an epoch on, in sentences."""
    told, then = after.told, before.told
    options = [f"{name}={told[name]!r}" for name in ("units", "groups", "null_model", "surrogates") if told[name] != then[name]]
    if told["formalism"] != then["formalism"]:
        options.append(f"formalism={','.join(told['formalism'])}")
    layers = ", ".join(map(repr, after.watch.layers))
    words = f"From epoch {epoch} on {layers} {'is' if len(after.watch.layers) == 1 else 'are'} watched"
    words += f", with {', '.join(options)}." if options else "."
    kept = after.keeps(before)
    anew = [repr(name) for name in after.watch.layers if name not in kept]
    if anew:
        words += f" Units and thresholds of {', '.join(anew)} are chosen in that epoch; it is not compared with earlier ones."
    return words
