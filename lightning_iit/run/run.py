"""From what was captured to the records: tasks go to the pool, results come back late and are filed under their capture."""

from __future__ import annotations

import base64
import logging
import sys
import threading
import zlib
from typing import TYPE_CHECKING, Any

import msgspec
from lightning.pytorch.utilities import rank_zero_info, rank_zero_warn
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from lightning_iit.capture.count.coding import TWO_BITS
from lightning_iit.phi.cost import cost_in_words
from lightning_iit.phi.registry import choose_engine
from lightning_iit.records import (
    Computed,
    EpochRecord,
    Failed,
    PhiResult,
    PhiTask,
    Records,
    Skipped,
    State,
    TaskResult,
    decode,
    encode,
)
from lightning_iit.run.budget import AtThresholds, Budget
from lightning_iit.run.groups import Causal, Group, open_group, settled
from lightning_iit.run.options import RunOptions
from lightning_iit.run.request import package_versions, pending_record, phi_task
from lightning_iit.run.windows import Window, WindowEpoch
from lightning_iit.tpm.states import choose_states

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from concurrent.futures import Future

    from lightning_iit.capture.count.epoch import LayerEpoch
    from lightning_iit.phi.pool.pool import PhiPool
    from lightning_iit.records import Counts, Dynamics
    from lightning_iit.trackers.journal import Journal

log = logging.getLogger(__name__)

Key = tuple[str, int]


class FewTransitionsWarning(UserWarning):
    """There are fewer than 100 transitions for each possible state."""


class TwoBitsWarning(UserWarning):
    """Units are coded as two elements each, which are not separate causal elements."""


