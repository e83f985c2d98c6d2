"""The fast engine of IIT 4.0: φ_s of every partition in compiled code, behind the protocol of all engines."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np

from lightning_iit.errors import InvalidArgumentError
from lightning_iit.phi.compiling import IIT4, code_is_on_disk
from lightning_iit.phi.engine import OWN, own_engine
from lightning_iit.phi.iit4.candidate import candidate, frame
from lightning_iit.phi.iit4.complexes import complexes
from lightning_iit.phi.iit4.options import as_major_complex, check_of_iit4, formalism_of, nodes_of
from lightning_iit.phi.iit4.structures import structure
from lightning_iit.phi.iit4.systems import MAX_UNITS, best_partitions, check_size, searched, settled, system_phi
from lightning_iit.phi.many import Phis
from lightning_iit.records import MajorComplex, PhiOptions, Skipped, Structure, System, SystemPhi

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from jaxtyping import Float, Int

    from lightning_iit.phi.engine import Progress
    from lightning_iit.records import Formalism
    from lightning_iit.records.results import Partitions


class FastIit4Engine:
    """Computes φ_s of up to 10 units by IIT 4.0, in both of its versions; the options name the version."""

    name = OWN
    max_units = MAX_UNITS

    def version(self) -> str:
        """Returns the version of this package."""
        return own_engine().version

    def load(self) -> None:
        """Compiles the kernels, or loads the machine code from the user's cache, by analysing a system of two nodes."""
        system = System(tpm=((0.1, 0.3), (0.6, 0.2), (0.7, 0.9), (0.4, 0.8)), state=(1, 0), cm=((1, 1), (1, 1)))
        structure(system, (0, 1), "iit4-2023")

    def is_compiled(self) -> bool:
        """Says whether the machine code is in the user's cache, so that no worker has to compile it."""
        return code_is_on_disk(IIT4)

    def check_options(self, options: PhiOptions) -> None:
        """Checks that IIT 4.0 has the options.

        Raises:
            InvalidArgumentError: IIT 4.0 does not have an option, or an option has an impossible value.
        """
        check_of_iit4(options)
        if options.pyphi:
            names = ", ".join(sorted(options.pyphi))
            msg = f"engine={OWN!r} does not implement {names} for {options.formalism}; use engine='auto' or 'pyphi' (PyPhi 2)."
            raise InvalidArgumentError(msg)
        if options.threads < 1:
            msg = f"threads={options.threads}: give 1 or more."
            raise InvalidArgumentError(msg)

    def seconds(self, n: int) -> float:
        """Returns about how many seconds one analysis of a densely connected system of ``n`` units takes on one core of 2025."""
        known = [0.0, 1e-4, 1e-4, 1e-4, 1e-4, 1.5e-4, 2.5e-4, 8e-4, 5e-3, 0.034, 0.27]
        return known[n] if n < len(known) else known[-1] * 8.0 ** (n - len(known) + 1)

    def analyse(
        self, systems: Sequence[System], options: PhiOptions, progress: Progress | None = None
    ) -> Iterator[SystemPhi | Skipped]:
        """Yields φ_s of each system, in order; see :class:`~lightning_iit.PhiEngine`.

        Raises:
            InvalidArgumentError: IIT 4.0 does not have an option, or an option has an impossible value.
            TooManyUnitsError: a candidate system has more than 10 units.
        """
        self.check_options(options)
        for position, system in enumerate(systems):
            found = system_phi(system, nodes_of(options, system.n), formalism_of(options), threads=options.threads)
            if progress is not None:
                progress((position + 1) / len(systems))
            yield found

    def phis(
        self,
        tpms: Float[np.ndarray, "system row node"],
        states: Int[np.ndarray, "system node"],
        cm: Int[np.ndarray, "node node"] | None,
        options: PhiOptions,
        formalisms: Sequence[Formalism],
        progress: Progress | None = None,
    ) -> tuple[Phis, ...]:
        """Returns φ_s and signed φ_s of each system by each formalism, from one search; see :class:`.ComputesMany`.

        Raises:
            InvalidArgumentError: IIT 4.0 does not have an option, or an option has an impossible value.
            TooManyUnitsError: the candidate systems have more than 10 units.
        """
        for formalism in formalisms:
            self.check_options(msgspec.structs.replace(options, formalism=formalism))
        nodes = nodes_of(options, tpms.shape[2])
        check_size(nodes, MAX_UNITS, "φ_s")
        phis = np.full((len(formalisms), 2, len(tpms)), np.nan)
        for position, (tpm, state) in enumerate(zip(tpms, states.tolist(), strict=True)):
            if not position or not np.array_equal(tpm, tpms[position - 1]):
                of_tpm = frame(tpm, cm, nodes)
            system = candidate(of_tpm, tuple(state))
            if system is not None:
                found = searched(system, options.threads)
                for number, formalism in enumerate(formalisms):
                    one = settled(found, formalism)  # type: ignore[arg-type]  # checked above
                    phis[number, :, position] = one.phi, one.signed
            if progress is not None:
                progress((position + 1) / len(tpms))
        return tuple(Phis(*one) for one in phis)

    def structure(self, system: System, options: PhiOptions) -> Structure | Skipped:
        """Returns the cause-effect structure of a system in its state.

        Raises:
            InvalidArgumentError: IIT 4.0 does not have an option, or an option has an impossible value.
            TooManyUnitsError: the candidate system has more than 6 units.
        """
        self.check_options(options)
        nodes = nodes_of(options, system.n)
        return structure(system, nodes, formalism_of(options))

    def best_partitions(self, system: System, options: PhiOptions, k: int) -> Partitions | Skipped:
        """Returns the k partitions with the smallest normalised φ_s, the minimum first.

        Raises:
            InvalidArgumentError: IIT 4.0 does not have an option, or an option has an impossible value.
            TooManyUnitsError: the candidate system has more than 10 units.
        """
        self.check_options(options)
        return best_partitions(system, nodes_of(options, system.n), formalism_of(options), k)

    def major_complex(self, system: System, options: PhiOptions, progress: Progress | None = None) -> MajorComplex:
        """Returns the subset of nodes with the largest φ_s, and the complexes that overlap neither it nor each other.

        Raises:
            InvalidArgumentError: IIT 4.0 does not have an option, or an option has an impossible value.
            TooManyUnitsError: the system has more than 10 units.
        """
        self.check_options(options)
        found = complexes(system, formalism_of(options), options.threads)
        if progress is not None:
            progress(1.0)
        return as_major_complex(found)
