"""The reports of two real runs, committed: read as someone would who knows nothing else.

``pytest tests/report/test_snapshots.py --write-snapshots`` writes them anew.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import torch
from lightning.pytorch import LightningModule, Trainer, seed_everything
from models import Mlp, example
from sklearn.datasets import load_digits
from torch.utils.data import DataLoader, TensorDataset

from lightning_iit import IITCallback

SNAPSHOTS = Path(__file__).with_name("snapshots")


def digits_mlp() -> tuple[LightningModule, DataLoader, IITCallback]:
    digits = load_digits()
    data = TensorDataset(torch.tensor(digits.data / 16, dtype=torch.float32), torch.tensor(digits.target))
    return Mlp(), DataLoader(data, 32, shuffle=True), IITCallback("net.1", units=3, extra_budget=0.0)


def gru_memory() -> tuple[LightningModule, DataLoader, IITCallback]:
    recurrent = example("recurrent")
    bits = torch.randint(2, (1024, 20, 1)).float()
    wanted = (bits.roll(2, 1) != bits.roll(3, 1)).float()
    return (
        recurrent.Recall(),
        DataLoader(TensorDataset(bits, wanted), 64, shuffle=True),
        IITCallback("memory", units=3, extra_budget=0.0),
    )


RUNS = {"digits_mlp": digits_mlp, "gru_memory": gru_memory}


@pytest.fixture(scope="module", params=list(RUNS))
def report(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    folder = tmp_path_factory.mktemp(request.param)
    seed_everything(1, verbose=False)
    model, data, callback = RUNS[request.param]()
    options = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False, "enable_model_summary": False}
    Trainer(max_epochs=4, accelerator="cpu", callbacks=[callback], default_root_dir=folder, **options).fit(model, data)
    return request.param, (folder / "iit/0/iit/report.md").read_text(encoding="utf-8")


def words_of(text: str) -> tuple[list[str], set[str]]:
    """The lines before the settings with numbers masked, since training ends elsewhere on another machine; and the settings."""
    body, _, settings = text.partition("## Settings")
    masked = re.sub(r"[-−]?#(e−#)?", "#", re.sub(r"\d[\d,]*(\.\d+)?", "#", body))
    return masked.splitlines(), {line.split("|")[1].strip() for line in settings.splitlines() if line.startswith("| ")}


def test_the_report_is_the_one_that_is_committed(report: tuple[str, str], request: pytest.FixtureRequest) -> None:
    name, text = report
    path = SNAPSHOTS / f"{name}.md"
    if request.config.getoption("--write-snapshots"):
        path.write_text(text, encoding="utf-8")
    lines, settings = words_of(text)
    expected, stored = words_of(path.read_text(encoding="utf-8"))
    assert lines == expected
    assert stored <= settings


def committed(name: str) -> str:
    return (SNAPSHOTS / f"{name}.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", list(RUNS))
def test_a_reader_of_the_report_alone_has_all_that_it_takes(name: str) -> None:
    text = committed(name)
    for part in (
        "**Did training change Φ?**",
        "**What may be concluded.**",
        "**ON**: a unit counts as ON",
        "**cut**: the units are parted in two",
        "**concept**: a set of units",
        "the mean of 20 groups of units",
        "### One group in detail",
        "interval 0",
        "- conditional dependence",
        "markov order [",
        "stationarity [",
        "### Warnings",
        "### Φ at other thresholds",
        "| 0.4 |",
        "| 0.6 |",
        "Epoch -1 is the untrained network, epoch 0 the end of the first epoch of training.",
        "## Methods, to be pasted",
        "groups: 20 (smallest possible p 1.9e−6)" if name == "gru_memory" else "19 surrogates drawn from",
        "`threshold=median`",
        "`draws=None`",
        "`null_model=auto`",
    ):
        assert part in text, part


def test_a_watched_layer_has_its_null_beside_every_phi_of_units() -> None:
    text = committed("digits_mlp")
    for part in ("the size of such a Φ alone says nothing", "cut null: mean", "### Φ against the number of transitions"):
        assert part in text, part
    for paragraph in text.split("\n\n"):
        if "| Φ |" in paragraph or "| mean Φ |" in paragraph or "| Φ of these units |" in paragraph:
            before = text[: text.index(paragraph)]
            heading = before[before.rindex("#") :]
            assert "null" in heading + paragraph, paragraph
    total = re.findall(r"([\d,]+) transitions \|", text)[-1]
    assert f"| {total} | 0" not in text.partition("### Φ against")[2], "all the data are no part of the data"


def test_a_perturbed_layer_has_what_fits_units_that_were_set_and_nothing_else() -> None:
    text = committed("gru_memory").partition("## Settings")[0]
    for part in (
        "Φ is that of an averaged system",
        "backgrounds from 512 sequences",
        "no null: units were set",
        "reducible in ",
        "(90 %, resampled sequences)",
        "no sign of too few data",
        "it is no p-value",
        "two halves of the same data differ" if "more than noise" in text else "smallest possible 1.9e−6",
    ):
        assert part in text, part
    for part in ("coin flips have", "null not computed", "cut null", "against the number of transitions", "too large", "biased"):
        assert part not in text, part
    assert not re.search(r"\d transitions", text)


def test_nobody_takes_the_digits_mlp_for_integrated() -> None:
    text = committed("digits_mlp")
    assert "structural Φ is 0" in text
    assert "statistical, structural Φ is 0" in text
    assert "Nothing may be concluded about the layer's own integration" in text
    # Every sentence that speaks of integration denies it, or defines the null.
    sentences = [part for part in re.split(r"(?<=[.:])\s+|\n", text) if re.search(r"integrat(ed|ion)", part, re.IGNORECASE)]
    allowed = (
        *(
            "# Integrated information",
            "Φ, integrated information (of",
            "Integrated information Φ (IIT 3.0",
            "Nothing may be concluded",
        ),
        "no more than such data give without integration",
    )
    assert sentences
    assert all(any(words in sentence for words in allowed) for sentence in sentences), sentences


def test_the_gru_was_perturbed() -> None:
    text = committed("gru_memory")
    assert "**causal**: the units were set into each of their states" in text
    # 8 batches of 64 sequences of 20 steps, the first of which begins in zeros.
    assert f"The units were set into each state in {8 * 64 * 19:,} backgrounds from {8 * 64} sequences" in text
    assert "structural Φ is 0" not in text.replace("have a structural Φ of 0", "")
    assert "markov order [not applicable]: each state was set" in text
    assert re.search(r"are not reducible in the analysed state|cannot be told \(irreducible", text)
