"""The process of one training: ``python -m lightning_iit.studio.train fit --config training.yaml`` (LightningCLI).

With ``--job FOLDER`` before ``fit`` it says in that folder which process it is and how it ended, for the studio.
"""

from __future__ import annotations

import sys
import traceback
from pathlib import Path

from lightning_iit.studio.records import Outcome, ProcessId, write_outcome, write_process


def main(arguments: list[str] | None = None) -> int:
    """Runs a training; returns the exit status."""
    given = sys.argv[1:] if arguments is None else arguments
    folder = None
    if given[:1] == ["--job"]:
        folder, given = Path(given[1]), given[2:]
        write_process(folder, ProcessId.of_this())  # before anything that takes long
    try:
        sys.argv[1:] = given  # LightningCLI reads them there
        _train(folder)
    except Exception as error:  # noqa: BLE001  whatever it is, the studio says it
        traceback.print_exc()
        if folder is not None:
            write_outcome(folder, Outcome(state="failed", reason=f"{type(error).__name__}: {error}"))
        return 1
    except SystemExit as error:
        if folder is not None and error.code:
            write_outcome(folder, Outcome(state="failed", reason="It did not begin; its output says why."))
        raise
    if folder is not None:
        write_outcome(folder, Outcome(state="done"))
    return 0


def _train(folder: Path | None) -> None:
    """Trains as LightningCLI does; the network is told what the task asks of it."""
    from lightning.pytorch import LightningDataModule, LightningModule
    from lightning.pytorch.cli import LightningArgumentParser, LightningCLI

    from lightning_iit.studio.training.progress import ProgressWriter

    class StudioCLI(LightningCLI):
        def add_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
            parser.link_arguments("data.shape", "model.init_args.shape", apply_on="instantiate")

    defaults = {} if folder is None else {"callbacks": [ProgressWriter(folder)]}
    StudioCLI(
        LightningModule,
        LightningDataModule,
        subclass_mode_model=True,
        subclass_mode_data=True,
        save_config_callback=None,
        trainer_defaults=defaults,
    )


if __name__ == "__main__":
    sys.exit(main())
