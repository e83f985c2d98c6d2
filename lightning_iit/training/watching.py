"""All that hangs on a module while it trains: counts of epochs, counts within epochs, whole layers."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import msgspec
from lightning.pytorch.utilities import rank_zero_info

from lightning_iit.capture.count.ranks import gather
from lightning_iit.records.steering.selection import Changes, Selection
from lightning_iit.run.commands.control import Watching
from lightning_iit.run.commands.steering import Refused
from lightning_iit.run.trainer import is_dev_run
from lightning_iit.snapshot.live import LiveActivity
from lightning_iit.training.changing import change_words, tried, watched, with_selection
from lightning_iit.watch.guard import training_goes_on
from lightning_iit.watch.probe import probe_pass
from lightning_iit.watch.steps import EveryNSteps, StepWatch
from lightning_iit.watch.whole import WholePass

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from lightning.pytorch import LightningModule, Trainer

    from lightning_iit.capture.count.epoch import LayerEpoch
    from lightning_iit.capture.epoch_sums import EpochSums
    from lightning_iit.capture.hooks.gate import TrainingStep
    from lightning_iit.run.commands.lesions import Lesions
    from lightning_iit.run.options import RunOptions
    from lightning_iit.settings import TrainingSettings
    from lightning_iit.training.changing import Watched
    from lightning_iit.watch.watch import Watch


class TrainingWatch:
    """Holds what a module is watched by while it trains.

    Under ``torch.distributed`` every rank must call the same methods, in the same steps.

    Args:
        given: the options of the callback.
        trainer: the trainer.
        module: its module.

    Attributes:
        changes: what commands have changed so far.
        since: the first epoch of what is watched now.
        due: tells when an analysis within the epochs is due; None where there are none.
        steps: the counts within the epochs; None where there are none.
        whole: records whole layers; None where they are not measured.
        sums: sums whole layers over an epoch; None where total correlation is not measured, or a probe is watched.

    Raises:
        InvalidArgumentError: an option that cannot be, or does not fit the model.
    """

    def __init__(self, given: TrainingSettings, trainer: Trainer, module: LightningModule) -> None:
        self.changes: Changes = Changes()
        self.since: int = 0
        self.due: EveryNSteps | None = None
        self.steps: StepWatch | None = None
        self.whole: WholePass | None = None
        self.sums: EpochSums | None = None
        self._given = given
        self._trainer, self._module = trainer, module
        self._gate: TrainingStep | None = None
        self._broken: set[int] = set()
        self._now: Watched = watched(given, trainer, module)
        self._next: Watched | None = None

    @property
    def settings(self) -> TrainingSettings:
        """Returns the options that hold now: those of the callback, with what commands have changed."""
        return self._now.settings

    @property
    def options(self) -> RunOptions:
        """Returns what is asked of every analysis now."""
        return self._now.options

    @property
    def watch(self) -> Watch:
        """Returns the watch of whole epochs."""
        return self._now.watch

    def another(self, *, snapshots: bool = False, only: tuple[str, Sequence[int]] | None = None, fixed: bool = False) -> Watch:
        """Makes a further watch by the options that hold now; see :meth:`Settings.watch`."""
        return self.settings.watch(self._module, self.options, snapshots=snapshots, only=only, fixed=fixed)

    # --- on the module ------------------------------------------------------------------------------------------------

    def attach(self, gate: TrainingStep) -> None:
        """Hooks the layers.

        Args:
            gate: is open while the training makes a step; not asked where a probe is watched.
        """
        self._gate = gate
        with training_goes_on("hooking the layers"):
            self.watch.attach(self._module, gate if self._given.probe is None else None)
        if self._given.every_n_steps is not None:
            self.due = self.due or EveryNSteps(self._given.every_n_steps, self._trainer.global_step)
            with training_goes_on("getting ready for analyses within the epochs"):
                if self._given.probe is None:
                    own = self.another()
                    self.steps = StepWatch(own, self.watch, self._trainer.num_training_batches)
                    own.attach(self._module, gate)
        if self._given.measures and self._given.probe is None and not is_dev_run(self._trainer):
            with training_goes_on("getting ready for measures of whole layers"):
                activations = self.settings.whole_activations(self._module)
                self.whole = None if activations is None else WholePass(self._trainer, self._module, activations)
            with training_goes_on("summing the activations of whole epochs"):
                self.sums = self.settings.epoch_sums(self._module)
                if self.sums is not None:
                    self.sums.attach(self._module, gate)

    def begin_epoch(self) -> None:
        """Starts the counts of an epoch."""
        self.watch.begin_epoch(self._trainer.num_training_batches)
        if self.steps is not None:
            self.steps.begin_epoch()
        if self.whole is not None:
            self.whole.begin_epoch()
        if self.sums is not None:
            self.sums.begin_epoch()

    def after_batch(self, batch: Any, batch_idx: int) -> bool:
        """Ends a step of all that is watched; returns whether an analysis within the epoch is due.

        Args:
            batch: the batch that was trained on.
            batch_idx: its index in the epoch.
        """
        if self._given.probe is None:
            self._end_step(self.watch, batch_idx)
        if self.whole is not None:
            self.whole.keep(batch, batch_idx)
        if self.sums is not None:
            self.sums.end_step()
        if self.due is None:
            return False
        if self.steps is not None:
            self._end_step(self.steps.watch, batch_idx)
        return self.due.passed(self._trainer.global_step)

    def _end_step(self, watch: Watch, batch_idx: int) -> None:
        """Ends a step of a watch; counts the activations that the hooks kept, once in many steps."""
        try:  # a context would cost more than most steps do
            watch.end_step(batch_idx)
        except Exception as error:  # noqa: BLE001
            with training_goes_on("counting a step"):
                self._stop_counting(watch, self._trainer.current_epoch, error)

    def _stop_counting(self, watch: Watch, epoch: int, error: Exception) -> None:
        """Gives up the counts of this epoch; its records say why. The first such error of the epoch is raised again.

        The steps go on being ended, so that all ranks make the same calls.
        """
        watch.fail(error)
        if epoch not in self._broken:
            self._broken.add(epoch)
            raise error

    def end_epoch(self, *, analysed: bool) -> tuple[LayerEpoch, ...]:
        """Ends the counts of an epoch and returns them; with the activations of whole layers where the epoch is ``analysed``."""
        captured = self.watch.end_epoch()
        if self.sums is not None and analysed:
            captured = self.sums.with_sums(captured)
        return captured if self.whole is None or not analysed else self.whole.run(captured)

    def detach(self) -> None:
        """Takes the hooks away."""
        self.watch.detach()
        if self.steps is not None:
            self.steps.watch.detach()
        if self.sums is not None:
            self.sums.detach()
        self.due = self.steps = self.whole = self.sums = None

    def controlled(
        self,
        submit: Callable[..., None],
        lesions: Lesions,
        *,
        inputs: Iterable[Any] | None,
        prepared: Callable[[], None],
    ) -> Watching:
        """Returns what the training is watched by, for what it is told to do.

        Args:
            submit: hands captured layers to the workers.
            lesions: measures lesions of the module.
            inputs: the fixed inputs of a probe; None where the training itself is watched.
            prepared: called when a change was prepared.
        """
        watch, gate, seed = self.watch, self._gate, self._given.seed

        def further(layer: str, units: Sequence[int]) -> Watch:
            other = self.another(only=(layer, units))
            other.begin_epoch(self._trainer.num_training_batches)
            other.attach(self._module, gate)
            return other

        def change(wanted: Selection) -> str:
            words = self.prepare(wanted)
            prepared()
            return words

        return Watching(
            watch=watch,
            options=self.options,
            submit=submit,
            further=further,
            probe=None
            if inputs is None
            else partial(probe_pass, self._trainer, self._module, inputs, watch, seed=seed, initial=False),
            is_analysed=lambda step: self.due is not None and self.due.last == step,
            change=change,
            lesions=lesions,
            activity=None if gate is None or watch.snapshots is None else LiveActivity(self._module, gate, seed=seed),
        )

    # --- changed while it trains --------------------------------------------------------------------------------------

    def prepare(self, wanted: Selection) -> str:
        """Gets ready to watch something else from the next epoch on; nothing is changed before, and nothing where it cannot be.

        Args:
            wanted: what is to be changed.

        Returns:
            What will be watched, in sentences.

        Raises:
            Refused: on some rank it cannot be made, no epoch follows, or it is what is watched already.
        """
        if not wanted.options:
            msg = "say what is to be watched: layers, units, groups, formalism, null-model or surrogates."
            raise Refused(msg)
        epoch = self._trainer.current_epoch + 1
        selection = (self.changes.next or self.changes.now).followed_by(wanted)
        made, problem = tried(with_selection(self._given, selection), self._trainer, self._module, epoch=epoch)
        if (found := next(filter(None, gather(problem)), "")) or made is None:
            raise Refused(found)
        before = self._next or self._now
        if made.told == before.told:
            msg = "that is what is watched already, or will be from the next epoch on."
            raise Refused(msg)
        self._next = made
        self.changes = msgspec.structs.replace(self.changes, next=selection, since=epoch)
        return change_words(self._now, made, epoch)

    def change(self) -> tuple[str, ...] | None:
        """Makes the change that was prepared; called where an epoch begins.

        Returns:
            The layers whose units are chosen anew, or that are watched no more; None where nothing was prepared.
        """
        made, self._next = self._next, None
        if made is None:
            return None
        before, kept = self._now, made.keeps(self._now)
        chosen = before.watch.state_dict()["layers"]
        due = self.due
        self.detach()
        made.watch.load_state_dict({"layers": {name: chosen[name] for name in made.watch.layers if name in kept}})
        number = self.changes.number + 1
        numbers = {name: self.changes.layers.get(name, 0) if name in kept else number for name in made.watch.layers}
        self.changes = Changes(
            now=self.changes.next or Selection(), number=number, layers={name: one for name, one in numbers.items() if one}
        )
        made.options.selections = dict(self.changes.layers)
        made.options.initial_weights = before.options.initial_weights
        self._now, self.since = made, self._trainer.current_epoch
        self.due = due
        if self._gate is not None:
            self.attach(self._gate)
        return tuple(name for name in dict.fromkeys((*before.watch.layers, *made.watch.layers)) if name not in kept)

    # --- a run that goes on -------------------------------------------------------------------------------------------

    def take_up(self, told: object) -> None:
        """Watches what commands have changed in an earlier part of the run, before the hooks are on the module.

        Args:
            told: the changes of the earlier part, as plain data.

        Raises:
            InvalidArgumentError: it cannot be watched any more.
            msgspec.ValidationError: these are no changes.
        """
        changes = msgspec.convert(told, Changes)
        if changes.now.options:
            self._now = watched(with_selection(self._given, changes.now), self._trainer, self._module)
            self.options.selections = dict(changes.layers)
        self.changes = changes
        if changes.next is not None:
            self._next = watched(with_selection(self._given, changes.next), self._trainer, self._module)
        rank_zero_info(f"IITCallback: the run goes on with what commands have changed ({(changes.next or changes.now).words}).")

    @property
    def is_due(self) -> bool:
        """Returns whether a change that an earlier part of the run has prepared takes effect before the next step."""
        return self._next is not None and self._trainer.current_epoch >= self.changes.since
