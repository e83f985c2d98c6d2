"""The Lightning callback: its life cycle, and nothing else."""

from __future__ import annotations

import functools
import logging
import weakref
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from lightning.pytorch import Callback
from lightning.pytorch.utilities import rank_zero_info, rank_zero_warn

from lightning_iit.capture.hooks.gate import TrainingStep
from lightning_iit.checks import Check, choice, flag, told_of_unknown, whole
from lightning_iit.errors import InvalidArgumentError, RecordError
from lightning_iit.phi.pool.pool import WorkerPool
from lightning_iit.phi.pool.worker import longest
from lightning_iit.phi.registry import choose_engine
from lightning_iit.records import Records
from lightning_iit.records.store import metric_key
from lightning_iit.run.computation import Computation
from lightning_iit.run.either_package import join_pytorch_lightning
from lightning_iit.run.folder import RunFolder, take_folder
from lightning_iit.run.names import check_name, scope_of
from lightning_iit.run.options import RUN_CHECKS, RunOptions
from lightning_iit.run.resume import check_state, earlier_part, say_other_options
from lightning_iit.run.shared_run import SharedRun
from lightning_iit.run.trainer import (
    LatestFit,
    is_barebones,
    is_dev_run,
    is_last,
    is_untrained,
    latest_phis,
    run_directory,
    stand_in,
    warn_of_barebones,
    warn_of_shuffled_streams,
)
from lightning_iit.settings import Settings
from lightning_iit.trackers.registry import trackers_for
from lightning_iit.watch.probe import Loader, checked_probe, fixed_inputs, watch_pass
from lightning_iit.watch.steps import EveryNSteps, StepWatch
from lightning_iit.watch.untrained import UntrainedPass
from lightning_iit.watch.watch import Watch

if TYPE_CHECKING:
    from lightning.pytorch import LightningModule, Trainer

    from lightning_iit.capture.count.epoch import LayerEpoch
    from lightning_iit.phi.pool.pool import TaskProgress

log: logging.Logger = logging.getLogger(__name__)

_FIRST_BATCH_HOOKS = ("on_train_batch_start", "on_train_batch_end")
"""The hooks that an instance has of its own until the untrained network was analysed."""
_GRACE_AFTER_ERROR = 20.0
"""Seconds that open analyses are given when training ended in an error; their counts are kept in any case."""


