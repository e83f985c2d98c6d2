"""Measures what surveys by IIT 4.0 cost: python tests/benchmarks/survey_iit4.py six|default [repetitions].

The layer is the GRU of the demo (examples/digits_mlp.py) after one epoch, perturbed in all its observed backgrounds. "six" is a
survey of 20 groups of 6 units in all states that they visit, by both versions of IIT 4.0; "default" the whole task of the default
survey, 20 groups of 4 units, by IIT 3.0 alone and by IIT 4.0 too. Seconds are processor time in one thread, the least of some
repetitions after a first one; the tables are printed as Markdown, for docs/statistics.md.
"""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path

import torch
from lightning.pytorch import Trainer, seed_everything
from measure_survey import groups_of, milliseconds, row, task_of
from msgspec.structs import replace
from torch import Tensor, nn

from lightning_iit.job.job import run
from lightning_iit.job.survey import survey
from lightning_iit.records import PhiOptions, PhiTask

sys.path.insert(0, str(Path(__file__).parents[2] / "examples"))
from digits_mlp import Digits, loaders

BOTH = ("iit4-2023", "iit4-2026")


def after_one_epoch() -> tuple[nn.Module, Tensor]:
    """The GRU of the demo after its first epoch, and the images that it was trained on."""
    seed_everything(0, verbose=False)
    model, (images, held_out) = Digits(), loaders()
    quiet = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False, "enable_model_summary": False}
    Trainer(max_epochs=1, accelerator="cpu", **quiet).fit(model, images, held_out)
    return model.rows.eval(), torch.stack([image for image, _ in images.dataset])


def by(task: PhiTask, *formalisms: str) -> PhiTask:
    return replace(task, options=PhiOptions(formalism=formalisms[0]), further=formalisms[1:], pictures=False)


def all_of(task: PhiTask) -> None:
    """Runs a survey to its end."""
    for _ in survey(task, {}):
        pass


def of_six_units(layer: nn.Module, x: Tensor, repetitions: int) -> None:
    """The survey by one version, and by both."""
    row("formalism", "groups of 6 units", "states", "resamples", "seconds", "for each group", "ms for each φ_s")
    row(*["---"] * 7)
    for resamples in (0, 50):
        task = task_of(layer, x, groups_of(32, 20, units=6), resamples=resamples, states="all")
        states = sum(len(group.states) for group in task.survey)
        analyses = states + resamples * sum(min(2, len(group.states)) for group in task.survey)
        for formalisms in (BOTH[:1], BOTH):
            seconds = milliseconds(partial(all_of, by(task, *formalisms)), repetitions) / 1000
            row(" and ".join(formalisms), 20, states, resamples, seconds, seconds / 20, 1000 * seconds / analyses)


def of_the_default(layer: nn.Module, x: Tensor, repetitions: int) -> None:
    """The whole task of the default survey, by IIT 3.0 and beside it by IIT 4.0."""
    row("resamples", "iit3, seconds", "iit3 and iit4-2023", "more", "iit3 and both versions", "more")
    row(*["---"] * 6)
    for resamples in (0, 50, 200):
        task = task_of(layer, x, groups_of(32, 20), resamples=resamples)
        asked = (("iit3",), ("iit3", BOTH[0]), ("iit3", *BOTH))
        alone, one, both = (milliseconds(partial(run, by(task, *each)), repetitions) / 1000 for each in asked)
        row(resamples, alone, one, f"{one / alone - 1:.0%}", both, f"{both / alone - 1:.0%}")


if __name__ == "__main__":
    torch.set_num_threads(1)
    gru, data = after_one_epoch()
    tables = {"six": of_six_units, "default": of_the_default}
    tables[sys.argv[1]](gru, data, int(sys.argv[2]) if len(sys.argv) > 2 else 3)
