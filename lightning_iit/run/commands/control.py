"""What a training does when it is told to: pause, end, have other epochs, analyse now, measure a lesion, watch other units."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lightning_iit.capture.perturb.perturber import Perturber
from lightning_iit.errors import InvalidArgumentError
from lightning_iit.records.names import record_name
from lightning_iit.records.steering.folder import write_lesion
from lightning_iit.records.steering.selection import Selection
from lightning_iit.run.commands.asked import asked_of, check_number, in_state, layers_of, with_units
from lightning_iit.run.commands.inbox import Done, open_inbox
from lightning_iit.run.commands.length import check_may_stop, set_epochs
from lightning_iit.run.commands.live import Live
from lightning_iit.run.commands.steering import Refused, Steering
from lightning_iit.watch.guard import training_goes_on

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from lightning.pytorch import Trainer

    from lightning_iit.capture.count.epoch import LayerEpoch
    from lightning_iit.records.steering.commands import Command
    from lightning_iit.run.commands.inbox import Inbox
    from lightning_iit.run.commands.lesions import Lesions
    from lightning_iit.run.options import RunOptions
    from lightning_iit.run.run import Asked
    from lightning_iit.run.training import TrainingRun
    from lightning_iit.snapshot.live import LiveActivity
    from lightning_iit.watch.watch import Watch


@dataclass(frozen=True)
class Watching:
    """Holds what a training is watched by, and how more of it is watched.

    Args:
        watch: the run's own watch.
        options: the options of every analysis.
        submit: ``submit(captured, epoch=, step=, watch=, asked=)`` hands captured layers to the workers.
        further: makes a watch of some units of one layer, attached to the module.
        probe: runs the module on the run's fixed inputs and returns the captured layers; None where training itself is watched.
        is_analysed: says whether the run analyses this step by itself.
        change: gets ready to watch something else from the next epoch on, and returns what that is, in sentences; raises
            :class:`Refused` where it cannot be.
        lesions: measures lesions of the module.
        activity: copies what units do in single steps; None where the run draws no network.
    """

    watch: Watch
    options: RunOptions
    submit: Callable[..., None]
    further: Callable[[str, Sequence[int]], Watch]
    probe: Callable[[], Sequence[LayerEpoch]] | None
    is_analysed: Callable[[int], bool]
    change: Callable[[Selection], str]
    lesions: Lesions
    activity: LiveActivity | None


class Control:
    """Has a training obey commands; every rank has one, and makes the same calls.

    Args:
        trainer: the trainer.
        watching: what the training is watched by.
        run: the run; it has a folder on the first rank only.
    """

    def __init__(self, trainer: Trainer, watching: Watching, run: TrainingRun) -> None:
        self._trainer = trainer
        self._watching = watching
        self._run_dir = run.run_dir
        self._ends = False
        self._asked: set[tuple[str, int]] = set()
        self._later: list[tuple[Watch, Asked, int]] = []
        inbox = open_inbox(run.run_dir, run.run) if trainer.is_global_zero else None
        self._live = None if inbox is None else self._make_live(run, inbox)
        obey = {"stop": self._stop, "stop-now": self._stop_now, "epochs": self._epochs}
        obey |= {"analyse": self._analyse, "lesion": self._lesion, "watch": self._watch}
        self._steering = Steering(trainer, inbox, obey, waits=self._while_paused)

    def after_batch(self, outputs: Any, batch_idx: int) -> None:
        """Ends a step of what is watched on command, and obeys the commands that have come.

        Args:
            outputs: what the training step returned.
            batch_idx: the index of the batch in its epoch.
        """
        for watch, _, _ in self._later:
            try:
                watch.end_step(batch_idx)
            except Exception as error:  # noqa: BLE001  its record says so; training and the other watches go on
                watch.fail(error)
        live = self._live
        if live is not None and live.audience.until:
            live.after_batch(outputs, batch_idx, ends=self._is_ending)
        paused = self._steering.after_batch(self._trainer)
        if paused and live is not None:
            live.went_on(paused)

    @property
    def _is_ending(self) -> bool:
        """Returns whether the training ends after this epoch."""
        return self._ends or self._trainer.should_stop

    def _while_paused(self) -> None:
        """Says that training is paused, where somebody looks."""
        if self._live is not None:
            self._live.while_paused(ends=self._is_ending)

    def watches(self, watching: Watching) -> None:
        """Notes that the training is watched by something else from now on."""
        self._watching = watching

    def end_epoch(self) -> None:
        """Hands over what was watched on command, and ends the training where that was wanted."""
        later, self._later = self._later, []
        for watch, asked, step in later:
            with training_goes_on("analysing on command"):
                captured = watch.end_epoch()
                watch.detach()
                if asked.state is not None:
                    captured = tuple(in_state(layer, asked.state, ()) for layer in captured)
                self._submit(captured, step=step, watch=watch, asked=asked)
        if self._ends:
            self._trainer.should_stop = True

    def end(self, *, broken: bool = False) -> None:
        """Refuses what was sent too late.

        Args:
            broken: whether an error or an interrupt ended the training.
        """
        for watch, _, _ in self._later:
            watch.detach()
        self._later = []
        if self._live is not None:
            self._live.end(broken=broken)
        with training_goes_on("answering the last commands"):
            self._steering.end(self._trainer)

    # --- what is obeyed ---

    def _stop(self, _: Command) -> Done:
        check_may_stop(self._trainer, now=False)
        self._ends = True
        return Done(f"The training ends after epoch {self._trainer.current_epoch}.")

    def _stop_now(self, _: Command) -> Done:
        check_may_stop(self._trainer, now=True)
        self._trainer.should_stop = True
        return Done("The training ends now, in the middle of its epoch.")

    def _epochs(self, command: Command) -> Done:
        if command.epochs is None:
            msg = "say how many epochs the training is to have."
            raise Refused(msg)
        return Done(set_epochs(self._trainer, command.epochs))

    def _analyse(self, command: Command) -> Done:
        watching, step = self._watching, self._trainer.global_step
        layers = layers_of(command, watching.watch.layers)
        if any((layer, step) in self._asked for layer in layers) or watching.is_analysed(step):
            msg = f"step {step} is analysed already."
            raise Refused(msg)
        asked = asked_of(command, watching.options, step=step)
        perturber = watching.watch.perturber
        perturbed = perturber.layers if isinstance(perturber, Perturber) else ()
        files = tuple(record_name(layer, self._trainer.current_epoch, step) for layer in layers)
        if command.units is not None and layers[0] not in perturbed:
            later = self._watch_from_now(layers[0], command.units, asked)
            return Done(later, files)
        captured = self._captured(layers)
        if command.units is not None:
            most = min(engine.max_units for engine in asked.options.engines)
            captured = [with_units(layer, command.units, most=most) for layer in captured]
        if asked.state is not None:
            captured = [in_state(layer, asked.state, perturbed) for layer in captured]
        self._submit(captured, step=step, watch=watching.watch, asked=asked)
        names = ", ".join(map(repr, layers))
        return Done(f"Analysed as it is at step {step}: {names}.", files)

    def _lesion(self, command: Command) -> Done:
        layer = command.layer
        if layer is None:
            (layer,) = layers_of(command, self._watching.watch.layers)
        found = self._watching.lesions.of(command, layer)
        return Done(found.words, () if self._run_dir is None else (write_lesion(self._run_dir, command, found),))

    def _watch(self, command: Command) -> Done:
        if self._ends:
            msg = "the training ends after this epoch, and what is watched changes with an epoch only."
            raise Refused(msg)
        return Done(self._watching.change(command.watch or Selection()))

    def _captured(self, layers: Sequence[str]) -> list[LayerEpoch]:
        """Returns the capture of some layers as they are now."""
        found = self._watching.watch.so_far() if self._watching.probe is None else self._watching.probe()
        if not found:
            msg = "the units are chosen in the first steps of a training; ask again after some of them."
            raise Refused(msg)
        return [layer for layer in found if layer.layer in layers]

    def _watch_from_now(self, layer: str, units: Sequence[int], asked: Asked) -> str:
        """Counts the transitions of further units from now on; returns what is done, in a sentence."""
        if self._watching.probe is not None or self._watching.watch.capture.options.transitions == "depth":
            msg = "other units are counted only where the training itself is watched, along time or from sample to sample."
            raise Refused(msg)
        check_number(units, min(engine.max_units for engine in asked.options.engines))
        step = self._trainer.global_step
        try:
            watch = self._watching.further(layer, units)
        except InvalidArgumentError as error:
            raise Refused(str(error)) from error
        self._later.append((watch, asked, step))
        self._asked.add((layer, step))
        which = ", ".join(map(str, units))
        return f"Units {which} of {layer!r} are counted from step {step} to the end of epoch {self._trainer.current_epoch}."

    def _submit(self, captured: Sequence[LayerEpoch], *, step: int, watch: Watch, asked: Asked) -> None:
        """Hands captured layers to the workers, as records within the epoch."""
        self._asked.update((layer.layer, step) for layer in captured)
        self._watching.submit(captured, epoch=self._trainer.current_epoch, step=step, watch=watch, asked=asked)

    def _make_live(self, run: TrainingRun, inbox: Inbox) -> Live:
        """Returns what says how far a training is, on the first rank."""
        return Live(
            self._trainer,
            inbox.folder,
            run.run,
            inbox.audience,
            layers=lambda: self._watching.watch.layers,
            waiting=lambda: len(run.progress()),
            activity=self._watching.activity,
            units=self._analysed_units,
        )

    def _analysed_units(self) -> Mapping[str, Sequence[int]]:
        """Returns the analysed units of each layer that is watched now."""
        return self._watching.watch.analysed_units()