@dataclass(eq=False, repr=False, kw_only=True)
class IITCallback(Callback, Settings):
    """Watches integrated information (Φ, IIT 3.0) of a model's layers while the model trains.

    In each epoch the callback turns the activations of some units of each layer into binary states and estimates their transition
    probability matrix (TPM); worker processes compute Φ of it while training goes on. Works under ``lightning.pytorch`` and
    ``pytorch_lightning``, with any logger or none. The training stays the same to the bit.

    **Logged Metrics**, to every logger, at the step and time of capture, under ``iit/<layer>/``: ``phi`` (first analysed state),
    ``phi_mean`` (mean over the analysed states, weighted by visits), ``phi_max``, ``states`` (how many were analysed),
    ``concepts``, ``sum_small_phi``, ``coverage`` (visited states / possible ones), ``transitions``, ``effective_information`` and
    ``entropy`` (bits), ``determinism``, ``degeneracy``, ``seconds``; of each diagnostic that has a value
    ``conditional_dependence``, ``markov_order``, ``stationarity`` and ``homogeneity`` (bits), with its p-value as
    ``conditional_dependence_p`` and so on, ``self_transitions``, ``multi_information`` (bits); where a null was computed
    ``phi_null_mean``, ``phi_null_95``, ``phi_excess``, ``phi_p``; with an interval ``phi_low``, ``phi_high``; with ``complexes``
    ``major_complex_size``; with ``groups`` ``phi_groups_mean``, ``phi_groups_std`` (standard deviation), ``phi_groups_max`` and
    ``groups`` (how many were computed). Images ``tpm`` and ``mip``, and the record itself. With ``every_n_steps`` the same of each
    analysis within an epoch under ``iit/<layer>/steps/``.

    Several callbacks may be in one trainer. Each needs a ``name`` of its own, but for the first one: its records are then in
    the folder ``<run>/<name>/iit``, its metrics under ``iit/<name>/<layer>/``, and in TensorBoard and the viewer it is a run of
    its own, ``<run>/<name>``.

    Args:
        layers: names or globs over ``named_modules()`` (``*`` stays within one part of a dotted name, ``**`` does not), or modules
            of the model themselves. None picks the end of the representation and says which: the last recurrent layer, the last
            block of a transformer or ResNet, the latent of an autoencoder, else the last hidden activation; never the output.
        units: how many units of each layer, which ones (their indices), or "auto": as many, up to 6, as have 100 transitions for
            each possible state in a window of epochs. They are chosen once for the run.
        selection: how that many units are chosen: "variance" (those that vary most), "entropy" (whose binary states vary most),
            "weight_norm" (largest incoming weights), "random", "first", or "clusters": macro units, each the mean of units that
            correlate in the first data (average linkage on 1 - r).
        threshold: a unit is ON above its "median", its "mean", "zero", or a number. Calibrated on the first batches of each epoch;
            where units are set into states, on the states of the layer at the epoch's end.
        bits: how many binary elements code a unit: 1, or 2 for the Gray code of its quartiles (00, 01, 11, 10). The two elements of
            a unit are not separate causal elements, and n units cost as much as 2n.
        groups: how many different random groups of that many units are analysed (then ``selection`` is left out). Each costs one Φ.
            Everything that is logged is of the first group; of all groups there are ``phi_groups_mean``, ``phi_groups_std`` and
            ``phi_groups_max``.
        transitions: what a transition goes along: "time" (a sequence), "stream" (from sample to sample in the loader's order),
            "depth" (from block to block of a stack), or "auto": along a sequence where the layer has one, else stream.
        lag: how many steps a transition spans.
        sources: what is counted of a layer that is called several times in a training step with different data (two views of a
            batch, real and generated samples): "first" (the first call; the others are other sources) or "pooled" (all calls, each
            with thresholds of its own, where a test of homogeneity does not reject at 5 %; else the first). Closures and other
            repeated evaluations of a batch are counted once in any case.
        layout: the axes of a layer's output, one letter each, e.g. "TBU": B batch, T time, N token, P patch, U or C unit; an axis
            with any other letter is averaged over. None tells the axes from the module.
        unit_fn: turns a layer's output into a tensor of units, for outputs of unusual types.
        calibration_batches: how many batches thresholds are calibrated on.
        freeze_threshold: whether the thresholds of the first epoch are kept for all later ones.
        tpm: "perturb" (set the units into each state, and let the layer make one step), "observe" (count the transitions that are
            watched), or "auto": perturb where a step of the layer is known and ``lag`` is 1.
        background: what is not set in a perturbation: "sampled" (an average over observed backgrounds) or "fixed" (held as observed
            in the analysed state).
        draws: how many observed backgrounds a perturbed TPM is averaged over.
        step: ``(module, state, input) -> state``, one step of a recurrent module that is not PyTorch's own.
        level: which of several stacked recurrent layers is perturbed, as an index.
        direction: which direction of a bidirectional layer is perturbed, "forward" or "backward".
        hidden_only: whether the cell state of an LSTM is left as it was observed, and only the hidden state is set.
        cm: the connections among the units: "full" (each to each), or "weights": none where the recurrent weight is zero (perturbed
            TPMs only).
        pool_depth: with ``transitions="depth"``, whether all blocks make one TPM together.
        states: which observed states are analysed: "mode" (the most visited one), "last", "all", or a number: the k most visited.
        window: how many epochs' transitions make one TPM.
        every_n_epochs: analyse every n-th epoch.
        every_n_steps: analyse within the epochs too, whenever the trainer's global step passes a multiple of n; for trainings whose
            epochs are very long, or of a single step. Such a record has a ``step``, and the counts since the last one (of its own
            thresholds, outside of ``window``; with ``probe`` those of the probe then). It stays out of the curve over epochs, the
            report and ``trainer.callback_metrics``, and the epochs' records stay as they are without it. After a resume the
            counts begin again.
        initial: whether the untrained network is analysed too, as epoch -1: once the first batches were trained on, it is put
            back for one pass over copies of these, and then all that the module and its objects hold is restored. Not restored are
            global variables, and what a step itself writes or sends by other ways than the module's attributes and the trainer. A
            module that holds an iterator is not run.
        probe: fixed inputs: a data loader that does not shuffle, or a list of batches. The network is run on them at each epoch's
            end, in eval mode, and only that is watched, so that Φ over epochs follows what is learned and not the order of the
            data. The module is called with a batch that is a tensor, with the first element of a tuple or list, or with a mapping
            as keywords. Of several ranks the calls of the first one count.
        prior: the probability of ON in rows of the TPM that were never visited.
        engine: computes Φ: "fast" (this package's exact engine), "pyphi" (PyPhi), the name of an installed one, or "auto": the fast
            one where it implements the options, else PyPhi.
        cuts: which system cuts are searched: "all", or "one": only those that cut one unit off (an approximation).
        new_concepts: whether a cut may create concepts; False assumes that it does not (an approximation).
        complexes: whether all subsets of the units are searched for the major complex too.
        repertoires: whether the record keeps the repertoires of each concept.
        pyphi_options: further options of PyPhi by its names, e.g. ``{"MEASURE": "L1"}``; they ask for PyPhi.
        null_model: what Φ is compared with: "cut" (no more integrated than across the best cut), "shuffle" (no dependence in time)
            or None.
        surrogates: how many surrogate data sets a null has.
        extra_budget: the share of the training time that nulls may take; the last epoch always has its null.
        workers: how many worker processes compute Φ.
        timeout: seconds for one layer's analysis of an epoch; None for no limit.
        when_busy: what happens to an analysis when all workers are busy: "queue", "skip", or "wait" (training waits for Φ, which is
            then in ``trainer.callback_metrics`` for EarlyStopping and ModelCheckpoint).
        max_queued: how many analyses may wait in the queue.
        drain_timeout: seconds that open analyses are given when training has ended.
        seed: the seed of every random choice of the plugin.
        trackers: further places where records go: objects of classes that derive from :class:`~lightning_iit.Tracker`, or names of
            installed ones. The loggers of the trainer are served without being named here.
        pictures: whether the TPM and the partition are drawn.
        network: whether a snapshot of the network is kept in each epoch, for the viewer.
        network_budget: the most bytes of a snapshot.
        prog_bar: whether the latest Φ is shown in the progress bar.
        name: what this callback is called where a trainer has several: 1 to 40 letters, digits, ``_`` or ``-``. A second callback
            without a name is called ``callback-2``, and so on.
        table: whether a table of the last epoch is printed at the end.

    Raises:
        InvalidArgumentError: in ``setup()``, before training, for a value that cannot be: UnknownLayerError for a layer that is not
            there, TooManyUnitsError for more units than the engine can serve.

    Example::

        callback = IITCallback("encoder.gru", units=5)
        Trainer(max_epochs=10, callbacks=[callback]).fit(model, loader)
        callback.records.to_dataframe()
    """

    every_n_epochs: int = 1
    every_n_steps: int | None = None
    window: int = 1
    when_busy: Literal["queue", "skip", "wait"] = "queue"
    extra_budget: float = 0.25
    initial: bool = True
    max_queued: int = 64
    prog_bar: bool = False
    table: bool = True
    probe: Loader | Sequence[Any] | None = None
    name: str | None = None

    _checks: ClassVar[Mapping[str, Check]] = {
        **Settings._checks,
        **RUN_CHECKS,
        "workers": whole("give the number of worker processes, 1 or more", least=1),
        "every_n_epochs": whole("give 1 to analyse each epoch, or n to analyse every n-th one", least=1),
        "every_n_steps": whole("give n, 1 or more, to analyse every n steps, or None for whole epochs only", least=1, none=True),
        "when_busy": choice("queue", "skip", "wait"),
        "initial": flag(),
        "max_queued": whole("give how many analyses may wait, 0 or more", least=0),
        "prog_bar": flag(),
        "table": flag(),
        "probe": checked_probe,
        "name": check_name,
    }

    # Lightning calls every hook of every callback in each step, and skips what cannot be called: these would do nothing.
    on_train_batch_start: ClassVar[Any] = None
    on_before_zero_grad: ClassVar[Any] = None
    on_before_backward: ClassVar[Any] = None
    on_after_backward: ClassVar[Any] = None
    on_before_optimizer_step: ClassVar[Any] = None
    on_predict_epoch_end: ClassVar[Any] = None  # pytorch_lightning 1.* calls it with one argument more

    def __post_init__(self) -> None:
        join_pytorch_lightning(IITCallback)
        self._options = RunOptions()
        self._watch: Watch | None = None
        self._first: Watch | None = None
        self._untrained: UntrainedPass | None = None
        self._due: EveryNSteps | None = None
        self._steps: StepWatch | None = None
        self._work: Computation | None = None
        self._folder: RunFolder | None = None
        self._fit: LatestFit | None = None
        self._restored: dict[str, Any] = {}
        self._stage: str = ""
        self._said: set[tuple[str, int]] = set()
        self._inputs: Iterable[Any] | None = None
        self._kept = Records()
        self._shared = SharedRun()
        self._scope = self.name or ""

    def __getstate__(self) -> dict[str, Any]:
        """Returns the options and the records; a copy or a pickle of the callback watches nothing and has no workers."""
        plain = {name: value for name, value in vars(self).items() if name not in _FIRST_BATCH_HOOKS}
        ours = dict.fromkeys(("_watch", "_first", "_untrained", "_due", "_steps", "_work", "_folder", "_inputs", "_fit"))
        return plain | ours | {"_kept": self.records, "_stage": ""}

    @property
    def progress(self) -> tuple[TaskProgress, ...]:
        """How far each open analysis is: its layer and epoch, whether it runs, and the fraction that is done."""
        pool = self._work.pool if self._work is not None else None
        return pool.progress() if isinstance(pool, WorkerPool) else ()

    @property
    def records(self) -> Records:
        """The records whose analyses have ended, in order of epoch, step and layer; all once ``trainer.fit`` has returned."""
        if self._work is not None:
            return self._work.records
        try:
            return self._shared.records() or self._kept  # where processes that Lightning started have trained
        except RecordError as error:
            rank_zero_warn(f"IITCallback.records: {error}")
            return self._kept

    # --- before training ----------------------------------------------------------------------------------------------

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Checks every option against the model; wrong ones raise here, before training."""
        self._stage = stage
        self._scope = self._name_in(trainer)
        if stage != "fit":
            return
        warn_of_barebones(trainer)
        self._options = self.run_options(world_size=trainer.world_size)
        self._inputs = None if self.probe is None else fixed_inputs(self.probe, "probe")
        self._watch = self.watch(pl_module, self._options, snapshots=trainer.is_global_zero)
        engine = choose_engine(self.engine, self._options.phi_options)
        rank_zero_info(f"IITCallback watches {', '.join(map(repr, self._watch.layers))} ({engine.name} engine, IIT 3.0).")

    def _name_in(self, trainer: Trainer) -> str:
        """Checks the names of all callbacks of this class, and returns what this one is called."""
        check_name("name", self.name)
        siblings = [one for one in trainer.callbacks if isinstance(one, IITCallback)]  # type: ignore[attr-defined]
        places = [place for place, one in enumerate(siblings) if one is self]
        if len(places) > 1:
            msg = "The same IITCallback is in this trainer twice. Make two, each with a name: IITCallback(name=...)."
            raise InvalidArgumentError(msg)
        scope = scope_of(places[0], [one.name for one in siblings]) if places else self.name or ""
        if scope and self.name is None:
            rank_zero_info(f"IITCallback: a second one without a name is called {scope!r}; name= chooses another name.")
        return scope

    def _begin(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Starts a run on the first rank, or goes on with that of a checkpoint or of this trainer's last fit.

        This is done when training starts, since some strategies load the checkpoint only after ``on_fit_start``.
        """
        restored, before, watch = self._restored, self._fit, self._watch
        self._restored, self._fit, self._stage = {}, None, "training"
        if watch is None:
            return
        if restored or (before is not None and not before.goes_on(trainer, pl_module)):
            before = None
        probe = type(self.probe).__name__ if self.probe is not None else "None"
        described = self.described(watch.layers, probe=probe, name=str(self._scope or None))
        with self._guard("starting the workers"):
            wanted = run_directory(trainer, self._scope)
            if trainer.is_global_zero:
                self._start(trainer, wanted, described, restored, before)
        with self._guard("taking up the units and thresholds of before"):
            if "watch" in restored or before is not None:
                watch.load_state_dict(restored["watch"] if before is None else before.watch.state_dict())
            say_other_options(restored.get("options", {}) if before is None else before.options, described)
        run_dir = None if self._folder is None else self._folder.run_dir
        self._fit = LatestFit(weakref.ref(trainer), weakref.ref(pl_module), watch, described, run_dir)

    def _start(
        self,
        trainer: Trainer,
        wanted: Path | None,
        described: dict[str, str],
        restored: Mapping[str, Any],
        before: LatestFit | None,
    ) -> None:
        resumed = restored.get("run_id", "") if restored else None
        if self._folder is not None:
            self._folder.end()
            resumed = self._folder.run if before is not None else resumed
        self._folder = None if wanted is None else take_folder(wanted, numbered=not trainer.loggers, resumed=resumed)
        run_dir = None if self._folder is None else self._folder.run_dir
        self._shared.tell(run_dir)
        if before is not None and self._work is not None:
            earlier = replace(self._work.run.part(), folder=before.run_dir, here=before.run_dir == run_dir)
        else:
            earlier = earlier_part(restored, run_dir)

        def interrupted() -> bool:
            return getattr(trainer, "received_sigterm", False)  # pytorch_lightning 1.* does not tell

        pool = WorkerPool(
            workers=self.workers,
            timeout=self.timeout,
            when_busy=self.when_busy,
            max_queued=self.max_queued,
            interrupted=interrupted,
        )
        trackers = trackers_for(trainer.loggers, run_dir, self.trackers, scope=self._scope)
        self._work = Computation(self._options, pool, trackers, described, interrupted)
        self._work.run.take_up(earlier)

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Starts the workers, puts the hooks on the model, and gets ready for the untrained network, which is epoch -1."""
        self._begin(trainer, pl_module)
        watch = self._watch
        if watch is None:
            return
        with self._guard("hooking the layers"):
            watch.attach(pl_module, TrainingStep(pl_module, trainer, self) if self.probe is None else None)
        if self.every_n_steps is not None:
            with self._guard("getting ready for analyses within the epochs"):
                self._due = EveryNSteps(self.every_n_steps, trainer.global_step)
                if self.probe is None:
                    own = self.watch(pl_module, self._options, snapshots=False)
                    self._steps = StepWatch(own, watch, trainer.num_training_batches)
                    own.attach(pl_module, TrainingStep(pl_module, trainer, self))
        if not self.initial or not is_untrained(trainer) or is_dev_run(trainer):
            return
        if self.probe is not None:
            self._run_probe(trainer, pl_module, epoch=-1)
            return
        with self._guard("getting ready for the untrained network"):
            self._first = self.watch(pl_module, self._options, snapshots=trainer.is_global_zero)
            self._untrained = UntrainedPass(trainer, pl_module, self._first, samples=self._enough_samples)
            vars(self).update(on_train_batch_start=self._before_first_batches, on_train_batch_end=self._after_first_batches)

    # --- while training -----------------------------------------------------------------------------------------------

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Starts the counts of an epoch."""
        if self.probe is None:
            with self._guard("starting an epoch"):
                self._watch.begin_epoch(trainer.num_training_batches)  # type: ignore[union-attr]
                if self._steps is not None:
                    self._steps.begin_epoch()

    def on_train_batch_end(self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int) -> None:
        """Counts the activations that the hooks kept, once in many steps."""
        if self.probe is None:
            self._end_step(self._watch, trainer, batch_idx)
        if self._due is not None:
            if self._steps is not None:
                self._end_step(self._steps.watch, trainer, batch_idx)
            if self._due.passed(trainer.global_step):
                self._analyse_within(trainer, pl_module)

    def _end_step(self, watch: Watch | None, trainer: Trainer, batch_idx: int) -> None:
        """Ends a step of a watch."""
        try:  # _guard would cost more than most steps do
            watch.end_step(batch_idx)  # type: ignore[union-attr]
        except Exception as error:  # noqa: BLE001
            with self._guard("counting a step"):
                self._stop_counting(watch, trainer.current_epoch, error)

    def _analyse_within(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Analyses what was counted since the last analysis within an epoch, or runs the probe."""
        epoch, step, steps = trainer.current_epoch, trainer.global_step, self._steps
        if steps is None:
            self._run_probe(trainer, pl_module, epoch=epoch, step=step)
            return
        with self._guard("analysing a step"):
            steps.hand_over(lambda captured: self._submit(trainer, captured, epoch=epoch, step=step, watch=steps.watch))

    def _stop_counting(self, watch: Watch | None, epoch: int, error: Exception) -> None:
        """Gives up the counts of this epoch; its records say why. The first such error of the epoch is raised again.

        The steps go on being ended, so that all ranks make the same calls.
        """
        if watch is not None:
            watch.fail(error)
        if ("", epoch) not in self._said:
            self._said.add(("", epoch))
            raise error

    def _before_first_batches(self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int) -> None:
        """Keeps a batch for the untrained network. Stands for ``on_train_batch_start`` until enough is kept."""
        if self._untrained is not None:
            self._untrained.keep(batch, batch_idx)
        hook = type(self).on_train_batch_start
        if hook is not None:  # that of a subclass
            hook(self, trainer, pl_module, batch, batch_idx)

    def _after_first_batches(self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int) -> None:
        """Analyses the untrained network once enough is kept. Stands for ``on_train_batch_end`` until then."""
        type(self).on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx)
        with self._guard("watching the untrained network"):
            if self._untrained is not None and self._untrained.ready():
                self._run_untrained(trainer)

    def _run_untrained(self, trainer: Trainer) -> None:
        """Analyses the untrained network on what was kept."""
        untrained, first, watch = self._untrained, self._first, self._watch
        self._keep_no_more()
        if untrained is not None and first is not None and watch is not None:
            untrained.run(watch, lambda captured: self._submit(trainer, captured, epoch=-1, watch=first))

    def _keep_no_more(self) -> None:
        """Forgets the untrained network and the first batches, and takes away the hooks that only these need."""
        self._untrained = self._first = None
        for hook in _FIRST_BATCH_HOOKS:
            vars(self).pop(hook, None)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Closes the counts of the epoch, or runs the probe, and hands the counts to the workers."""
        if self._untrained is not None:  # the epoch has fewer samples
            with self._guard("watching the untrained network"):
                self._run_untrained(trainer)
        if self._work is not None:
            self._work.epoch = trainer.current_epoch
        if self.probe is not None:
            self._run_probe(trainer, pl_module, epoch=trainer.current_epoch)
        else:
            with self._guard("closing an epoch"):
                self._submit(trainer, self._watch.end_epoch(), epoch=trainer.current_epoch)  # type: ignore[union-attr]
        with self._guard("showing Φ"):
            if self._work is not None:
                self._work.journal.pump()
            self._show(trainer, pl_module)

    def _run_probe(self, trainer: Trainer, pl_module: LightningModule, *, epoch: int, step: int | None = None) -> None:
        """Watches the module on the probe, in eval mode and without a trace."""
        inputs, watch = self._inputs, self._watch
        if inputs is None or watch is None or (step is None and self.window == 1 and not self._is_analysed(epoch)):
            return
        with self._guard("running the probe"):
            plugin = trainer.precision_plugin
            captured = watch_pass(
                *(pl_module, inputs, watch),
                name="a fixed probe",
                seed=self.seed,
                move=lambda batch: trainer.strategy.batch_to_device(plugin.convert_input(batch), dataloader_idx=0),
                context=plugin.val_step_context,
                counts=trainer.is_global_zero,
                initial=epoch < 0,
            )
            self._submit(trainer, captured, epoch=epoch, step=step)

    def _submit(
        self,
        trainer: Trainer,
        captured: Sequence[LayerEpoch],
        *,
        epoch: int,
        step: int | None = None,
        watch: Watch | None = None,
    ) -> None:
        watch = watch or self._watch
        if self._work is None or watch is None:
            return
        if epoch <= 0 and step is None and self.probe is None:
            warn_of_shuffled_streams(trainer, captured)
        futures = self._work.submit(
            watch,
            captured,
            epoch=epoch,
            global_step=trainer.global_step if epoch >= 0 else 0,
            last=epoch >= 0 and step is None and is_last(trainer, epoch),
            analysed=step is not None or self._is_analysed(epoch),
            step=step,
        )
        if self.when_busy == "wait":
            self._work.wait(futures, longest(self.timeout))

    def _is_analysed(self, epoch: int) -> bool:
        return epoch < 0 or (epoch + 1) % self.every_n_epochs == 0

    def _show(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Logs Φ to the progress bar, and to ``trainer.callback_metrics`` where training waits for Φ.

        An epoch without a Φ leaves the last value there, so that a strict EarlyStopping goes on.
        """
        if is_barebones(trainer):
            return
        latest = latest_phis(self._work.run.newest if self._work is not None else ())
        if self.when_busy == "wait":
            latest = trainer.strategy.broadcast(latest)
        for layer, (phi, missing) in latest.items():
            key = metric_key(layer, "phi", self._scope)
            if phi is None and self.when_busy == "wait":
                phi = stand_in(trainer, key)  # noqa: PLW2901
            if missing is not None and self.when_busy == "wait" and (layer, missing) not in self._said:
                self._said.add((layer, missing))
                keeps = (
                    "no value" if phi is None else f"{phi:g}, the last value" if 0 <= phi < 1e9 else f"{phi:g}: there was none yet"
                )
                rank_zero_warn(f"IITCallback: layer {layer!r} has no Φ in epoch {missing}; trainer.callback_metrics keeps {keeps}.")
            if phi is None:
                continue
            if self.when_busy == "wait":
                pl_module.log(key, phi, on_epoch=True, logger=False, rank_zero_only=True, prog_bar=self.prog_bar)
            elif self.prog_bar:
                shown = " ".join(filter(None, ("phi", self._scope, layer)))
                pl_module.log(shown, phi, on_epoch=True, logger=False, rank_zero_only=True, prog_bar=True)

    # --- the end ------------------------------------------------------------------------------------------------------

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Waits for the open analyses, with a progress line and a deadline."""
        self._watch_no_more()
        with self._guard("waiting for the last Φ"):
            if self._work is not None:
                self._work.finish(self.drain_timeout)
                self._work.judge_last()
                self._work.finish(self.drain_timeout)

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """Ends the run after an error in training, for which Lightning calls no teardown: every record is kept."""
        self._leave_stage()
        self._watch_no_more()
        with self._guard("keeping what was computed"):
            if self._work is not None and isinstance(exception, (KeyboardInterrupt, SystemExit)):
                self._work.run.abandon(f"Training was interrupted ({type(exception).__name__}) before this analysis ended.")
            self._close(_GRACE_AFTER_ERROR, failed=True)
        self._leave_folder()

    def teardown(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Ends the workers and the trackers."""
        self._leave_stage()
        if stage == "fit":
            with self._guard("closing"):
                self._close(self.drain_timeout, failed=False)
            self._leave_folder()

    def _leave_stage(self) -> None:
        """Forgets a state that was loaded for a fit in which no training began (a search for a learning rate)."""
        if self._stage == "fit":
            self._restored = {}
        self._stage = ""

    def _watch_no_more(self) -> None:
        self._keep_no_more()
        with self._guard("taking the hooks away"):
            if self._watch is not None:
                self._watch.detach()
            if self._steps is not None:
                self._steps.watch.detach()
        self._due = self._steps = None

    def _close(self, timeout: float, *, failed: bool) -> None:
        work = self._work
        if work is None or work.closed:
            return
        work.finish(timeout)
        with self._guard("writing the report"):
            work.report(work.records, table=self.table)
        work.close(failed=failed)

    def _leave_folder(self) -> None:
        with self._guard("leaving the run's folder"):
            if self._folder is not None:
                self._folder.end()

    # --- checkpoints --------------------------------------------------------------------------------------------------

    @property
    def state_key(self) -> str:
        """The key of this callback's state in a checkpoint; that of a callback without a name is the name of its class."""
        return self._generate_state_key(name=self._scope) if self._scope else super().state_key

    # Lightning refuses two callbacks that keep a state under one key when a trainer is made, before a second one without a name
    # gets a name. As a wrapper of its base's method, this method is left out of that check; setup() checks the names.
    @functools.wraps(Callback.state_dict, assigned=())
    def state_dict(self) -> dict[str, Any]:  # type: ignore[override]
        """Returns units, thresholds, open analyses, options and the folder as plain values; settled records are in that folder."""
        state: dict[str, Any] = {}
        if self._stage == "fit":  # training has not begun: a search for a learning rate saves and loads
            return dict(self._restored)
        with self._guard("writing the state for a checkpoint"):
            if (fit := self._fit) is not None:
                state = {"watch": fit.watch.state_dict(), "options": dict(fit.options)}
                if fit.run_dir is not None:
                    state["folder"] = str(fit.run_dir.absolute())
            if self._folder is not None:
                state["run_id"] = self._folder.run
            if self._work is not None:
                state["run"] = self._work.run.part().state_dict()
        return state

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Keeps a state that :meth:`state_dict` gave until training starts; does nothing in validate, test and predict.

        Raises:
            InvalidArgumentError: the state is no dict, or a part of it is not what it must be.
        """
        if self._stage in {"", "fit"}:
            check_state(state_dict)
            self._restored = dict(state_dict)

    @property
    def _enough_samples(self) -> int:
        """How many samples of the untrained network are captured: 100 for each possible state."""
        units = self.units
        n = 6 if units == "auto" else self.bits * (units if isinstance(units, int) else len(units))
        return int(100 * 2**n)

    # --- faults -------------------------------------------------------------------------------------------------------

    @contextmanager
    def _guard(self, doing: str) -> Iterator[None]:
        """Turns an Exception in its ``with`` block into a warning that says what it was ``doing``; training and plugin go on."""
        try:
            yield
        except Exception as error:
            log.exception("IITCallback: %s failed; training goes on.", doing)
            rank_zero_warn(f"IITCallback: {doing} failed ({type(error).__name__}: {error}); training goes on.")


IITCallback.__init__ = told_of_unknown(IITCallback.__init__, called="IITCallback")  # type: ignore[method-assign]
join_pytorch_lightning(IITCallback)
