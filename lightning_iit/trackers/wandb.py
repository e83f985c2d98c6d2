"""Logs records to a Weights & Biases run: numbers, pictures, options, the viewer's page, and the records as an artifact."""

from __future__ import annotations

import io
import logging
from typing import TYPE_CHECKING, Any

from lightning_iit.errors import IITError
from lightning_iit.records.disk.pictures import cards
from lightning_iit.records.logged import logged
from lightning_iit.records.names import FOLDER, detail_key, layer_slug
from lightning_iit.trackers.tracker import Tracker
from lightning_iit.viewer.export import page_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from typing_extensions import Self

    from lightning_iit.records import EpochRecord

log: logging.Logger = logging.getLogger(__name__)

_STEP = "trainer/global_step"
"""The metric that Lightning's ``WandbLogger`` gives the steps of all others by; the run's own steps cannot go back."""


class WandbTracker(Tracker):
    """Logs each record to the run of a ``WandbLogger``, with the global step of the record's capture.

    **Logged**: numbers ``iit/phi/<layer>``, ``iit_details/<layer>/<scalar>`` and so on (see ``records.logged``); pictures
    ``iit_details/<layer>/<picture>`` (small ones; the large ones are in the artifact); the options that differ from their defaults
    in the run's config, under ``iit``; kind, formalism and analysed state of each layer's latest record in the run's summary,
    ``iit/kind/<layer>``, ``iit/formalism/<layer>`` and ``iit/state/<layer>``; at the end the viewer's page as ``iit/viewer``, and
    the folder ``iit`` (records, pictures, options, report) as the artifact ``iit-<run id>``. A callback with a name has its name
    after ``iit`` in all of these, and stands before ``iit`` in the artifact.

    A run of Weights & Biases may be used on the training thread only.

    Args:
        run: the logger's ``wandb.Run``.
        run_dir: the folder of the run's files; None if there is none (then neither page nor artifact is logged).
    """

    in_order = True
    on_caller = True

    def __init__(self, run: Any, run_dir: Path | None) -> None:
        self._run = run
        self._run_dir = run_dir
        self._logged = False
        self.name: str = f"Weights & Biases run {run.id}"

    @classmethod
    def for_logger(cls, logger: Any, run_dir: Path | None) -> Self | None:
        """Serves loggers whose ``experiment`` is a run of Weights & Biases."""
        run = getattr(logger, "experiment", None)
        known = type(run).__module__.partition(".")[0] == "wandb"
        return cls(run, run_dir) if known and hasattr(run, "log_artifact") and hasattr(run, "config") else None

    def log(self, record: EpochRecord, images: Mapping[str, bytes]) -> None:
        """Logs the record's numbers and pictures in one row."""
        import wandb
        from PIL import Image

        row: dict[str, Any] = dict(logged(record, self.scope))
        for name, png in cards(images).items():
            with Image.open(io.BytesIO(png)) as image:
                row[detail_key(record.layer, name, self.scope, step=record.step)] = wandb.Image(image)
        self._run.log(row | {_STEP: record.global_step})
        if record.step is None:
            state = "".join(map(str, record.states[0].state)) if record.states else ""
            for what, value in (("kind", record.kind), ("formalism", ", ".join(record.formalisms)), ("state", state)):
                self._run.summary["/".join(filter(None, (FOLDER, self.scope, what, layer_slug(record.layer))))] = value
        self._logged = True

    def log_options(self, options: Mapping[str, object]) -> None:
        """Adds the options that differ from their defaults to the run's config; all of them are in the artifact."""
        given = getattr(options, "given", options)
        told: dict[str, Any] = {name: str(value) for name, value in options.items() if name in given}
        self._run.config.update({FOLDER: {self.scope: told} if self.scope else told}, allow_val_change=True)

    def finish(self, *, failed: bool) -> None:
        """Logs the viewer's page, and the folder of the run as an artifact. The run itself is ended by the logger, not here."""
        del failed
        import wandb

        if self._run_dir is None or not self._logged:
            return
        try:
            page = page_of(self._run_dir, name=self._run.name, scope=self.scope).decode()
            self._run.log({"/".join(filter(None, (FOLDER, self.scope, "viewer"))): wandb.Html(page, inject=False)})
        except IITError as error:
            log.info("No iit/viewer for Weights & Biases: %s", error)
        artifact = wandb.Artifact("-".join(filter(None, (FOLDER, self.scope, self._run.id))), type=FOLDER)
        artifact.add_dir(str(self._run_dir / FOLDER), name="/".join(filter(None, (self.scope, FOLDER))))
        self._run.log_artifact(artifact)