class Run:
    """The records of one training run and the analyses that are still open.

    Args:
        options: what is asked of every analysis.
        pool: where tasks are computed.
        journal: where records are written.
    """

    def __init__(self, options: RunOptions, pool: PhiPool, journal: Journal) -> None:
        self._options = options
        self._pool = pool
        self._journal = journal
        self._lock = threading.RLock()
        self._records: dict[Key, EpochRecord] = {}
        self._stored: dict[Key, str] = {}
        self._open: dict[Key, tuple[PhiTask | None, EpochRecord]] = {}
        self._windows: dict[str, Window] = {}
        self._packages = package_versions()
        self._budget = Budget(null=options.null_model, surrogates=options.surrogates, share=options.extra_budget)
        self._unjudged: dict[str, tuple[PhiTask, EpochRecord, AtThresholds]] = {}
        self._said: set[str] = set()

    @property
    def records(self) -> Records:
        """What is settled so far, in order of epoch and layer."""
        with self._lock:
            return Records.ordered(self._records.values())

    @property
    def pending(self) -> int:
        """How many analyses are open."""
        with self._lock:
            return len(self._open)

    def collect(self, captured: LayerEpoch, *, epoch: int, group: int = 0) -> Counts | None:
        """Takes the counts of an epoch into the window of the layer, or of a further group of its units.

        Returns:
            The counts of the window; of the untrained network (epoch -1) its own, which no later epoch's are joined to.
        """
        if captured.problem is not None or captured.counts is None or epoch < 0:
            return captured.counts
        window = self._windows.setdefault(_window(captured.layer, group), Window(self._options.window))
        window.add(captured.counts, captured.dynamics)
        return window.counts

    def states(self, captured: LayerEpoch, counts: Counts | None) -> tuple[State, ...]:
        """The observed states that are analysed; none where no transition was seen."""
        if counts is None or counts.transitions == 0:
            return ()
        return choose_states(captured.seen or counts.visits, captured.last_state, self._options.states)

    def submit(
        self,
        captured: LayerEpoch,
        counts: Counts | None,
        causal: Causal = None,
        *,
        epoch: int,
        global_step: int,
        wall_time: float,
        last: bool = False,
        at_thresholds: AtThresholds = tuple,
        groups: Sequence[Group] = (),
    ) -> Future[TaskResult] | None:
        """Files one layer's epoch: hands it to the pool, or settles it at once where nothing can be analysed.

        Args:
            captured: of the epoch that ended.
            counts: what was watched, over the window.
            causal: the counts of a perturbation with how it was made, why it could not be made, or None for none.
            epoch: the epoch that ended, -1 for the untrained network.
            global_step: at capture.
            wall_time: at capture, in seconds since 1970.
            last: whether no epoch follows; the last Φ of each layer is always judged by its null.
            at_thresholds: counts the transitions of this epoch with other thresholds; called for the last epoch only.
            groups: further groups of the layer's units.

        Returns:
            The future of the analysis, or None where it is settled already.
        """
        stub = pending_record(
            self._options,
            *(captured, counts, causal),
            epoch=epoch,
            global_step=global_step,
            wall_time=wall_time,
            backlog=self._pool.pending,
            packages=self._packages,
        )
        stub = msgspec.structs.replace(stub, groups=tuple(map(open_group, groups)))
        self._journal.expect(stub.key, global_step)
        with self._lock:
            self._open[stub.key] = (None, stub)
        if captured.problem is not None:
            code, reason = captured.problem
            broken = code == "capture_error"
            self._settle(stub, Failed(code=code, reason=reason) if broken else Skipped(code=code, reason=reason))
            return None
        states = self.states(captured, counts)
        if isinstance(causal, Skipped):
            self._settle(stub, causal)
            return None
        if not states:
            reason = f"Layer {captured.layer!r} gave no transition in epoch {epoch}: it needs two samples or time steps in a row."
            self._settle(stub, Skipped(code="no_transitions", reason=reason))
            return None
        try:
            task = phi_task(self._options, stub, states, captured, self._dynamics(captured, stub))
            self._say_cost(stub)
            seconds = self._seconds(task)
            if last:
                self._unjudged.pop(stub.layer, None)
                judge = self._budget.judge_last(task, seconds, at_thresholds)
            else:
                self._unjudged[stub.layer] = (task, stub, at_thresholds)
                judge = self._budget.judge(task, seconds)
            return self._analyse(msgspec.structs.replace(task, judge=judge), stub)
        except Exception as error:
            log.exception("Layer %r of epoch %d could not be handed to a worker.", stub.layer, stub.epoch)
            reason = f"It could not be handed to a worker: {type(error).__name__}: {error}."
            self._settle(stub, Failed(code="engine_error", reason=reason))
            return None

    def _say_cost(self, stub: EpochRecord) -> None:
        """Says once for each layer what a Φ costs, and warns where coin flips would have one too."""
        if stub.layer in self._said or stub.counts is None or stub.units is None:
            return
        if stub.units.bits == 2 and not self._said:
            rank_zero_warn(f"IITCallback(bits=2): {TWO_BITS}", category=TwoBitsWarning)
        self._said.add(stub.layer)
        words, enough = cost_in_words(len(stub.units.indices), stub.counts.transitions, self._options.engine)
        if stub.groups:
            words += f" There are {1 + len(stub.groups)} groups of units, each of which takes as long."
        if enough:
            rank_zero_info(f"IITCallback, layer {stub.layer!r}, {words}")
        else:
            rank_zero_warn(f"IITCallback, layer {stub.layer!r}, {words}", category=FewTransitionsWarning)

    def judge_last(self) -> None:
        """Judges the last Φ of each layer, once it is computed, where nobody knew in time that it was the last."""
        for task, stub, at_thresholds in self._unjudged.values():
            with self._lock:
                record = self._records.get(stub.key)
            if record is None or not isinstance(record.result, Computed):
                continue
            if (judge := self._budget.judge_last(task, self._seconds(task), at_thresholds)) is not None:
                self._journal.expect(stub.key, stub.global_step)
                self._analyse(msgspec.structs.replace(task, judge=judge), stub)
        self._unjudged.clear()

    def _seconds(self, task: PhiTask) -> float:
        """What one analysis takes: as long as the layer's latest did, else as the engine says."""
        with self._lock:
            of_layer = [record for record in self._records.values() if record.layer == task.layer]
        computed = [record.result.seconds for record in of_layer if isinstance(record.result, Computed)]
        return computed[-1] if computed else choose_engine(task.engine, task.options).seconds(len(task.states[0]))

    def _dynamics(self, captured: LayerEpoch, stub: EpochRecord) -> Dynamics | None:
        """What the tests of Markov order and stationarity need, where states followed one another."""
        if stub.kind == "causal":
            return None
        return captured.dynamics if stub.epoch < 0 else self._windows[stub.layer].dynamics

    def _analyse(self, task: PhiTask, stub: EpochRecord) -> Future[TaskResult]:
        with self._lock:
            self._open[stub.key] = (task, stub)
        future = self._pool.submit(task)
        future.add_done_callback(lambda done: self._receive(stub, done))
        return future

    def _receive(self, stub: EpochRecord, future: Future[TaskResult]) -> None:
        """Runs in the pool's thread: whatever came back becomes a record."""
        if future.cancelled():
            self._settle(stub, Skipped(code="cancelled", reason="the analysis was cancelled before it ended"))
        elif (error := future.exception()) is not None:
            self._settle(stub, Failed(code="engine_error", reason=f"the pool broke: {error}", details=repr(error)))
        else:
            answer = future.result()
            self._settle(stub, answer.states[0].result, answer)

    def _settle(self, stub: EpochRecord, result: PhiResult, answer: TaskResult | None = None) -> None:
        changes: dict[str, Any] = {"result": result}
        if answer is not None:
            changes |= {
                "states": answer.states,
                "tpm": answer.tpm,
                "scalars": answer.scalars,
                "diagnostics": answer.diagnostics,
                "null": answer.null,
                "interval": answer.interval,
                "curve": answer.curve,
                "sensitivity": answer.sensitivity,
                "major_complex": answer.major_complex,
                "notes": (*stub.notes, *answer.notes),
            }
        record = msgspec.structs.replace(stub, **changes)
        record = msgspec.structs.replace(record, groups=settled(record, answer.groups if answer is not None else ()))
        with self._lock:
            if self._open.pop(record.key, None) is None:
                return  # given up before its answer came
            self._records[record.key] = record
        if not isinstance(result, Computed):
            log.warning("No Φ for layer %r in epoch %d: %s", record.layer, record.epoch, result.reason)
        self._journal.write(record, answer.images if answer is not None else {})

    # --- the end ------------------------------------------------------------------------------------------------------

    def drain(self, timeout: float) -> bool:
        """Waits for the open analyses with a progress line; False where the deadline passed before they were done."""
        total = self.pending
        if total == 0:
            return True
        console = Console(file=sys.stderr)
        if not console.is_terminal:  # a line that moves is not seen in a file
            rank_zero_info(f"IITCallback: waiting for {total} open analyses, at most {timeout:g} s.")
        columns = (TextColumn("Φ of the last epochs"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        with Progress(*columns, console=console, transient=True) as progress:
            bar = progress.add_task("", total=total)
            return self._pool.drain(timeout, lambda pending: progress.update(bar, completed=max(0, total - pending)))

    def abandon(self, reason: str) -> None:
        """Settles what is still open as Failed: the counts stay in the record, so that Φ can be computed later."""
        with self._lock:
            left = list(self._open.values())
        for _, stub in left:
            self._settle(stub, Failed(code="interrupted", reason=reason))

    # --- checkpoints --------------------------------------------------------------------------------------------------

    def state_dict(self) -> dict[str, Any]:
        """Plain strings: the settled records, the open tasks with their stubs, and the counts of the windows."""
        with self._lock:
            for key, record in self._records.items():
                if key not in self._stored:
                    self._stored[key] = _pack(encode(record))
            return {
                "records": list(self._stored.values()),
                "open": [[_pack(encode(task)), _pack(encode(stub))] for task, stub in self._open.values() if task is not None],
                "windows": {layer: [_pack(encode(epoch)) for epoch in window.carried] for layer, window in self._windows.items()},
            }

    def load_state_dict(self, state: Mapping[str, Any], *, known: bool = False) -> None:
        """Takes up a run where a checkpoint left it; analyses that were open then are submitted again.

        Args:
            state: what :meth:`state_dict` gave.
            known: the settled records are where this run writes already.
        """
        for packed in state["records"]:
            record = decode(_unpack(packed))
            self._records[record.key] = record
            self._stored[record.key] = packed
            if not known:
                self._journal.expect(record.key, record.global_step)
                self._journal.write(record, {})
        for layer, window in state["windows"].items():
            epochs = (msgspec.json.decode(_unpack(packed), type=WindowEpoch) for packed in window)
            self._windows[layer] = Window(self._options.window, epochs)
        for packed_task, packed_stub in state["open"]:
            stub = decode(_unpack(packed_stub))
            self._journal.expect(stub.key, stub.global_step)
            self._analyse(msgspec.json.decode(_unpack(packed_task), type=PhiTask), stub)


def _window(layer: str, group: int) -> str:
    """What a window is kept under; no layer's name has a space."""
    return f"{layer} {group}" if group else layer


def _pack(data: bytes) -> str:
    return base64.b85encode(zlib.compress(data)).decode("ascii")


def _unpack(text: str) -> bytes:
    return zlib.decompress(base64.b85decode(text))
