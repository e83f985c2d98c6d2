"""PyPhi 2 as an engine of IIT 4.0: the reference for all values; slow."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lightning_iit.errors import TooManyUnitsError
from lightning_iit.phi.iit4.options import as_major_complex, check_of_iit4, formalism_of, nodes_of
from lightning_iit.phi.pyphi import iit4, options2
from lightning_iit.phi.pyphi._import import import_pyphi
from lightning_iit.phi.pyphi.versions import installed_version, require_2
from lightning_iit.records import EngineInfo, MajorComplex, PhiOptions, Skipped, Structure, System, SystemPhi

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lightning_iit.phi.engine import Progress

SECONDS = {1: 0.01, 2: 0.02, 3: 0.06, 4: 0.4, 5: 2.5, 6: 20.0, 7: 160.0}
"""Seconds of one φ_s by number of units, measured for a dense stochastic system on one core; 7 units extrapolated."""
SYSTEM_UNITS = 7
"""The largest number of units of which φ_s is computed."""
STRUCTURE_UNITS = 5
"""The largest number of units of which the structure is computed."""


class PyPhiIit4Engine:
    """Computes φ_s and structures of IIT 4.0 with PyPhi 2, in both of its versions; the options name the version."""

    name = "pyphi"
    max_units = SYSTEM_UNITS

    def version(self) -> str:
        """Returns the version of PyPhi."""
        return installed_version()

    def load(self) -> None:
        """Imports PyPhi."""
        import_pyphi()

    def check_options(self, options: PhiOptions) -> None:
        """Checks that the installed PyPhi computes the formalism, and has the options for it; PyPhi is not imported.

        Raises:
            InvalidArgumentError: PyPhi 2 is not installed, or an option is not there or has an impossible value.
        """
        check_of_iit4(options)
        require_2(options.formalism)
        options2.check_options(formalism_of(options), options.pyphi)

    def seconds(self, n: int) -> float:
        """Returns about how many seconds one analysis of a densely connected system of ``n`` units takes on one core."""
        return SECONDS[n] if n in SECONDS else SECONDS[SYSTEM_UNITS] * 10.0 ** (n - SYSTEM_UNITS)

    def analyse(
        self, systems: Sequence[System], options: PhiOptions, progress: Progress | None = None
    ) -> Iterator[SystemPhi | Skipped]:
        """Yields φ_s of each system, in order; see :class:`~lightning_iit.PhiEngine`.

        By default PyPhi stops at the first partition with φ = 0: then ``partition`` and ``signed_phi`` are of that one, and there
        is no ``margin``. With ``{"shortcircuit_sia": False}`` all partitions are examined, which takes some ten times as long.

        Raises:
            InvalidArgumentError: as in :meth:`check_options`.
            TooManyUnitsError: a candidate system has more than 7 nodes, which would take PyPhi hours.
        """
        self.check_options(options)
        for position, system in enumerate(systems):
            nodes = nodes_of(options, system.n)
            _check_size(len(nodes), SYSTEM_UNITS, "φ_s")
            found = iit4.system_phi(system, nodes, formalism_of(options), options, self._info())
            if progress is not None:
                progress((position + 1) / len(systems))
            yield found

    def structure(self, system: System, options: PhiOptions) -> Structure | Skipped:
        """Computes the structure of a system in its state.

        Raises:
            InvalidArgumentError: as in :meth:`check_options`.
            TooManyUnitsError: more than 5 nodes, which would take PyPhi hours.
        """
        self.check_options(options)
        nodes = nodes_of(options, system.n)
        _check_size(len(nodes), STRUCTURE_UNITS, "the structure")
        return iit4.structure(system, nodes, formalism_of(options), options, self._info())

    def major_complex(self, system: System, options: PhiOptions, progress: Progress | None = None) -> MajorComplex:
        """Finds the complexes of a system; of subsets that tie in all respects, PyPhi takes none.

        Raises:
            InvalidArgumentError: as in :meth:`check_options`.
            TooManyUnitsError: more than 7 nodes.
        """
        self.check_options(options)
        _check_size(system.n, SYSTEM_UNITS, "the major complex")
        found = iit4.complexes(system, formalism_of(options), options, self._info())
        if progress is not None:
            progress(1.0)
        return as_major_complex(found)

    def _info(self) -> EngineInfo:
        return EngineInfo(name=self.name, version=self.version())


def _check_size(n: int, most: int, what: str) -> None:
    """Raises TooManyUnitsError where a candidate system of IIT 4.0 has more than ``most`` nodes."""
    if n > most:
        msg = (
            f"candidate system of {n} nodes: {what} of IIT 4.0 by PyPhi is computed for up to {most}; more would take hours. "
            "Analyse fewer units, or leave engine out: this package's own engine takes milliseconds."
        )
        raise TooManyUnitsError(msg)
