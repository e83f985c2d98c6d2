"""What the project says of itself is so: the README's code runs, its options are the callback's, and the citation is valid."""

from __future__ import annotations

import ast
import inspect
import re
import runpy
from pathlib import Path
from typing import Any

import pytest
import yaml
from lightning.pytorch import seed_everything
from models import Gru, example, sequence_data
from places import PROJECT

import lightning_iit
from lightning_iit import IITCallback, cli, compute_phi, estimate_tpm, major_complex
from lightning_iit.records import Computed

README = (PROJECT / "README.md").read_text()
PYPROJECT = (PROJECT / "pyproject.toml").read_text()


def blocks(language: str) -> list[str]:
    """The README's code in a language."""
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


def section(title: str) -> str:
    return README.split(f"\n## {title}\n")[1].split("\n## ")[0]


def described() -> str:
    """The description that a package index gets."""
    metadata: dict[str, Any] = {}
    module = runpy.run_path(str(PROJECT / "hatch_build.py"))
    module["ReadmeHook"](str(PROJECT), {}).update(metadata)
    return metadata["readme"]["text"]


# --- the README -------------------------------------------------------------------------------------------------------


def test_it_opens_with_sentences_an_answer_a_picture_an_install_line_and_an_example():
    opening = README.split("\n## ")[0]
    parts = (
        "\n\nAdd one callback",
        "\n\nΦ says how much",
        "```text\nrows: Φ of the layer rose from",
        "\n\n![",
        "pip install",
        "```python",
    )
    order = [opening.index(part) for part in parts]
    assert order == sorted(order)
    assert len(blocks("python")[0].splitlines()) <= 25


def test_every_file_it_shows_or_names_is_there():
    named = re.findall(r"`(?:python )?((?:examples|docs)/[\w./]+)`", README)
    assert len(named) >= 4
    assert [name for name in named if not (PROJECT / name).exists()] == []


def test_the_oldest_version_of_lightning_is_the_oldest_that_trained_the_same():
    lines = (PROJECT / "tests/ecosystem/oldest_lightning.txt").read_text().splitlines()
    same = [line.split()[0] for line in lines if re.match(r"\d\S+ +yes +yes +-1 ", line)]
    assert f"{same[0]} is the oldest version that was run" in README


def test_its_pictures_are_there():
    pictures = re.findall(r"^!\[[^\]]{40,}\]\(([^)]+)\)$", README, re.MULTILINE)
    assert len(pictures) == README.count("![") >= 2
    assert {path.name for path in (PROJECT / "docs/images").iterdir()} == {Path(picture).name for picture in pictures}


def test_it_reads_on_a_package_index():
    """No link or picture that only a checkout resolves, and what needs a checkout says so in its sentence or heading."""
    description = described()
    assert description.count("\n## ") == README.count("\n## ")
    targets = re.findall(r"\]\(([^)]+)\)", description) + re.findall(r"^\[[^\]]+\]: (\S+)", description, re.MULTILINE)
    targets += re.findall(r"(?:src|href)=[\"']?([^\"' >]+)", description)
    assert [target for target in targets if not target.startswith(("https://", "#"))] == []
    for found in re.finditer(r"`(?:python )?(?:examples|docs)/[\w./]+`|`make \w+`|^make \w+", README, re.MULTILINE):
        around = README[max(0, found.start() - 300) : found.end() + 40]
        assert re.search(r"of the sources|[Ii]n a checkout", around), found[0]


def test_the_commands_of_the_readme_are_known():
    """Each with the subcommand and the options that it has."""
    commands = re.findall(r"^lightning-iit (.*?)(?:  #.*)?$", "\n".join(blocks("bash")), re.MULTILINE)
    assert {command.split()[0] for command in commands} == {
        "list",
        "view",
        "studio",
        "export",
        "verify",
        "phi",
        "compare",
        "control",
    }
    for command in commands:
        assert cli._parser().parse_args(command.split()).command == command.split()[0]


