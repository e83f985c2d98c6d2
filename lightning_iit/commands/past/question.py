"""A question to a run or a record: of which epoch, layer and units; the TPM that answers it, and the answer kept with the run."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from lightning_iit.commands.inputs import TpmInput, of_record
from lightning_iit.commands.past.checkpoint import analysed_again
from lightning_iit.errors import InvalidArgumentError, RecordError
from lightning_iit.records import decode
from lightning_iit.records.disk.files import read_regular
from lightning_iit.records.names import FOLDER
from lightning_iit.records.steering.folder import user_name
from lightning_iit.records.steering.questions import keep
from lightning_iit.records.store import read_run, records_folder
from lightning_iit.tpm.recorded_groups import group_in

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lightning_iit.records import EpochRecord, Formalism
    from lightning_iit.records.steering.commands import Answer


@dataclass(frozen=True)
class Question:
    """Holds what is asked of a run or a record.

    Args:
        target: the run's directory, or a record's file.
        epoch: of which epoch; None for that of the record, or the last one.
        layer: of which layer; None for the only one.
        units: the indices of the units; None for those of the record.
        model: the class of the module, for what only a checkpoint can answer.
        data: what gives the data then.
    """

    target: str
    epoch: int | None = None
    layer: str | None = None
    units: tuple[int, ...] | None = None
    model: str | None = None
    data: str | None = None

    @property
    def is_asked(self) -> bool:
        """Returns whether anything is asked that a TPM by itself does not answer."""
        return any(one is not None for one in (self.epoch, self.layer, self.units, self.model, self.data))

    def tpm(self, prior: float | None) -> TpmInput:
        """Returns the TPM that answers the question.

        Raises:
            InvalidArgumentError: there is no such record, or these units can be answered neither from it nor from a checkpoint.
            RecordError: the run or the record cannot be read.
        """
        run_dir, record = self._record()
        source = str(self.target)
        if self.units is None:
            return replace(of_record(source, record, prior), run_dir=run_dir)
        if len(set(self.units)) < max(2, len(self.units)):
            msg = f"--units {','.join(map(str, self.units))}: give two or more different units."
            raise InvalidArgumentError(msg)
        found = group_in(record, self.units, prior=prior)
        if found is not None:
            rows, state, cm, words = found
            return TpmInput(source, rows, state, cm, record=record, asked=self.units, words=words, run_dir=run_dir)
        if run_dir is None:
            msg = (
                f"{source}: no recorded group has these units, and a record by itself has no checkpoint; give the run's directory."
            )
            raise InvalidArgumentError(msg)
        again = analysed_again(run_dir, record, self.units, model=self.model, data=self.data)
        if again.counts is None:
            raise InvalidArgumentError(again.result.reason)
        words = f"From the checkpoint of epoch {record.epoch}, on the data of {self.data}."
        return replace(of_record(source, again, prior), asked=self.units, words=words, run_dir=run_dir)

    def _record(self) -> tuple[Path | None, EpochRecord]:
        """Returns the run's directory (None where the record lies in none) and the record that is meant."""
        path = Path(self.target)
        if path.is_file():
            try:
                record = decode(read_regular(path))
            except RecordError as error:
                msg = f"{path}: {error}"
                raise RecordError(msg) from error
            inside = path.absolute().parent.parent
            found = [record]
            run_dir = inside.parent if inside.name == FOLDER else None
        else:
            folder = records_folder(path)
            run_dir, found = folder.parent, [one for one in read_run(folder).records if one.step is None]
        layer = self._one_of("--layer", self.layer, dict.fromkeys(one.layer for one in found))
        of_layer = {one.epoch: one for one in found if one.layer == layer}
        last = max(of_layer) if self.epoch is None else self.epoch
        if last not in of_layer:
            there = ", ".join(map(str, sorted(of_layer)))
            msg = f"--epoch {last}: {self.target} has no record of layer {layer!r} at this epoch; there are {there}."
            raise InvalidArgumentError(msg)
        return run_dir, of_layer[last]

    def _one_of(self, option: str, given: str | None, known: Iterable[str]) -> str:
        """Returns the layer that is meant."""
        names = list(known)
        if given in names:
            return str(given)
        if given is None and len(names) == 1:
            return names[0]
        there = ", ".join(map(repr, names)) or "of which there is none"
        msg = f"{option}{'' if given is None else f' {given}'}: give one of the layers, {there}."
        raise InvalidArgumentError(msg)

    def keep(
        self,
        given: TpmInput,
        state: tuple[int, ...],
        formalisms: tuple[Formalism, ...],
        answer: str,
        *,
        done: bool,
        options: tuple[str, ...] = (),
    ) -> Answer | None:
        """Keeps the answer with the run, in its log of commands; does nothing where the record lies in no run.

        Args:
            given: the TPM that answered.
            state: the state.
            formalisms: by which it was answered.
            answer: the answer, in a sentence.
            done: whether there is one.
            options: further options of the command line that change the answer.

        Returns:
            What is kept.

        Raises:
            OSError: it cannot be written.
        """
        if given.run_dir is None or given.record is None:
            return None
        return keep(
            given.run_dir,
            given.record,
            answer,
            done=done,
            sender=user_name(),
            units=self.units,
            state="".join(map(str, state)),
            formalism=formalisms[0],
            model=self.model,
            data=self.data,
            options=options,
        )
