"""The options of PyPhi 2 that change a result, by PyPhi's names, for each formalism, and the values that each may have."""

from __future__ import annotations

from typing import Any

from lightning_iit.errors import InvalidArgumentError
from lightning_iit.phi.pyphi.options1 import CHOICES as OF_PYPHI_1
from lightning_iit.phi.pyphi.options1 import FLAG, check_choice, listed

_OF_BOTH: dict[str, tuple[Any, ...]] = {
    "single_micro_nodes_with_selfloops_have_phi": FLAG,
    "precision": tuple(range(1, 14)),
}
_ASYMMETRIC = ("KLD", "MP2Q", "AID", "ID")
"""Measures between repertoires only; the distance between cause-effect structures must then be the difference of small φ."""
_OF_IIT3: dict[str, tuple[Any, ...]] = {
    "mechanism_phi_measure": ("EMD", "L1", "ENTROPY_DIFFERENCE", "PSQ2", *_ASYMMETRIC),
    "ces_measure": ("EMD", "SUM_SMALL_PHI"),
    "mechanism_partition_scheme": ("JOINT_BIPARTITION", "WEDGE_TRIPARTITION"),
    **_OF_BOTH,
}
_OF_IIT4: dict[str, tuple[Any, ...]] = {"shortcircuit_sia": FLAG, **_OF_BOTH}
_ELSEWHERE = {
    "system_partition_scheme": "cuts='one'",
    "assume_partitions_cannot_create_new_concepts": "new_concepts=False",
    "version": "formalism",
}
_NEW_NAMES = {
    "MEASURE": "mechanism_phi_measure",
    "PARTITION_TYPE": "mechanism_partition_scheme",
    "USE_SMALL_PHI_DIFFERENCE_FOR_CES_DISTANCE": "ces_measure",
    "PRECISION": "precision",
    "SINGLE_MICRO_NODES_WITH_SELFLOOPS_HAVE_PHI": "single_micro_nodes_with_selfloops_have_phi",
}
"""What PyPhi 2 has instead of options of PyPhi 1.2."""


def check_options(formalism: str, options: dict[str, Any]) -> None:
    """Checks the names and values of ``pyphi_options`` for PyPhi 2; PyPhi is not imported.

    Raises:
        InvalidArgumentError: PyPhi 2 does not have the option for this formalism, the option does not change a result, or this
            package has an argument of its own for the option; the option cannot have the value; or the measure is asymmetric
            although Φ needs a symmetric one.
    """
    choices = _OF_IIT3 if formalism == "iit3" else _OF_IIT4
    for name, value in options.items():
        if name in OF_PYPHI_1:
            new = f"PyPhi 2 has {_NEW_NAMES[name]!r} instead" if name in _NEW_NAMES else "PyPhi 2 has no such option"
            msg = f"pyphi_options: {name} is an option of PyPhi 1.2; {new}. Of {formalism} there are {listed(tuple(choices))}."
            raise InvalidArgumentError(msg)
        if name in _ELSEWHERE:
            msg = f"pyphi_options: {name} is an option of this package; give {_ELSEWHERE[name]} instead."
            raise InvalidArgumentError(msg)
        check_choice(name, value, choices)
    measure = options.get("mechanism_phi_measure")
    if measure in _ASYMMETRIC and options.get("ces_measure") != "SUM_SMALL_PHI":
        msg = (
            f"pyphi_options: mechanism_phi_measure={measure!r} is asymmetric, and the earth mover's distance between cause-effect "
            "structures needs a symmetric measure. Add 'ces_measure': 'SUM_SMALL_PHI', or choose another measure."
        )
        raise InvalidArgumentError(msg)


def needs_pot(options: dict[str, Any]) -> bool:
    """Says whether Φ of IIT 3.0 with these options needs the package POT, which measures earth mover's distances."""
    return "EMD" in (options.get("mechanism_phi_measure", "EMD"), options.get("ces_measure", "EMD"))
