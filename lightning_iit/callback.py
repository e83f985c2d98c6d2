"""The Lightning callback: its life cycle, and nothing else."""

from __future__ import annotations

import copy
import functools
import weakref
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from lightning.pytorch import Callback
from lightning.pytorch.utilities import rank_zero_info

from lightning_iit.capture.hooks.gate import TrainingStep
from lightning_iit.checks import told_of_unknown
from lightning_iit.comparison.change import change
from lightning_iit.phi.executors.opening import travelling
from lightning_iit.phi.pool.choosing import opened_executor, pool_on
from lightning_iit.phi.pool.worker import longest
from lightning_iit.presets import with_presets
from lightning_iit.records import FORMALISM_WORDS
from lightning_iit.report.methods import methods
from lightning_iit.run.commands.control import Control
from lightning_iit.run.commands.lesions import Lesions, ValidationBatches
from lightning_iit.run.computation import Computation
from lightning_iit.run.either_package import join_pytorch_lightning
from lightning_iit.run.names import name_among
from lightning_iit.run.resume import check_state, say_other_options
from lightning_iit.run.shown import ShownPhi
from lightning_iit.run.trainer import (
    LatestFit,
    is_dev_run,
    is_interrupted,
    is_untrained,
    run_directory,
    warn_of_barebones,
    warn_of_shuffled_streams,
)
from lightning_iit.run.training import TrainingRun
from lightning_iit.settings import TrainingSettings
from lightning_iit.trackers.registry import trackers_for
from lightning_iit.training.watching import TrainingWatch
from lightning_iit.watch.fingerprint import fingerprint
from lightning_iit.watch.first_batches import FIRST_BATCH_HOOKS, FirstBatches, enough_samples
from lightning_iit.watch.guard import training_goes_on
from lightning_iit.watch.probe import own_reader, probe_pass
from lightning_iit.watch.untrained import UntrainedPass

if TYPE_CHECKING:
    from pathlib import Path

    from lightning.pytorch import LightningModule, Trainer

    from lightning_iit.capture.count.epoch import LayerEpoch
    from lightning_iit.comparison.change import Change
    from lightning_iit.phi.executors.executor import TaskExecutor
    from lightning_iit.phi.pool.open_task import TaskProgress
    from lightning_iit.records import Formalism, Records
    from lightning_iit.run.commands.control import Watching
    from lightning_iit.run.run import Asked
    from lightning_iit.trackers.tracker import OptionTexts
    from lightning_iit.watch.watch import Watch

_GRACE_AFTER_ERROR = 20.0
"""Seconds that open analyses are given when training ended in an error; their counts are kept in any case."""


