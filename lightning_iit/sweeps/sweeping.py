"""The way through the checkpoints of one sweep."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from lightning_iit.analysis import mover, shared_units
from lightning_iit.records import Records
from lightning_iit.records.logged import layer_phi
from lightning_iit.records.store import read_run
from lightning_iit.sweeps.checkpoints import UnreadableCheckpointError, read_checkpoint, weights_digest
from lightning_iit.sweeps.computing import Computing
from lightning_iit.sweeps.ledger import SweptFile, complete_records, is_complete
from lightning_iit.sweeps.models import model_of
from lightning_iit.sweeps.outcome import Sweep, SweepFailure
from lightning_iit.sweeps.progress import SweepProgress
from lightning_iit.watch.probe import watch_pass

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from lightning_iit.records import EpochRecord
    from lightning_iit.settings import Settings
    from lightning_iit.sweeps.batches import SameBatches
    from lightning_iit.sweeps.checkpoints import Checkpoint, Moment
    from lightning_iit.sweeps.ledger import Ledger
    from lightning_iit.sweeps.models import ModelSource
    from lightning_iit.watch.watch import Watch


class Sweeping:
    """Goes through the checkpoints of one call.

    Args:
        settings: all options.
        folder: the run's directory.
        ledger: what was swept before; kept up to date.
        source: makes the model of a checkpoint.
        device: where models are run.
        weights_only: whether checkpoints may hold weights and plain values only.
        shown: whether the progress is shown.
    """

    def __init__(
        self, settings: Settings, folder: Path, ledger: Ledger, source: ModelSource, *, device: str, weights_only: bool, shown: bool
    ) -> None:
        self._settings = settings
        self._folder = folder
        self._ledger = ledger
        self._source = source
        self._device = device
        self._weights_only = weights_only
        self._progress = SweepProgress(shown=shown)
        self._asked = str(settings.layers)
        self._there = complete_records(folder)
        self._computing = Computing(settings, folder, ledger, self._there)
        self._swept: dict[str, tuple[Moment, Path]] = {}
        self._failures: list[SweepFailure] = []
        self._notes: list[str] = []

    @property
    def _layers(self) -> tuple[str, ...]:
        """Returns the names of the layers that are asked for; none before a model was looked at."""
        return self._ledger.layers.get(self._asked, ())

    def run(self, checkpoints: Sequence[Checkpoint], batches: SameBatches | None) -> Sweep:
        """Sweeps checkpoints in the order of their training, and waits for all analyses.

        Args:
            checkpoints: the checkpoints, in any order.
            batches: the data; None where no checkpoint can be read.
        """
        for one in checkpoints:
            if one.moment is None:
                self._fail(one.file, one.problem)
        ordered = sorted(
            ((one.moment, one.file) for one in checkpoints if one.moment is not None), key=lambda one: (one[0].order, str(one[1]))
        )
        with self._progress, self._computing:
            for place, (moment, file) in enumerate(ordered):
                self._progress.now(file.name)
                if batches is not None:
                    self._guarded(file, moment, batches)
                self._show(len(ordered) - place - 1)
            self._progress.now("computing Φ")
            self._computing.wait(lambda: self._show(0))
        return self._outcome()

    def _guarded(self, file: Path, moment: Moment, batches: SameBatches) -> None:
        """Sweeps one checkpoint; whatever it does, the others are swept."""
        try:
            self._sweep(file, moment, batches)
        except UnreadableCheckpointError as error:
            self._fail(file, f"{error}.")
        except Exception as error:  # noqa: BLE001  the user's model may raise anything
            self._fail(file, f"{type(error).__name__}: {' '.join(str(error).split())}")

    def _fail(self, file: Path, reason: str) -> None:
        """Notes that a checkpoint could not be run at all."""
        self._failures.append(SweepFailure(checkpoint=str(file), layer="", reason=reason))

    def _show(self, further: int) -> None:
        """Shows how far the sweep is; so many checkpoints are still to be run."""
        new, before = self._computing.ended, self._before
        total = before + self._computing.submitted + max(1, len(self._layers)) * further
        self._progress.update(before + new, total, new=new)

    @property
    def _before(self) -> int:
        """Returns how many analyses of the checkpoints so far were there already."""
        return sum(moment.key(layer) in self._there for moment, _ in self._swept.values() for layer in self._layers)

    def _sweep(self, file: Path, moment: Moment, batches: SameBatches) -> None:
        """Sweeps one checkpoint, unless all of it is there."""
        known = self._ledger.checkpoints.get(moment.name)
        if known is not None and known.is_still(file) and moment.name not in self._swept and not self._missing(moment):
            self._swept[moment.name] = moment, file
            return
        checkpoint = read_checkpoint(file, weights_only=self._weights_only)
        now = SweptFile.of(file, weights_digest(checkpoint))
        if moment.name in self._swept:
            _, earlier = self._swept[moment.name]
            self._refuse_other(moment, now, str(earlier))
            self._notes.append(f"{file.name} holds the same weights as {earlier.name}, which was analysed.")
            return
        if known is not None and any(key[1:] == moment.key("")[1:] for key in self._there):
            self._refuse_other(moment, now, known.file)
        self._ledger.checkpoints[moment.name] = now
        if self._missing(moment):
            model = model_of(self._source, file, checkpoint, device=self._device, weights_only=self._weights_only)
            self._analyse(file, moment, model, batches)
        else:
            self._ledger.write(self._folder)
        self._swept[moment.name] = moment, file

    def _refuse_other(self, moment: Moment, now: SweptFile, earlier: str) -> None:
        """Raises UnreadableCheckpointError where a checkpoint has other weights than that of the same moment before."""
        if self._ledger.checkpoints[moment.name].weights != now.weights:
            msg = (
                f"it is of {moment.words}, and so is {earlier}, which has other weights and whose records are in the folder. Sweep "
                "the checkpoints of one training into one folder"
            )
            raise UnreadableCheckpointError(msg)

    def _missing(self, moment: Moment) -> tuple[str, ...]:
        """Returns the layers that have no Φ of this moment; one without a name where no layer is known yet."""
        return tuple(layer for layer in self._layers or ("",) if moment.key(layer) not in self._there)

    def _analyse(self, file: Path, moment: Moment, model: Any, batches: SameBatches) -> None:
        """Runs a model over the batches, and submits what is missing of its layers."""
        settings = self._settings
        watch = settings.watch(model, settings.run_options(), snapshots=moment.step is None, fixed=True)
        self._ledger.layers[self._asked] = watch.layers
        try:
            with shared_units(self._folder, watch, freezes=settings.freeze_threshold, initial=moment.epoch < 0) as broken:
                watch.attach(model)
                captured = watch_pass(
                    *(model, batches, watch),
                    name="the data of the sweep",
                    seed=settings.seed,
                    move=mover(model),
                    initial=moment.epoch < 0,
                )
                broken.update(layer.layer for layer in captured if layer.problem is not None)
                self._note_origin(file, watch, broken)
            missing = self._missing(moment)
            told = [
                replace(one, notes=(self._origin(file, moment, one.layer), *one.notes)) for one in captured if one.layer in missing
            ]
            self._computing.submit(watch, told, moment, lambda: self._show(0))
        finally:
            watch.detach()

    def _note_origin(self, file: Path, watch: Watch, broken: set[str]) -> None:
        """Notes for each layer at which checkpoint its units and its frozen thresholds were chosen, where that is this one."""
        layers: Mapping[str, Any] = watch.state_dict()["layers"]
        for name, state in layers.items():
            if name in broken:
                continue
            if state["units"] is not None:
                self._ledger.units_of.setdefault(name, file.name)
            if state["thresholds"] is not None:
                self._ledger.thresholds_of.setdefault(name, file.name)
        self._ledger.write(self._folder)

    def _origin(self, file: Path, moment: Moment, layer: str) -> str:
        """Returns which checkpoint a record is of, and where its units and thresholds come from."""
        return " ".join([f"Checkpoint {file.name}.", *self._origins(layer, untrained=moment.epoch < 0)])

    def _origins(self, layer: str, *, untrained: bool = False) -> Iterator[str]:
        """Yields where the units and thresholds of a layer come from."""
        units, thresholds = self._ledger.units_of.get(layer), self._ledger.thresholds_of.get(layer)
        if units is not None:
            yield f"Units: chosen at {units}, the same for all checkpoints."
            if untrained:
                yield "Thresholds: its own, since it is untrained."
            else:
                frozen = f"those of {thresholds}, for all trained checkpoints" if thresholds else "those of each checkpoint"
                yield f"Thresholds: {frozen}."

    def _outcome(self) -> Sweep:
        """Returns what there is now in the folder of the checkpoints of this call."""
        found = read_run(self._folder).records if self._swept else Records(())
        by_key = {record.key: record for record in found}
        computed = 0
        for moment, file in self._swept.values():
            for layer in self._layers:
                record = by_key.get(moment.key(layer))
                if record is not None and is_complete(record):
                    computed += moment.key(layer) not in self._there
                    continue
                reason = "it has no record." if record is None else _reason(record)
                self._failures.append(SweepFailure(checkpoint=str(file), layer=layer, reason=reason))
        origins = [f"Layer {layer!r}: {' '.join(self._origins(layer))}" for layer in self._layers if layer in self._ledger.units_of]
        return Sweep(
            folder=str(self._folder),
            records=found,
            failures=tuple(self._failures),
            computed=computed,
            there_before=self._before,
            notes=(*origins, *self._notes),
        )


def _reason(record: EpochRecord) -> str:
    """Returns why a record has no Φ of the layer by one of its formalisms."""
    without = next(one for one in record.by_formalism if layer_phi(one) is None)
    survey = "" if without.survey is None else without.survey.interval_words
    return without.result.reason or survey or "it is not known."