@pytest.mark.filterwarnings("ignore:.*does not have many workers", "ignore:The number of training batches")
def test_the_example_trains(tmp_path, monkeypatch, capsys):
    """The first block as it stands; a user brings the model and the data."""
    monkeypatch.chdir(tmp_path)
    seed_everything(0, verbose=False)
    names = {"model": Gru(), "train_loader": sequence_data()}
    exec(compile(blocks("python")[0], "README.md", "exec"), names)
    records = names["callback"].records
    assert [record.epoch for record in records] == list(range(-1, 10))
    assert all(isinstance(record.result, Computed) for record in records)
    printed = capsys.readouterr().out
    for record in records:
        assert f"{record.epoch} net.gru {record.phi} causal {record.null_words}" in printed


def test_the_example_without_a_trainer_computes(capsys):
    (block,) = [block for block in blocks("python") if "estimate_tpm" in block]
    states = [(step & 1, step >> 1 & 1, (step * 7 + step // 5) % 3 == 0) for step in range(300)]
    states = [tuple(map(int, state)) for state in states]
    names = {"states": states}
    exec(compile(block, "README.md", "exec"), names)
    assert names["tpm"].state_by_node.tolist() == estimate_tpm(states).state_by_node.tolist()
    phi, nodes = capsys.readouterr().out.splitlines()
    assert float(phi) == compute_phi(names["system"]).phi
    assert ast.literal_eval(nodes) == major_complex(names["system"]).nodes


def test_the_example_of_iit4_computes(capsys):
    (block,) = [block for block in blocks("python") if "compute_structure" in block]
    exec(compile(block, "README.md", "exec"), {})
    phi, structure = capsys.readouterr().out.splitlines()
    assert phi.startswith("SystemPhi(formalism='iit4-2026', nodes=(0, 1), phi=0.")
    assert structure.startswith("Structure(formalism='iit4-2026'")


@pytest.mark.filterwarnings("ignore:.*does not have many workers", "ignore:The number of training batches")
def test_the_example_of_iit4_trains(tmp_path, monkeypatch, capsys):
    (block,) = [block for block in blocks("python") if "formalism=(" in block]
    monkeypatch.chdir(tmp_path)
    seed_everything(0, verbose=False)
    names = {"model": Gru(), "train_loader": sequence_data()}
    exec(compile(block, "README.md", "exec"), names)
    printed = capsys.readouterr().out
    callback = names["callback"]
    assert callback.change(formalism="iit4-2023").words in printed
    for record in callback.records:
        survey = record.others[0].survey
        assert f"{record.epoch} {survey.share} {survey.phi} {survey.signed}\n" in printed


def test_the_example_of_a_lesion_runs(tmp_path, monkeypatch, capsys):
    (block,) = [block for block in blocks("python") if "lesion(" in block]
    monkeypatch.chdir(tmp_path)
    exec(compile(block, "README.md", "exec"), {"model": Gru(), "val_loader": sequence_data()})
    assert capsys.readouterr().out.startswith("Units 3, 8 of 'net.gru' set to their mean on 60 samples: val_loss ")
    assert (tmp_path / "lesion.png").exists()


def test_no_other_python_is_left_untried():
    assert len(blocks("python")) == 7, "the others are tried in test_compare_runs.py and test_analyse.py"


def test_the_table_of_options_is_that_of_the_callback():
    """Each row names one or several options, and their defaults in the same order."""
    said = {}
    for names, defaults in re.findall(r"^\| (`[^|]+) \| ([^|]+) \|", section("Options"), re.MULTILINE):
        options = re.findall(r"`(\w+)`", names)
        values = [part.strip() for part in defaults.split(", ")]
        assert len(values) == len(options), names
        said |= {name: _value(value) for name, value in zip(options, values, strict=True)}
    parameters = inspect.signature(IITCallback).parameters
    assert said == {name: parameters[name].default for name in said}
    assert len(said) >= 20


def test_the_page_of_options_is_that_of_the_callback():
    """``make docs`` writes it."""
    assert (PROJECT / "docs" / "options.md").read_text() == example("make_options", PROJECT / "docs").page()


def _value(text: str) -> object:
    """A default as the table has it: Python, with or without a unit or marks of code."""
    return ast.literal_eval(text.strip("`").removesuffix(" s").replace(" ", ""))


def test_the_docstring_explains_every_option():
    arguments = inspect.getdoc(IITCallback).split("\nArgs:\n")[1].split("\n\n")[0]
    documented = re.findall(r"^    (\w+): ", arguments, re.MULTILINE)
    assert sorted(documented) == sorted(inspect.signature(IITCallback).parameters)


# --- the project ------------------------------------------------------------------------------------------------------


def test_the_citation_is_of_this_version():
    cited = yaml.safe_load((PROJECT / "CITATION.cff").read_text())
    assert cited["cff-version"] == "1.2.0"
    assert cited["type"] == "software"
    assert f'version = "{cited["version"]}"' in PYPROJECT
    assert f'license = "{cited["license"]}"' in PYPROJECT
    assert cited["message"]
    assert cited["title"].startswith("lightning-iit")
    assert all({"name"} == set(author) for author in cited["authors"])
    dois = {reference["doi"] for reference in cited["references"]}
    assert dois == {"10.1371/journal.pcbi.1006343", "10.1371/journal.pcbi.1003588"}  # PyPhi and IIT 3.0
    for reference in cited["references"]:
        assert {"type", "title", "authors", "journal", "volume", "issue", "start", "year"} <= set(reference)
        assert all({"family-names", "given-names"} == set(author) for author in reference["authors"])


def test_the_changelog_has_this_version():
    (version,) = re.findall(r'^version = "(.+)"', PYPROJECT, re.MULTILINE)
    assert version in (PROJECT / "CHANGELOG.md").read_text()


def test_make_and_ci_name_what_there_is():
    """Every file of the project that a recipe runs or reads."""
    recipes = (PROJECT / "Makefile").read_text() + (PROJECT / ".ci" / "run").read_text()
    files = set(re.findall(r"\b(?:tests|examples)/[\w./]*\w", recipes))
    assert "examples/digits_mlp.py" in files
    assert [name for name in files if not (PROJECT / name).exists()] == []
    targets = set(re.findall(r"^make (\w+)", "\n".join(blocks("bash")) + (PROJECT / ".ci" / "run").read_text(), re.MULTILINE))
    assert targets >= {"demo", "test", "lint"}
    assert all(re.search(rf"^{target}:", recipes, re.MULTILINE) for target in targets)


def test_every_public_name_is_there_and_documented():
    assert sorted(lightning_iit.__all__) == dir(lightning_iit)
    assert set(lightning_iit.__all__) >= {"EpochRecord", "Records", "Computed", "IITError", "PhiEngine", "Tracker", "PhiPool"}
    undocumented = [name for name in lightning_iit.__all__ if not getattr(lightning_iit, name).__doc__]
    assert undocumented == []
    with pytest.raises(AttributeError, match="no attribute 'compute_fi'"):
        _ = lightning_iit.compute_fi


def test_the_rooms_are_in_the_drawing():
    """Every room of the package has a word in docs/architecture.md, and says itself what is in it."""
    page = (PROJECT / "docs" / "architecture.md").read_text()
    rooms = [path.parent for path in (PROJECT / "lightning_iit").glob("*/__init__.py")]
    assert [room.name for room in rooms if f"**{room.name}**" not in page] == []
    for file in (PROJECT / "lightning_iit").rglob("__init__.py"):
        assert len(ast.get_docstring(ast.parse(file.read_text())).split()) >= 8, file
        modules = [module for module in file.parent.glob("*.py") if module.name != "__init__.py"]
        assert len(modules) <= 18, file.parent