@dataclass(eq=False, repr=False, kw_only=True)
class IITCallback(Callback, TrainingSettings):
    """Watches integrated information (Φ of IIT 3.0, φ_s of IIT 4.0) of a model's layers while the model trains.

    In each epoch the callback turns the activations of some units of each layer into binary states and estimates their transition
    probability matrix (TPM); worker processes compute Φ of it while training goes on. Works under ``lightning.pytorch`` and
    ``pytorch_lightning``, with any logger or none. The training stays the same to the bit.

    **Logged Metrics**, to every logger, at the step and time of capture. Of the layer: ``iit/phi/<layer>`` (the survey's mean over
    groups of units), ``iit/phi_se/<layer>`` (its standard error), ``iit/phi_low/<layer>`` and ``iit/phi_high/<layer>`` (a 90 %
    interval); ``iit/phi_change/<layer>`` (difference to the untrained network, group by group) and ``iit/phi_change_p/<layer>``
    (paired Wilcoxon, but no less than that of the mean against its error; each layer and epoch by itself). Of the group that is
    shown in detail, under ``iit_details/<layer>/``: ``phi`` (first analysed state), ``phi_mean`` (mean over the analysed states,
    weighted by visits), ``phi_max``, ``states`` (how many were analysed), ``concepts``, ``sum_small_phi``, ``coverage`` (visited
    states / possible ones), ``transitions``, ``effective_information`` and ``entropy`` (bits), ``determinism``, ``degeneracy``,
    ``seconds``; of each diagnostic that has a value ``conditional_dependence``, ``markov_order``, ``stationarity`` and
    ``homogeneity`` (bits), with its p-value as ``conditional_dependence_p`` and so on, ``self_transitions``, ``multi_information``
    (bits); where a null was computed ``phi_null_mean``, ``phi_null_95``, ``phi_excess``, ``phi_p``; with an interval ``phi_low``,
    ``phi_high``; with resamples ``phi_positive`` (the share that has a Φ above 0); with ``complexes`` ``major_complex_size``; over
    groups ``phi_groups_std`` (standard deviation), ``phi_groups_max`` and ``groups`` (how many have a Φ). There are the images
    ``tpm`` and ``mip`` too (of a further formalism ``mip_iit4-2023``), small, and in the run's folder large as PNG and SVG. Of IIT
    4.0 the names begin with ``phi_s`` in the place of ``phi``, as in ``iit/phi_s/<layer>``; there are ``phi_s_share`` (how often
    φ_s is above 0) and ``phi_s_signed`` of the layer, and of the group ``ii``, ``distinctions``, ``relations``,
    ``sum_phi_distinctions``, ``sum_phi_relations`` and ``big_phi``. Of ``measures`` there are
    ``iit_details/<layer>/whole/stochastic_interaction`` (nats, at the minimum bipartition), ``..._atomic`` (between all units),
    ``..._excess`` and ``..._p`` (against the null), and so on, and the image ``pairs``. The record itself is logged beside them.
    With ``every_n_steps`` the same of each analysis within an epoch, but for the change, under ``iit/steps/phi/<layer>`` and
    ``iit_details/<layer>/steps/``. With ``when_busy="wait"``, ``trainer.callback_metrics`` has ``iit/phi/<layer>``, and the same as
    ``iit/<layer>/phi`` for monitors that were written for version 0.1.0.

    Several callbacks may be in one trainer. Each needs a ``name`` of its own, but for the first one: its records are then in
    the folder ``<run>/<name>/iit``, and its metrics are ``iit/<name>/phi/<layer>``, ``iit_details/<name>/<layer>/...`` and so on.
    In TensorBoard and the viewer it is a run of its own, ``<run>/<name>``, so its metrics in TensorBoard are without the name.

    Args:
        layers: names or globs over ``named_modules()`` (``*`` stays within one part of a dotted name, ``**`` does not), or modules
            of the model themselves. None picks the end of the representation and says which: the last recurrent layer, the last
            block of a transformer or ResNet, the latent of an autoencoder, else the last hidden activation; never the output.
        units: how many units a group of a layer's units has, which ones (their indices), or "auto": as many, up to 4, as have 100
            transitions for each possible state in a window of epochs. They are chosen once for the run.
        selection: how the units of the first group, which is shown in detail, are chosen: "variance" (those that vary most),
            "entropy" (whose binary states vary most), "weight_norm" (largest incoming weights), "random", "first", or "clusters":
            macro units, each the mean of units that correlate in the first data (average linkage on 1 - r).
        threshold: a unit is ON above its "median", its "mean", "zero", or a number. Calibrated on the first batches of each epoch;
            where units are set into states, on the states of the layer at the epoch's end.
        bits: how many binary elements code a unit: 1, or 2 for the Gray code of its quartiles (00, 01, 11, 10). The two elements of
            a unit are not separate causal elements, and n units cost as much as 2n.
        groups: how many groups of units are surveyed: Φ of the layer is the mean over them. The first is that of ``selection``, the
            others are drawn at random among the units that vary, once for the run. "auto" is 20 groups of up to 4 binary elements
            (fewer where the layer has fewer), and one group of more, of units that are given, and of clusters.
        transitions: what a transition goes along: "time" (a sequence), "stream" (from sample to sample in the loader's order),
            "depth" (from block to block of a stack), or "auto": along a sequence where the layer has one, else stream;
            and from depth to depth for a layer with weights that is called again, in the same pass, with what came out of its
            last call (one block with shared weights). Seen are direct feeding and what autograd says was
            computed from it; not an input that is given by keyword, nor a copy without gradients: such calls are sources.
        lag: how many steps a transition spans.
        sources: what is counted of a layer that is called several times in a training step with different data (two views of a
            batch, real and generated samples): "first" (the first call; the others are other sources), the number of another call
            (1 is the second), or "pooled" (all calls, each with thresholds of its own, where a test of homogeneity does not reject
            at 5 %; else the first). A record says which; it is Skipped where no batch has such a call. Closures and other repeated
            evaluations of a batch are counted once in any case.
        layout: the axes of a layer's output, one letter each, e.g. "TBU": B batch, T time, N token, P patch, U or C unit; an axis
            with any other letter is averaged over. None tells the axes from the module.
        unit_fn: turns a layer's output into a tensor of units, for outputs of unusual types.
        calibration_batches: how many batches thresholds are calibrated on.
        freeze_threshold: whether the thresholds of the first epoch are kept for all later ones.
        tpm: "perturb" (set the units into each state, and let the layer make one step), "observe" (count the transitions that are
            watched), or "auto": perturb where a step of the layer is known and ``lag`` is 1. A perturbed Φ is one of the system
            that is averaged over backgrounds, not of the network at one moment. A layer whose parameters are spread over the
            ranks (FSDP, tensor parallelism) is never perturbed: its record is Skipped and says why; "observe" watches it.
        background: what is not set in a perturbation: "sampled" (an average over observed backgrounds) or "fixed" (held as observed
            in the analysed state).
        draws: how many observed backgrounds a perturbed TPM is averaged over, at most. None takes all that are kept (8,192 or more
            where an epoch has them and they fit into 64 MiB). For a layer with ``step=``, which is perturbed on the thread that
            trains, None takes fewer backgrounds, and then fewer groups, where they would take more than about 5 % of an epoch's
            work or 50 ms (counted once a run, not timed; the record's notes have the numbers), but at least one group in 128
            backgrounds. Along depth None takes 128 tokens of each block, on the thread that trains too; with 4 units this is as
            much work as training on about 700 sequences.
        step: ``(module, state, input) -> state``, one step of a recurrent module that is not PyTorch's own.
        level: which of several stacked recurrent layers is perturbed, as an index.
        direction: which direction of a bidirectional layer is perturbed, "forward" or "backward".
        hidden_only: whether the cell state of an LSTM is left as it was observed, and only the hidden state is set.
        cm: the connections among the units: "full" (each to each), or "weights": none where the recurrent weight is zero (perturbed
            TPMs only).
        pool_depth: with ``transitions="depth"``, whether all blocks make one TPM together.
        states: which observed states are analysed: "mode" (the most visited one), "last", "all", a number: the k most visited, or
            "auto": all of up to 4 elements, the most visited one of more. The mean over them is weighted by visits.
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
            module that holds an iterator is not run. Parameters beyond 128 MiB are kept in a temporary file (in ``TMPDIR``) until
            then, and not in main memory. Where parameters are spread over the ranks (FSDP), there is no epoch -1.
        probe: fixed inputs: a data loader that does not shuffle, or a list of batches. The network is run on them at each epoch's
            end, in eval mode, and only that is watched, so that Φ over epochs follows what is learned and not the order of the
            data. The module is called with a batch that is a tensor, with the first element of a tuple or list, or with a mapping
            as keywords. Of several ranks the calls of the first one count.
        prior: the probability of ON in rows of the TPM that were never visited.
        formalism: the version of the theory: "iit3" (IIT 3.0, Oizumi et al. 2014), "iit4-2023" (IIT 4.0, Albantakis et al. 2023),
            "iit4-2026" (IIT 4.0, Mayner et al. 2026: φ_s is at most the intrinsic information, and 0 for what is deterministic), or
            several of them, as in ``("iit3", "iit4-2023")``. The first one (in the order of their years) is that of ``record.phi``,
            nulls, intervals of watched layers and other thresholds; the others are in ``record.others``.
        nodes: the units of a candidate system, some of ``units``, which are then given by their indices. The other units are its
            background: held at their states (IIT 3.0), or as IIT 4.0 has it for causes and effects. None analyses all units.
        engine: computes Φ: "fast" (this package's exact engine), "pyphi" (PyPhi), the name of an installed one, or "auto": the fast
            one where it implements the options, else PyPhi.
        cuts: which system cuts are searched: "all", or "one": only those that cut one unit off (an approximation).
        new_concepts: whether a cut may create concepts; False assumes that it does not (an approximation).
        complexes: whether all subsets of the units are searched for the major complex too.
        repertoires: whether the record keeps the repertoires of each concept.
        pyphi_options: further options of PyPhi by its names, e.g. ``{"MEASURE": "L1"}``; they ask for PyPhi.
        null_model: what Φ of a watched layer is compared with: "cut" (no more integrated than across the best cut), "shuffle" (no
            dependence in time), None, or "auto": "cut". Units that are set share their backgrounds, so no null fits them:
            sequences are resampled instead, and a null that is named is refused where a layer is perturbed.
        surrogates: how many surrogate data sets a null has.
        moments: at how many single moments Φ of the shown group is computed too, untrained and at the last epoch: the background
            held as it was observed, the units in their own state. Says what is left of a perturbed Φ where nothing is averaged
            over backgrounds (the record's ``moments``; ``moments_reachable``, ``moments_positive``, ``moments_phi``).
        measures: measures of all units of each layer (up to 200), without states: "total_correlation", "total_correlation_pairs",
            "stochastic_interaction", "phi_star", "phi_g"; "phiid" and "phiid_ccs" of pairs of units. They are statistics of
            activity (``statistical``), no causal Φ: see :func:`~lightning_iit.whole_layer`. Taken in one pass with fixed weights:
            of the ``probe``, else over the epoch's last batches at its end. Layers whose samples have no order get
            "total_correlation" only. The record's ``whole``; logged under ``iit_details/<layer>/whole/``. With "total_correlation"
            and no probe also that of the whole epoch, from sums (``whole/epoch_total_correlation``).
        search_null: whether the nulls of these measures search the minimum partition anew in each surrogate, in each epoch and of
            any number of units, as far as ``extra_budget`` allows. Otherwise only at the last epoch of up to 40 units; else they
            hold the partition of the data. The record says which.
        budget: the share of the training time that all analyses together may take, in seconds of one core: Φ, perturbations,
            nulls and resamples. 0.25 is a quarter. Where they would take more, layers and epochs take turns, each layer as often
            as any other; an epoch that is left out has a record that says so, and nulls and resamples wait. Always analysed are the
            untrained network, each layer's first epoch and the last one. The clock decides which epochs have a Φ, and changes
            none of these Φ. None, the default, leaves no epoch out: then which epochs have a Φ does not depend on how fast the
            machine is, as it would with short epochs. Give 0.25 where many or costly layers are watched.
        extra_budget: the share of the training time that nulls and resamples may take where ``budget`` is None (with a budget they
            are within it), and those of ``measures`` too; the last epoch always has its null.
        executor: where Φ is computed: "processes" (worker processes of this machine), "dask" (a cluster of Dask that is started on
            this machine), "dask://host:8786" (the scheduler of one), "slurm" (jobs that are started by dask-jobqueue, with its
            settings from Dask's own configuration), "ray", "ray://host:10001", or an object: any ``concurrent.futures.Executor``,
            a Dask ``Client``, the module ``ray``, or an executor of submitit. `lightning-iit worker-check` says whether it works.
        workers: how many worker processes compute Φ; of "dask" and "slurm", how many workers are started. A cluster that is
            there has its own number.
        timeout: seconds for one layer's analysis of an epoch; None for no limit. States and groups that were analysed
            by then keep their Φ.
        when_busy: what happens to an analysis when all workers are busy: "queue", "skip", or "wait" (training waits for Φ, which is
            then in ``trainer.callback_metrics`` for EarlyStopping and ModelCheckpoint).
        max_queued: how many analyses may wait in the queue.
        drain_timeout: seconds that open analyses, and then snapshots and trackers, are given together when training has ended.
            Trackers have 2 s of their own if the analyses took all. What an MLflow server did not take by then is said and can be
            delivered later.
        seed: the seed of every random choice of the plugin.
        trackers: further places where records go: objects of classes that derive from :class:`~lightning_iit.Tracker`, or names of
            installed ones. The loggers of the trainer are served without being named here.
        pictures: whether the TPM and the partition are drawn.
        network: whether a snapshot of the network is kept in each epoch, for the viewer.
        network_budget: the most bytes of a snapshot.
        prog_bar: whether the latest Φ is shown in the progress bar.
        control: whether the training takes commands while it runs, from `lightning-iit control RUN pause` (and resume, stop,
            stop-now, epochs, analyse, lesion, watch) or the page of `lightning-iit view RUN --control`: small files in the run's
            folder, looked at no oftener than twice a second. How far training is, it writes there while such a page is open only.
        name: what this callback is called where a trainer has several: 1 to 40 letters, digits, ``_`` or ``-``. A second callback
            without a name is called ``callback-2``, and so on.
        table: whether a table of the last epoch is printed at the end, with whether training changed Φ of each layer.
        preset: "paper" takes more of what a publication needs, where it is not given explicitly: ``surrogates=199``, ``groups=80``
            (for units of up to 4 elements that are not given by index), ``states="all"``, ``extra_budget=1.0``, and Φ at other
            thresholds in each epoch in which the budget has time for it.

    Raises:
        InvalidArgumentError: in ``setup()``, before training, for a value that cannot be: UnknownLayerError for a layer that is not
            there, TooManyUnitsError for more units than the engine can serve.
        MissingDependencyError: in ``setup()``, where ``executor`` needs a package that is not installed, or its workers do not have
            this one.

    Example::

        callback = IITCallback("encoder.gru", units=5)
        Trainer(max_epochs=10, callbacks=[callback]).fit(model, loader)
        callback.records.to_dataframe()
    """

    # Lightning calls every hook of every callback in each step, and skips what cannot be called: these would do nothing.
    on_train_batch_start: ClassVar[Any] = None
    on_before_zero_grad: ClassVar[Any] = None
    on_before_backward: ClassVar[Any] = None
    on_after_backward: ClassVar[Any] = None
    on_before_optimizer_step: ClassVar[Any] = None
    on_predict_epoch_end: ClassVar[Any] = None  # pytorch_lightning 1.* calls it with one argument more

    def __post_init__(self) -> None:
        join_pytorch_lightning(IITCallback)
        self._watching: TrainingWatch | None = None
        self._first: FirstBatches | None = None
        self._control: Control | None = None
        self._validation: ValidationBatches | None = None
        self._fit: LatestFit | None = None
        self._restored: dict[str, Any] = {}
        self._stage: str = ""
        self._inputs: Iterable[Any] | None = None
        self._executor: TaskExecutor | None = None
        self._run = TrainingRun()
        self._shown = ShownPhi()
        self._scope = self.name or ""

    def __getstate__(self) -> dict[str, Any]:
        """Returns the options and the records; a copy or a pickle of the callback watches nothing and has no workers.

        An executor that is an object is replaced by "processes", since connections and threads belong to one process.
        """
        plain = {name: value for name, value in vars(self).items() if name not in FIRST_BATCH_HOOKS}
        ours = dict.fromkeys(("_watching", "_first", "_inputs", "_fit", "_control", "_validation", "_executor"))
        return plain | ours | {"executor": travelling(self.executor), "_run": copy.copy(self._run), "_stage": ""}

    @property
    def progress(self) -> tuple[TaskProgress, ...]:
        """How far each open analysis is: its layer and epoch, whether it runs, and the fraction that is done."""
        return self._run.progress()

    @property
    def records(self) -> Records:
        """The records whose analyses have ended, in order of epoch, step and layer; all once ``trainer.fit`` has returned."""
        return self._run.records

    def change(
        self, layer: str | None = None, epoch: int = -1, to: int | None = None, *, formalism: Formalism | None = None
    ) -> Change:
        """Says whether training changed Φ of a layer: compares two epochs, group by group.

        Args:
            layer: the layer's name; None for the only layer.
            epoch: the earlier epoch; -1 is the untrained network.
            to: the later epoch; None for the last one that has a Φ.
            formalism: "iit3", "iit4-2023" or "iit4-2026"; None for the first one that was asked for.

        Returns:
            ``before`` and ``after`` (Φ of the layer), in how many ``groups`` it went ``up``, the ``p`` with the smallest possible
            one, the ``noise``, and the answer as ``words``. For the records of :func:`~lightning_iit.load_run` there is
            :func:`lightning_iit.change`.

        Raises:
            InvalidArgumentError: the layer or an epoch cannot be compared; the message says which ones can.
        """
        return change(self.records, layer, epoch, to, formalism=formalism)

    def methods(self) -> str:
        """Returns a paragraph on how the numbers of this run were made, ready to be pasted; it is in ``report.md`` too."""
        return methods(self.records)

    # --- before training ----------------------------------------------------------------------------------------------

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Checks every option against the model; wrong ones raise here, before training."""
        self._stage = stage
        siblings = [one for one in trainer.callbacks if isinstance(one, IITCallback)]  # type: ignore[attr-defined]
        self._scope = name_among(siblings, self)
        if stage != "fit":
            return
        warn_of_barebones(trainer)
        self._validation = ValidationBatches() if self.control else None
        self._inputs = None if self.probe is None else own_reader(self.probe)
        self._watching = watching = TrainingWatch(self, trainer, pl_module)
        engines = " and ".join(dict.fromkeys(engine.name for engine in watching.options.engines))
        words = ", ".join(FORMALISM_WORDS[formalism] for formalism in watching.options.formalisms)
        rank_zero_info(f"IITCallback watches {', '.join(map(repr, watching.watch.layers))} ({engines} engine, {words}).")
        if trainer.is_global_zero:
            self._leave_executor()
            self._executor = opened_executor(self.executor, self.workers)

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Starts the workers, puts the hooks on the model, and gets ready for the untrained network, which is epoch -1."""
        self._begin(trainer, pl_module)
        watching = self._watching
        if watching is None:
            return
        watching.attach(TrainingStep(pl_module, trainer, self))
        if self.control and not is_dev_run(trainer):
            with training_goes_on("getting ready for commands"):
                self._control = Control(trainer, self._controlled(trainer, pl_module, watching), self._run)
        if not self.initial or not is_untrained(trainer) or is_dev_run(trainer):
            return
        if self.probe is not None:
            self._run_probe(trainer, pl_module, epoch=-1)
            return
        with training_goes_on("getting ready for the untrained network"):
            first = watching.another(snapshots=trainer.is_global_zero, fixed=True)
            untrained = UntrainedPass(trainer, pl_module, first, samples=enough_samples(self.units, self.bits))
            self._first = FirstBatches(self, untrained, watching.watch, partial(self._submit, trainer, epoch=-1, watch=first))

    def _begin(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Starts a run on the first rank, or goes on with that of a checkpoint or of this trainer's last fit.

        This is done when training starts, since some strategies load the checkpoint only after ``on_fit_start``.
        """
        restored, before, watching = self._restored, self._fit, self._watching
        self._restored, self._fit, self._stage = {}, None, "training"
        if watching is None:
            return
        if restored or (before is not None and not before.goes_on(trainer, pl_module)):
            before = None
        then = restored if before is None else before.state_dict()
        with training_goes_on("taking up what commands have changed"):
            if "changes" in then:
                watching.take_up(then["changes"])
        initial_weights = str(then.get("initial_weights", ""))
        if trainer.is_global_zero and not restored and before is None and is_untrained(trainer):
            with training_goes_on("taking a fingerprint of the untrained weights"):
                initial_weights = fingerprint(pl_module, watching.watch.layers)
        watching.options.initial_weights = initial_weights
        described = self._described(watching)
        with training_goes_on("starting the workers"):
            wanted = run_directory(trainer, self._scope)  # all ranks make this call
            if trainer.is_global_zero:
                compute = partial(self._compute, trainer, watching, described)
                self._run.begin(wanted, compute, numbered=not trainer.loggers, restored=restored, before=before)
        with training_goes_on("taking up the units and thresholds of before"):
            if "watch" in then:
                watching.watch.load_state_dict(then["watch"])
            say_other_options(then.get("options", {}), described)
        self._note_fit(trainer, pl_module)
        if watching.is_due:
            self._change_watch(trainer, pl_module)

    def _described(self, watching: TrainingWatch) -> OptionTexts:
        """Returns every option that holds now as text."""
        probe = type(self.probe).__name__ if self.probe is not None else "None"
        return watching.settings.described(watching.watch.layers, probe=probe, name=str(self._scope or None))

    def _note_fit(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Notes what this fit watches, for checkpoints and a further fit."""
        if (watching := self._watching) is not None:
            refs, known = (weakref.ref(trainer), weakref.ref(pl_module)), watching.options.initial_weights
            told = self._described(watching)
            self._fit = LatestFit(*refs, watching.watch, told, self._run.run_dir, known, watching.changes)

    def _compute(
        self, trainer: Trainer, watching: TrainingWatch, described: Mapping[str, str], run_dir: Path | None
    ) -> Computation:
        """Makes the workers and the trackers of a run."""
        interrupted = partial(is_interrupted, trainer)
        trackers = trackers_for(trainer.loggers, run_dir, self.trackers, scope=self._scope)
        executor, self._executor = self._executor, None
        pool = pool_on(
            executor,
            workers=self.workers,
            timeout=self.timeout,
            when_busy=self.when_busy,
            max_queued=self.max_queued,
            interrupted=interrupted,
        )
        return Computation(watching.options, pool, trackers, described, interrupted)

    # --- while training -----------------------------------------------------------------------------------------------

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Starts the counts of an epoch; before that, watches what a command has asked for."""
        self._change_watch(trainer, pl_module)
        if self.probe is None:
            with training_goes_on("starting an epoch"):
                self._watching.begin_epoch()  # type: ignore[union-attr]

    def _change_watch(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Makes the change of what is watched that was prepared on a command, where there is one."""
        watching = self._watching
        if watching is None:
            return
        with training_goes_on("changing what is watched"):
            anew = watching.change()
            if anew is None:
                return
            self._run.change(watching.options, self._described(watching), anew=anew, epoch=trainer.current_epoch)
            if self._control is not None:
                self._control.watches(self._controlled(trainer, pl_module, watching))
            self._note_fit(trainer, pl_module)

    def on_train_batch_end(self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int) -> None:
        """Counts the activations that the hooks kept, once in many steps."""
        watching = self._watching
        if watching is not None and watching.after_batch(batch, batch_idx):
            self._analyse_within(trainer, pl_module, watching)
        if self._control is not None:
            self._control.after_batch(outputs, batch_idx)

    def _analyse_within(self, trainer: Trainer, pl_module: LightningModule, watching: TrainingWatch) -> None:
        """Analyses what was counted since the last analysis within an epoch, or runs the probe."""
        epoch, step, steps = trainer.current_epoch, trainer.global_step, watching.steps
        if steps is None:
            self._run_probe(trainer, pl_module, epoch=epoch, step=step)
            return
        with training_goes_on("analysing a step"):
            steps.hand_over(lambda captured: self._submit(trainer, captured, epoch=epoch, step=step, watch=steps.watch))

    def _controlled(self, trainer: Trainer, pl_module: LightningModule, watching: TrainingWatch) -> Watching:
        """Returns what a training is watched by, for what it is told to do."""
        lesions = Lesions(trainer, pl_module, self._validation or ValidationBatches())
        prepared = partial(self._note_fit, trainer, pl_module)
        return watching.controlled(partial(self._submit, trainer), lesions, inputs=self._inputs, prepared=prepared)

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Gets ready to keep the batches of a validation, for the lesions that training may be told to make."""
        if self._validation is not None:
            self._validation.begin(check=trainer.sanity_checking)

    def on_validation_batch_start(
        self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int, dataloader_idx: int = 0
    ) -> None:
        """Keeps a copy of a batch of the first validation."""
        if self._validation is not None and dataloader_idx == 0:
            with training_goes_on("keeping a validation batch"):
                self._validation.keep(batch, batch_idx)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Closes the counts of the epoch, or runs the probe, and hands the counts to the workers."""
        if self._first is not None:
            self._first.run()  # the epoch may have had fewer samples
            self._first = None
        self._run.end_epoch(trainer.current_epoch)
        if self._control is not None:
            self._control.end_epoch()
        if self.probe is not None:
            self._run_probe(trainer, pl_module, epoch=trainer.current_epoch)
        else:
            with training_goes_on("closing an epoch"):
                epoch, watching = trainer.current_epoch, self._watching
                captured = watching.end_epoch(analysed=self._is_analysed(epoch))  # type: ignore[union-attr]
                self._submit(trainer, captured, epoch=epoch)
        with training_goes_on("showing Φ"):
            self._run.pump()
            layers = () if self._watching is None else self._watching.watch.layers
            waited, newest = self.when_busy == "wait", [one for one in self._run.newest if one.layer in layers]
            self._shown.show(trainer, pl_module, newest, scope=self._scope, waited=waited, prog_bar=self.prog_bar)

    def _run_probe(self, trainer: Trainer, pl_module: LightningModule, *, epoch: int, step: int | None = None) -> None:
        """Watches the module on the probe, in eval mode and without a trace."""
        inputs, watching = self._inputs, self._watching
        if inputs is None or watching is None or (step is None and self.window == 1 and not self._is_analysed(epoch)):
            return
        with training_goes_on("running the probe"):
            captured = probe_pass(trainer, pl_module, inputs, watching.watch, seed=self.seed, initial=epoch < 0)
            self._submit(trainer, captured, epoch=epoch, step=step)

    def _submit(
        self,
        trainer: Trainer,
        captured: Sequence[LayerEpoch],
        *,
        epoch: int,
        step: int | None = None,
        watch: Watch | None = None,
        asked: Asked | None = None,
    ) -> None:
        """Submits what a watch captured for analysis; without ``watch``, that of whole epochs."""
        watching = self._watching
        if watching is None or not self._run.begun:
            return
        if epoch in {-1, 0, watching.since} and step is None and self.probe is None:
            warn_of_shuffled_streams(trainer, captured)
        self._run.submit(
            *(trainer, watch or watching.watch, captured),
            epoch=epoch,
            step=step,
            analysed=step is not None or self._is_analysed(epoch),
            wait=self.when_busy == "wait",
            limit=longest(self.timeout),
            asked=asked,
        )

    def _is_analysed(self, epoch: int) -> bool:
        return epoch < 0 or (epoch + 1) % self.every_n_epochs == 0

    # --- the end ------------------------------------------------------------------------------------------------------

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Waits for the open analyses, with a progress line and a deadline."""
        self._take_no_more_commands()
        self._watch_no_more()
        with training_goes_on("waiting for the last Φ"):
            self._run.finish(self.drain_timeout)

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """Ends the run after an error in training, for which Lightning calls no teardown: every record is kept."""
        self._leave_stage()
        self._take_no_more_commands(broken=True)
        self._watch_no_more()
        self._run.end(_GRACE_AFTER_ERROR, table=self.table, error=exception)
        self._leave_executor()

    def teardown(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Ends the workers and the trackers."""
        self._leave_stage()
        if stage == "fit":
            self._run.end(self.drain_timeout, table=self.table)
            self._leave_executor()

    def _leave_stage(self) -> None:
        """Forgets a state that was loaded for a fit in which no training began (a search for a learning rate)."""
        if self._stage == "fit":
            self._restored = {}
        self._stage = ""

    def _leave_executor(self) -> None:
        """Closes the executor of a fit in which no training began; that of a training is closed with its workers."""
        executor, self._executor = self._executor, None
        if executor is not None:
            with training_goes_on("leaving the executor"):
                executor.close()

    def _take_no_more_commands(self, *, broken: bool = False) -> None:
        if self._control is not None:
            self._control.end(broken=broken)
        self._control = self._validation = None

    def _watch_no_more(self) -> None:
        if self._first is not None:
            self._first.end()
        with training_goes_on("taking the hooks away"):
            if self._watching is not None:
                self._watching.detach()
        self._first = None

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
        with training_goes_on("writing the state for a checkpoint"):
            if self._fit is not None:
                state |= self._fit.state_dict()
            state |= self._run.state_dict()
        return state

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Keeps a state that :meth:`state_dict` gave until training starts; does nothing in validate, test and predict.

        Raises:
            InvalidArgumentError: the state is no dict, or a part of it is not what it must be.
        """
        if self._stage in {"", "fit"}:
            check_state(state_dict)
            self._restored = dict(state_dict)


IITCallback.__init__ = told_of_unknown(with_presets(IITCallback.__init__), called="IITCallback")  # type: ignore[method-assign]
join_pytorch_lightning(IITCallback)
