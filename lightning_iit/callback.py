"""The Lightning callback: its life cycle, and nothing else."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from lightning.pytorch import Callback
from lightning.pytorch.utilities import rank_zero_info, rank_zero_warn
from lightning.pytorch.utilities.data import extract_batch_size

from lightning_iit.capture.causal import CausalOptions, Perturber, TpmSource
from lightning_iit.capture.options import CaptureOptions
from lightning_iit.capture.perturb import Background
from lightning_iit.capture.session import Capture
from lightning_iit.capture.steps import StepFunction
from lightning_iit.capture.untrained import copy_without_trainer, first_batches, untouched_randomness
from lightning_iit.errors import InvalidArgumentError
from lightning_iit.phi.engine import choose_engine
from lightning_iit.phi.pool import WorkerPool, check_pool_options
from lightning_iit.records import PhiOptions, Records
from lightning_iit.run import Run, RunOptions
from lightning_iit.store import FOLDER, set_aside
from lightning_iit.tpm.states import StatesPolicy, check_policy
from lightning_iit.trackers.dispatch import trackers_for
from lightning_iit.trackers.journal import Journal

if TYPE_CHECKING:
    from lightning.pytorch import LightningModule, Trainer
    from torch import nn

    from lightning_iit.capture.epoch import LayerEpoch
    from lightning_iit.phi.pool import TaskProgress

log = logging.getLogger(__name__)

_GRACE_AFTER_ERROR = 20.0
"""Seconds that open analyses are given when training ended in an error; their counts are kept in any case."""
_DELIVERY_TIMEOUT = 60.0
"""Seconds that trackers in trouble (a server that is away) are given at the end; the files are there in any case."""


class IITCallback(Callback):
    """Watches integrated information (Φ, IIT 3.0) of a model's layers while it trains."""

    def __init__(
        self,
        layers: str | Sequence[str] | None = None,
        *,
        units: int | Literal["auto"] | Sequence[int] = "auto",
        selection: str = "variance",
        threshold: str | float = "median",
        transitions: str = "auto",
        states: StatesPolicy = "mode",
        every_n_epochs: int = 1,
        window: int = 1,
        engine: str = "auto",
        workers: int = 1,
        timeout: float | None = 600.0,
        when_busy: Literal["queue", "skip", "wait"] = "queue",
        seed: int = 0,
        tpm: TpmSource = "auto",
        background: Background = "sampled",
        draws: int = 128,
        step: StepFunction | None = None,
        level: int = -1,
        direction: Literal["forward", "backward"] = "forward",
        hidden_only: bool = False,
        initial: bool = True,
        prior: float = 0.5,
        layout: str | None = None,
        unit_fn: Callable[[Any], Any] | None = None,
        calibration_batches: int = 10,
        freeze_threshold: bool = False,
        cuts: Literal["all", "one"] = "all",
        new_concepts: bool = True,
        complexes: bool = False,
        repertoires: bool = False,
        pyphi_options: dict[str, Any] | None = None,
        max_queued: int = 64,
        drain_timeout: float = 600.0,
        prog_bar: bool = False,
        pictures: bool = True,
    ) -> None:
        super().__init__()
        self._every_n_epochs = _positive("every_n_epochs", every_n_epochs)
        self._workers = _positive("workers", workers)
        self._max_queued = _positive("max_queued", max_queued)
        self._drain_timeout = drain_timeout
        self._when_busy = when_busy
        self._initial = initial
        self._prog_bar = prog_bar
        self._run_options = RunOptions(
            states=states,
            window=_positive("window", window),
            prior=prior,
            engine=engine,
            options=PhiOptions(
                cuts=cuts,
                new_concepts=new_concepts,
                complexes=complexes,
                repertoires=repertoires,
                pyphi=pyphi_options or {},
            ),
            timeout=timeout,
            seed=seed,
            pictures=pictures,
        )
        self._capture_options = CaptureOptions(
            layers=layers,
            units=units,
            selection=selection,
            threshold=threshold,
            transitions=transitions,
            layout=layout,
            unit_fn=unit_fn,
            seed=seed,
            calibration_batches=calibration_batches,
            freeze_threshold=freeze_threshold,
            window=window,
        )
        self._causal_options = CausalOptions(
            tpm=tpm,
            background=background,
            draws=draws,
            step=step,
            level=level,
            direction=direction,
            hidden_only=hidden_only,
            seed=seed,
        )
        self._capture: Capture | None = None
        self._perturber: Perturber | None = None
        self._run: Run | None = None
        self._pool: WorkerPool | None = None
        self._journal: Journal | None = None
        self._restored: dict[str, Any] = {}
        self._broken = False

    @property
    def progress(self) -> tuple[TaskProgress, ...]:
        """How far each analysis is that is still open."""
        return self._pool.progress() if self._pool is not None else ()

    @property
    def records(self) -> Records:
        """What is settled so far, in order of epoch and layer; everything once ``trainer.fit`` has returned."""
        return self._run.records if self._run is not None else Records()

    # --- before training ----------------------------------------------------------------------------------------------

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Checks every option against the model; wrong ones raise here, before training."""
        if stage != "fit":
            return
        options = self._run_options
        check_policy(options.states)
        if not 0.0 <= options.prior <= 1.0:
            msg = f"IITCallback(prior={options.prior!r}): it is the probability of ON in unvisited rows, from 0 to 1 (0.5 says nothing)."
            raise InvalidArgumentError(msg)
        check_pool_options(self._workers, options.timeout, self._when_busy, self._max_queued)
        engine = choose_engine(options.engine, options.options)
        self._capture = Capture(pl_module, replace(self._capture_options, max_units=engine.max_units))
        self._perturber = Perturber(pl_module, self._capture.layers, self._causal_options)
        self._broken = False
        rank_zero_info(f"IITCallback watches {', '.join(map(repr, self._capture.layers))} ({engine.name} engine, IIT 3.0).")

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Starts the workers and the writer on the first rank; they get ready while the first epoch trains."""
        with self._guard("starting the workers"):
            run_dir = run_directory(trainer)
            if not trainer.is_global_zero:
                return
            if self._run is not None and not self._restored and trainer.current_epoch > 0:
                self._restored = {"run": self._run.state_dict()}
            known = run_dir is not None and (run_dir / FOLDER).is_dir() and bool(self._restored)
            if run_dir is not None and not known and (aside := set_aside(run_dir)) is not None:
                rank_zero_info(f"IITCallback: the records of an earlier run are now in {aside}.")
            self._pool = WorkerPool(
                workers=self._workers,
                timeout=self._run_options.timeout,
                when_busy=self._when_busy,
                max_queued=self._max_queued,
            )
            self._pool.warm_up(self._run_options.engine)
            self._journal = Journal(trackers_for(trainer.loggers, run_dir), options=self._described())
            self._run = Run(replace(self._run_options, world_size=trainer.world_size), self._pool, self._journal)
            if "run" in self._restored:
                self._run.load_state_dict(self._restored["run"], known=known)
        if self._capture is not None and "capture" in self._restored:
            self._capture.load_state_dict(self._restored["capture"])
        self._restored = {}

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Analyses the untrained network as epoch -1, then puts the hooks on the model."""
        capture = self._capture
        if capture is None:
            return
        if self._initial and trainer.global_step == 0 and not _is_dev_run(trainer):
            with self._guard("watching the untrained network"):
                self._watch_untrained(trainer, pl_module, capture)
        self._attach(pl_module)

    def _attach(self, model: nn.Module) -> None:
        for watcher in (self._capture, self._perturber):
            if watcher is not None:
                watcher.attach(model)

    def _detach(self) -> None:
        for watcher in (self._capture, self._perturber):
            if watcher is not None:
                watcher.detach()

    def _begin_epoch(self, trainer: Trainer, *, initial: bool = False) -> None:
        if self._capture is not None and self._perturber is not None:
            self._capture.begin_epoch(trainer.num_training_batches, initial=initial)
            self._perturber.begin_epoch()

    def _begin_step(self) -> None:
        self._capture.begin_step()  # type: ignore[union-attr]
        self._perturber.listen(on=True)  # type: ignore[union-attr]

    def _end_step(self) -> None:
        self._capture.end_step()  # type: ignore[union-attr]
        self._perturber.listen(on=False)  # type: ignore[union-attr]

    def _watch_untrained(self, trainer: Trainer, pl_module: LightningModule, capture: Capture) -> None:
        loader = trainer.train_dataloader
        try:
            twin: Any = copy_without_trainer(pl_module, trainer)
            self._attach(twin)
            with untouched_randomness(loader):
                self._begin_epoch(trainer, initial=True)
                seen = 0
                for index, batch in enumerate(first_batches(loader)):
                    if index >= trainer.num_training_batches or seen > self._enough_samples:
                        break
                    seen += extract_batch_size(batch)
                    moved = trainer.strategy.batch_to_device(batch, dataloader_idx=0)
                    self._begin_step()
                    with trainer.precision_plugin.train_step_context():
                        twin.training_step(moved, index)
                    self._end_step()
        except Exception as error:  # noqa: BLE001  a model that cannot be run by itself is no reason not to train
            rank_zero_warn(f"IITCallback(initial=True): the untrained network was not analysed, since {error}.")
            return
        else:
            self._submit(trainer, capture.end_epoch(), epoch=-1)
        finally:
            self._detach()

    # --- while training -----------------------------------------------------------------------------------------------

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Starts an epoch's counts."""
        if self._capture is not None and not self._broken:
            with self._guard("starting an epoch"):
                self._begin_epoch(trainer)

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int) -> None:
        """Arms the hooks: only training batches count."""
        if not self._broken:
            self._begin_step()

    def on_train_batch_end(self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int) -> None:
        """Disarms the hooks."""
        if not self._broken:
            self._end_step()

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Closes the epoch's counts and hands them to the workers."""
        if self._capture is None or self._broken:
            return
        epoch = trainer.current_epoch
        analysed = (epoch + 1) % self._every_n_epochs == 0
        with self._guard("closing an epoch"):
            captured = self._capture.end_epoch()
            if analysed:
                self._submit(trainer, captured, epoch=epoch)
            elif self._run is not None:
                for layer in captured:
                    self._run.collect(layer, epoch=epoch)
        with self._guard("showing Φ"):
            self._show(trainer, pl_module)

    def _submit(self, trainer: Trainer, captured: Sequence[LayerEpoch], *, epoch: int) -> None:
        run, perturber = self._run, self._perturber
        if run is None or perturber is None:
            return
        now, futures = time.time(), []
        for layer in captured:
            counts = run.collect(layer, epoch=epoch)
            states = run.states(layer, counts)
            causal = perturber.perturb(layer, states[0]) if states else None
            futures.append(run.submit(layer, counts, causal, epoch=epoch, global_step=trainer.global_step, wall_time=now))
        if self._when_busy == "wait":
            for future in futures:
                if future is not None:
                    future.result()

    def _show(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Φ in the progress bar, and in ``trainer.callback_metrics`` where training waits for it."""
        latest = {record.layer: record.phi for record in self.records}
        if self._when_busy == "wait":
            latest = trainer.strategy.broadcast(latest)
        for layer, phi in latest.items():
            if phi is None:
                continue
            if self._when_busy == "wait":
                pl_module.log(f"iit/{layer}/phi", phi, on_epoch=True, logger=False, rank_zero_only=True, prog_bar=self._prog_bar)
            elif self._prog_bar:
                pl_module.log(f"phi {layer}", phi, on_epoch=True, logger=False, rank_zero_only=True, prog_bar=True)

    # --- the end ------------------------------------------------------------------------------------------------------

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Waits for the open analyses, with a progress line and a deadline."""
        self._detach()
        with self._guard("waiting for the last Φ"):
            self._finish(self._drain_timeout)

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """Keeps what was computed; teardown does not run after an error."""
        self._detach()
        with self._guard("keeping what was computed"):
            if self._run is not None and isinstance(exception, (KeyboardInterrupt, SystemExit)):
                self._run.abandon(f"Training was interrupted ({type(exception).__name__}) before this analysis ended.")
            self._finish(_GRACE_AFTER_ERROR)
            self._close(failed=True)

    def teardown(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Ends the workers and the writer."""
        if stage == "fit":
            with self._guard("closing"):
                self._finish(self._drain_timeout)
                self._close(failed=False)

    def _finish(self, timeout: float) -> None:
        if self._run is not None and self._pool is not None and not self._run.drain(timeout):
            rank_zero_warn(
                f"IITCallback(drain_timeout={timeout:g}): some analyses were still open {timeout:g} s after training. Their "
                "counts are in their records: `lightning-iit phi RECORD` computes them."
            )

    def _close(self, *, failed: bool) -> None:
        pool, journal = self._pool, self._journal
        self._pool = self._journal = None
        if pool is not None:
            pool.close()
        if journal is not None:
            journal.close(_DELIVERY_TIMEOUT, failed=failed)

    # --- checkpoints --------------------------------------------------------------------------------------------------

    def state_dict(self) -> dict[str, Any]:
        """Units, thresholds, records and open analyses, as plain values."""
        state: dict[str, Any] = {}
        if self._capture is not None:
            state["capture"] = self._capture.state_dict()
        if self._run is not None:
            state["run"] = self._run.state_dict()
        return state

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Is taken up when fitting starts."""
        self._restored = dict(state_dict)

    @property
    def _enough_samples(self) -> int:
        """How many samples of the untrained network are looked at: 100 for each possible state."""
        units = self._capture_options.units
        n = 6 if units == "auto" else units if isinstance(units, int) else len(units)
        return int(100 * 2**n)

    # --- faults -------------------------------------------------------------------------------------------------------

    @contextmanager
    def _guard(self, doing: str) -> Iterator[None]:
        """After ``setup()`` a fault of the plugin is reported and training goes on."""
        try:
            yield
        except Exception as error:
            log.exception("IITCallback: %s failed; training goes on.", doing)
            rank_zero_warn(f"IITCallback: {doing} failed ({type(error).__name__}: {error}); training goes on.")

    def _described(self) -> Mapping[str, str]:
        run, capture = self._run_options, self._capture_options
        values: dict[str, Any] = {
            "layers": ",".join(self._capture.layers) if self._capture else "",
            "units": capture.units,
            "selection": capture.selection,
            "threshold": capture.threshold,
            "transitions": capture.transitions,
            "states": run.states,
            "every_n_epochs": self._every_n_epochs,
            "window": run.window,
            "engine": run.engine,
            "prior": run.prior,
            "seed": run.seed,
            "timeout": run.timeout,
            "when_busy": self._when_busy,
            "formalism": "IIT 3.0",
        }
        return {name: str(value) for name, value in values.items()}


def _is_dev_run(trainer: Trainer) -> bool:
    return bool(getattr(trainer, "fast_dev_run", False))


def run_directory(trainer: Trainer) -> Path | None:
    """Where a run's files go: the log directory of the first logger that has one, else the trainer's; None in a fast_dev_run."""
    fallback = trainer.log_dir
    if _is_dev_run(trainer):
        return None
    for logger in trainer.loggers:
        if (own := getattr(logger, "log_dir", None)) is not None:
            return Path(own)
    if fallback is not None:
        return Path(fallback)
    names = [str(part) for logger in trainer.loggers[:1] for part in (logger.name, logger.version) if part]
    return Path(trainer.default_root_dir, *names)


def _positive(name: str, value: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        msg = f"IITCallback({name}={value!r}): it is a whole number of at least 1."
        raise InvalidArgumentError(msg)
    return value
