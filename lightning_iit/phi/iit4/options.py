"""What engines of IIT 4.0 have in common: how they read options and return complexes; imports nothing that is compiled."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lightning_iit.checks import refused
from lightning_iit.errors import InvalidArgumentError
from lightning_iit.records import MajorComplex, PhiOptions, Skipped

if TYPE_CHECKING:
    from lightning_iit.phi.iit4.systems import Formalism4
    from lightning_iit.records import Complexes

_ONLY_IIT3 = ("cuts", "new_concepts", "repertoires", "ties")
"""The options that IIT 4.0 does not have."""
_DEFAULTS = PhiOptions()


def check_of_iit4(options: PhiOptions) -> None:
    """Checks that options ask for IIT 4.0, and for nothing that it does not have.

    Raises:
        InvalidArgumentError: IIT 3.0, or an option that only IIT 3.0 has.
    """
    formalism_of(options)
    if given := [name for name in _ONLY_IIT3 if getattr(options, name) != getattr(_DEFAULTS, name)]:
        one = given[0]
        value, instead = getattr(options, one), f"leave {one} out, or ask for formalism='iit3' too"
        raise refused(one, value, instead, why=f"formalism={options.formalism!r} has no such option")


def formalism_of(options: PhiOptions) -> Formalism4:
    """Returns the version of IIT 4.0 that is asked for.

    Raises:
        InvalidArgumentError: the options ask for IIT 3.0.
    """
    if options.formalism == "iit3":
        msg = "formalism='iit3': this engine computes IIT 4.0."
        raise InvalidArgumentError(msg)
    return options.formalism


def nodes_of(options: PhiOptions, n: int) -> tuple[int, ...]:
    """Returns the nodes of the candidate system."""
    return tuple(range(n)) if options.nodes is None else options.nodes


def as_major_complex(found: Complexes | Skipped) -> MajorComplex:
    """Returns complexes as every engine returns them: no nodes and the reason where the state cannot be reached."""
    if isinstance(found, Skipped):
        return MajorComplex(nodes=(), result=found)
    return MajorComplex(nodes=found.nodes, result=found.result, others=found.others)
