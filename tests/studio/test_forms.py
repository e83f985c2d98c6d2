"""Forms are made of signatures and docstrings, and what is filled in is checked before anything is started."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Sequence
from typing import Any, Literal

import pytest
import yaml
from lightning.pytorch import LightningDataModule, LightningModule

from lightning_iit import IITCallback
from lightning_iit.commands.arguments import documented_arguments
from lightning_iit.errors import InvalidArgumentError
from lightning_iit.studio.catalog import NOT_IN_FORM, choices, chosen_class, own_choice
from lightning_iit.studio.forms import filled_in, form_of
from lightning_iit.studio.records import Asked, Chosen
from lightning_iit.studio.request import as_yaml, checked


class Example:
    """Is an example.

    Args:
        count: how many
            there are.
        rate: how fast.
        names: which ones.
    """

    def __init__(
        self,
        count: int,
        rate: float | None = None,
        names: Sequence[str] = ("a",),
        mode: Literal["slow", "fast"] = "slow",
        either: int | Literal["auto"] = "auto",
        on: bool = True,
        loose=3,
        call: Callable[[], None] | None = None,
        model: LightningModule | None = None,
    ) -> None: ...


def test_a_form_has_the_arguments_that_can_be_written():
    form = form_of(Example)
    assert form.required == ("count",)
    found = {name: (field.type, field.enum, field.default, field.description) for name, field in form.properties.items()}
    assert found == {
        "count": ("integer", (), None, "how many there are."),
        "rate": ("number", (), None, "how fast."),
        "names": (None, (), ["a"], "which ones."),
        "mode": ("string", ("slow", "fast"), "slow", ""),
        "either": (None, (), "auto", ""),
        "on": ("boolean", (), True, ""),
        "loose": ("integer", (), 3, ""),
    }


def test_what_is_filled_in_has_the_type_of_its_argument():
    given = {"count": "4", "rate": 2, "names": "[x, y]", "either": "7", "mode": "fast", "on": False, "loose": 5}
    wanted = {"count": 4, "rate": 2, "names": ["x", "y"], "either": 7, "mode": "fast", "on": False, "loose": 5}
    assert filled_in(Example, given) == wanted


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, "Example needs count"),
        ({"count": "many"}, "count='many': this does not fit its type, int"),
        ({"count": True}, "count=True"),
        ({"count": 1, "mode": "medium"}, "mode='medium'"),
        ({"count": 1, "call": "os.getcwd"}, "call: Example has no such argument"),
        ({"count": 1, "model": {"class_path": "os.system"}}, "model: Example has no such argument"),
        ({"count": 1, "names": [{"class_path": "os.system"}]}, "does not fit"),
        ({"count": 1, "names": "x" * 5000}, "does not fit"),
        ({"count": 1, "__class__": 3}, "__class__: Example has no such argument"),
    ],
)
def test_what_cannot_be_is_refused(given, words):
    with pytest.raises(InvalidArgumentError, match=words):
        filled_in(Example, given)


def test_anything_holds_no_class_to_be_made():
    class Loose:
        def __init__(self, given: Any = None, more: dict[str, Any] | None = None) -> None: ...

    assert filled_in(Loose, {"given": {"a": [1, "b"]}, "more": {"c": 2}}) == {"given": {"a": [1, "b"]}, "more": {"c": 2}}
    for hidden in ({"class_path": "os.system"}, {"a": [{"class_path": "os.system"}]}):
        for name in ("given", "more"):
            with pytest.raises(InvalidArgumentError, match="does not fit"):
                filled_in(Loose, {name: hidden})


def test_the_options_of_the_callback_have_its_own_words_and_defaults():
    form, words = choices("/r", (), 1).iit, documented_arguments(IITCallback)
    parameters = inspect.signature(IITCallback).parameters
    assert set(form.properties) == set(parameters) - set(NOT_IN_FORM)
    for name, field in form.properties.items():
        assert field.description == words[name]
        default = parameters[name].default
        assert field.default == (list(default) if isinstance(default, tuple) else default)
    assert form.properties["tpm"].enum == ("auto", "perturb", "observe")


OWN = ("studio_own",)


def test_a_class_of_ones_own_has_a_form():
    choice = own_choice("studio_own:Slow", LightningModule, OWN)
    assert (choice.words, choice.label) == ("Learns slowly.", "studio_own:Slow")
    assert {name: field.default for name, field in choice.form.properties.items()} == {"hidden": 8, "pause": 0.05, "fails": False}
    assert choice.form.properties["pause"].description == "how long a step takes, in seconds."


@pytest.mark.parametrize(
    ("name", "allowed", "words"),
    [
        ("studio_own:Slow", (), "its module is not allowed"),
        ("studio_own:Slow", ("studio_ow", "own"), "its module is not allowed"),
        ("studio_own:NoModule", OWN, "is no LightningModule"),
        ("studio_own:Noise", OWN, "is no LightningModule"),
        ("studio_own:torch", OWN, "is no LightningModule"),
        ("studio_own:None_", OWN, "cannot be imported"),
        ("studio_own.nothing:Slow", OWN, "cannot be imported"),
        ("os:system", OWN, "its module is not allowed"),
        ("antigravity:Slow", OWN, "its module is not allowed"),
        ("../studio_own:Slow", OWN, "is no class that can be chosen"),
        ("studio_own:Slow.__init__", OWN, "is no class that can be chosen"),
        ("studio_own:Slow\n", OWN, "is no class that can be chosen"),
        ("studio_own.Slow", OWN, "is no class that can be chosen"),
        ("", OWN, "is no class that can be chosen"),
        ("x" * 9000, OWN, "is no class that can be chosen"),
    ],
)
def test_no_other_class_is_chosen(name, allowed, words):
    before = set(sys.modules)
    with pytest.raises(InvalidArgumentError, match=words):
        chosen_class(name, LightningModule, allowed)
    assert "antigravity" not in set(sys.modules) - before


def asked(**given):
    whole = {"network": Chosen(name="GRU"), "task": Chosen(name="Parity"), "epochs": 2, "seeds": (1,)} | given
    return Asked(**whole)


def test_the_yaml_is_what_was_asked_for(tmp_path):
    wanted = asked(network=Chosen(name="MLP", values={"width": "12"}), iit={"units": "3", "layers": "memory"})
    written = yaml.safe_load(as_yaml(checked(wanted, tmp_path, ()), seed=7, run=tmp_path / "run"))
    assert written["seed_everything"] == 7
    assert written["trainer"]["max_epochs"] == 2
    assert written["model"] == {"class_path": "lightning_iit.studio.training.networks.MLP", "init_args": {"width": 12}}
    assert written["data"] == {"class_path": "lightning_iit.studio.training.tasks.Parity"}
    (callback,) = written["trainer"]["callbacks"]
    assert callback["init_args"] == {"units": 3, "layers": "memory", "table": False}
    own = asked(network=Chosen(name="studio_own:Slow", values={"hidden": 5}), task=Chosen(name="studio_own:Noise"))
    plan = checked(own, tmp_path, OWN)
    assert plan["model"] == {"class_path": "studio_own.Slow", "init_args": {"hidden": 5}}
    assert issubclass(chosen_class("studio_own:Noise", LightningDataModule, OWN), LightningDataModule)


def test_each_preset_can_be_trained(tmp_path):
    presets = choices("/r", (), 1).presets
    assert len({preset.title for preset in presets}) == len(presets) >= 3
    for preset in presets:
        assert checked(preset.asked, tmp_path, ())["trainer"]["max_epochs"] == preset.asked.epochs


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"epochs": 0}, "epochs=0"),
        ({"seeds": ()}, "seeds="),
        ({"seeds": (1, 1)}, "different whole numbers"),
        ({"seeds": (-1,)}, "0 or more"),
        ({"seeds": tuple(range(21))}, "1 to 20"),
        ({"iit": {"selection": "best"}}, "selection='best'"),
        ({"iit": {"lag": 0}}, "lag=0"),
        ({"iit": {"executor": "dask://elsewhere:1"}}, "executor: IITCallback has no such argument"),
        ({"task": Chosen(name="Parity", values={"steps": 1})}, "steps=1"),
        ({"task": Chosen(name="Text")}, "Text needs file"),
        ({"task": Chosen(name="Text", values={"file": "/etc/passwd"})}, "below the studio's folder"),
        ({"task": Chosen(name="Text", values={"file": "../text.txt"})}, "below the studio's folder"),
        ({"task": Chosen(name="Text", values={"file": "linked"})}, "below the studio's folder"),
        ({"task": Chosen(name="Mnist", values={"folder": "a/../.."})}, "below the studio's folder"),
        ({"network": Chosen(name="GRU", values={"shape": {}})}, "shape: GRU has no such argument"),
        ({"network": Chosen(name="Network")}, "is no class that can be chosen"),
    ],
)
def test_what_cannot_be_trained_is_said_before(tmp_path, given, words):
    (tmp_path / "linked").symlink_to("/etc/passwd")
    with pytest.raises(InvalidArgumentError, match=words):
        checked(asked(**given), tmp_path, ())
