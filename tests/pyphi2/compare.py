"""Runs where PyPhi 2 is installed: ``compare.py SEED SYSTEMS FILE`` writes counts, differences and times as JSON (``run.py``)."""

from __future__ import annotations

import json
import platform
import subprocess
import sys
import time
import warnings
from collections import Counter, defaultdict
from importlib.metadata import version
from pathlib import Path

KINDS = ("uniform", "sharp", "sparse", "logistic", "deterministic")
CLASSES = {
    "tied_states": "Tied states, φ_s = 0",
    "tied_partitions": "Tied partitions",
    "tied_purviews": "Tied purviews",
    "tied_subsets": "Tied subsets",
    "unreachable": "Whole state unreachable",
    "unknown": "Different",
}
"""Why two answers differ, by the name that ``Counts`` uses."""
NOTES = """\
* *φ_s* is compared to 1e-9; so are *ii(s)* and the intrinsic informations of the specified states.
* *Tied states, φ_s = 0*: several pairs of specified states have φ_s = 0, and PyPhi takes another one than the first; no rule
  decides. The structure then agrees with other states. PyPhi's states must be among the tied ones that this package names.
* *Partition* is compared where φ_s > 0. One that ties with another one is counted apart where it differs; its normalised φ_s must
  be the same.
* *Signed φ_s* and *Margin* are compared up to 4 units, from all partitions, where no states tie.
* *Structure* (up to 4 units): the distinctions with mechanisms, purviews, states and φ; number and sum of relations; Φ. Where no
  states tie, both versions have the same one; then that of 4 units is compared for iit4-2023 only.
* *Relations one by one* (up to 3 units): distinctions, φ_r, nodes with their states, and the number of faces of relations among up
  to 4 distinctions.
* *Major complex*: of those of 2 and 3 units among the first 100 systems. *Tied subsets*: another one has the same Φ or φ_s, and the
  rules differ. *Whole state unreachable*: no state leads to that of all nodes; PyPhi 2 then looks at no subset, PyPhi 1.2 and this
  package do.
* *Φ*, concepts and *Cut* of IIT 3.0: of systems of 2 and 3 units. *Tied purviews*: this package says of these that a rule takes one
  of several purviews of equal φ. PyPhi 2 has another rule there, and for cuts of equal Φ, than PyPhi 1.2, whose rule is this
  package's.
"""
"""What is compared, and what the classes are."""
WITH_COMPLEXES = 100
"""Of how many of the systems the major complex is compared."""
MOST_WITH_FACES = 4
"""Of how many distinctions a relation may be whose faces are counted; of k there are up to 3**k."""
FORMALISMS = ("iit4-2023", "iit4-2026")


def main(seed: int, systems: int, target: Path) -> None:
    """Compares and measures, and writes what was found."""
    import numpy as np

    rng = np.random.default_rng(seed)
    counts = Counts()
    drawn = Counter()
    for number in range(systems):
        kind, system, nodes = draw(rng)
        drawn[kind] += 1
        for formalism in FORMALISMS:
            compare(system, nodes, formalism, counts, f"system {number} ({kind}, {len(nodes)} of {system.n} units), {formalism}")
        if 2 <= len(nodes) == system.n <= 3:
            where = f"system {number} ({kind}, {system.n} units)"
            compare_iit3(system, counts, where)
            if number < WITH_COMPLEXES:
                compare_complexes(system, counts, where)
        if (number + 1) % 20 == 0:
            print(f"{number + 1} of {systems} systems, {len(counts.differences)} differences", file=sys.stderr, flush=True)
    check_isolation(counts)
    times = measured(np.random.default_rng(seed))
    answer = {
        "versions": {"python": platform.python_version(), **{name: version(name) for name in ("pyphi", "numpy", "numba")}},
        "kinds": "Of these " + ", ".join(f"{drawn[kind]} {kind}" for kind in KINDS),
        "count": counts.of,
        "differences": counts.differences,
        "times": times,
        "good": not counts.differences and all(one["ratio"] >= one["bound"] for one in times),
    }
    target.write_text(json.dumps(answer))


class Counts:
    """Counts what was compared, and keeps the differences without a known reason."""

    def __init__(self) -> None:
        self.of = defaultdict(lambda: defaultdict(Counter))
        self.differences = []

    def add(self, what, formalism, equal, known="", where=""):
        """Counts one comparison; ``known`` names the known reason of a difference."""
        of = self.of[what][formalism]
        of["compared"] += 1
        of["equal" if equal else known or "unknown"] += 1
        if not equal and not known:
            self.differences.append(f"{where}: {what}")


def draw(rng):
    """Draws a random system: its kind, the system, and the nodes of its candidate system."""
    import numpy as np

    from lightning_iit import System

    kind = str(rng.choice(KINDS))
    n = int(rng.choice([1, 2, 3, 4, 5], p=[0.06, 0.2, 0.3, 0.3, 0.14]))
    cm = rng.random((n, n)) < (0.6 if kind in {"sparse", "deterministic"} else 1.0)
    states = np.arange(1 << n)[:, None] >> np.arange(n) & 1
    tpm = np.zeros((1 << n, n))
    for node in range(n):
        inputs = np.flatnonzero(cm[:, node])
        rows = states[:, inputs] @ (1 << np.arange(len(inputs)))
        size = 1 << len(inputs)
        if kind == "logistic":
            values = 1 / (1 + np.exp(-(2 * states[:size, : len(inputs)] - 1) @ rng.normal(0, 2, len(inputs)) + rng.normal()))
        elif kind == "deterministic":
            values = rng.integers(0, 2, size).astype(float)
        else:
            values = rng.beta(0.3, 0.3, size) if kind == "sharp" else rng.random(size)
        tpm[:, node] = values[rows]
    before = int(rng.integers(1 << n))
    state = tpm[before] if kind == "deterministic" else rng.integers(0, 2, n)  # one that another leads to, but for a few
    if kind == "deterministic" and rng.random() < 0.1:
        state = rng.integers(0, 2, n)
    k = n if n == 1 or rng.random() < 0.7 else int(rng.integers(1, n))
    nodes = tuple(sorted(rng.choice(n, k, replace=False).tolist()))
    return kind, System(tpm=tpm, state=state.astype(int).tolist(), cm=cm.astype(int).tolist()), nodes


def near(a, b):
    """Says whether two numbers are equal but for rounding."""
    return abs(a - b) <= 1e-9 * max(1.0, abs(a), abs(b))


def compare(system, nodes, formalism, counts, where):
    """Compares φ_s and the structure of one candidate system."""
    from lightning_iit import Skipped, compute_phi, compute_structure

    ours = compute_phi(system, formalism=formalism, nodes=nodes)
    if isinstance(ours, Skipped):
        theirs = compute_phi(system, "pyphi", formalism=formalism, nodes=nodes)
        counts.add("Unreachable state", formalism, theirs == ours, where=where)
        return
    # PyPhi's early end leaves margin and signed φ_s undefined; tied states make its search of all partitions too long.
    untied = len(ours.cause.ties) == len(ours.effect.ties) == 1
    all_partitions = ours.partitions > 0 and len(nodes) <= 4 and untied
    options = {"shortcircuit_sia": False} if all_partitions else {}
    theirs = compute_phi(system, "pyphi", formalism=formalism, nodes=nodes, pyphi_options=options)

    def add(what, equal, known=""):
        counts.add(what, formalism, equal, known, where)

    same = (ours.cause.state, ours.effect.state) == (theirs.cause.state, theirs.effect.state)
    among = theirs.cause.state in ours.cause.ties and theirs.effect.state in ours.effect.ties
    tied_states = "tied_states" if ours.phi == 0 and among and not same else ""
    tied_partitions = "tied_partitions" if ours.ties and near(ours.normalized_phi, theirs.normalized_phi) else ""
    informations = [(one.cause.intrinsic_information, one.effect.intrinsic_information) for one in (ours, theirs)]
    add("φ_s", near(ours.phi, theirs.phi))
    add("A reason where PyPhi has one", bool(ours.reason) >= bool(theirs.reason))
    add("Specified states", same, tied_states)
    add("Tied states", (ours.cause.ties, ours.effect.ties) == (theirs.cause.ties, theirs.effect.ties))
    add("Intrinsic informations", all(map(near, *informations)))
    add("ii(s)", near(ours.ii, theirs.ii), tied_states)
    if ours.phi > 0:
        add("Partition", ours.partition == theirs.partition, tied_partitions)
        add("Normalised φ_s", near(ours.normalized_phi, theirs.normalized_phi))
    if all_partitions:
        add("Signed φ_s", near(ours.signed_phi, theirs.signed_phi), tied_partitions)
    if all_partitions and ours.margin is not None:
        add("Margin", near(ours.margin, theirs.margin))
    if len(nodes) <= 3 or (len(nodes) == 4 and not (untied and formalism == "iit4-2026")):
        both = [compute_structure(system, engine, formalism=formalism, nodes=nodes) for engine in ("auto", "pyphi")]
        add("Structure", same_structure(*both), tied_states)
        if len(nodes) <= 3 and not tied_states:
            add("Relations one by one", listed(both[0]) == listed_by_pyphi(system, nodes, formalism))


def listed(structure):
    """Returns what each relation binds, by the mechanisms of its distinctions: φ_r, nodes with their states, number of faces."""
    return {
        frozenset(one.mechanisms): (
            round(one.phi, 9),
            frozenset(zip(one.nodes, one.state, strict=True)),
            sum(1 for _ in one.faces()) if len(one.distinctions) <= MOST_WITH_FACES else None,
        )
        for one in structure.relations_among()
    }


def listed_by_pyphi(system, nodes, formalism):
    """Returns the same from PyPhi, which lists relations in another way than it sums them."""
    from lightning_iit.phi.pyphi.version2 import configured, substrate

    with configured(formalism, {"relation_computation": "CONCRETE"}) as pyphi:
        found = pyphi.System(substrate(pyphi, system), system.state, subset=nodes).ces().relations
        return {
            frozenset(tuple(mechanism) for mechanism in one.mechanisms): (
                round(float(one.phi), 9),
                frozenset((int(unit.index), int(unit.state)) for unit in one.purview),
                one.num_faces if len(one) <= MOST_WITH_FACES else None,
            )
            for one in found
        }


def same_structure(one, other):
    """Says whether two structures have the same distinctions and relations, and φ that are equal."""
    (names, phis), (other_names, other_phis) = described(one), described(other)
    return names == other_names and all(map(near, phis, other_phis))


def described(structure):
    """Returns what must be the same of a structure, and the numbers that must be equal but for rounding."""
    names, phis = [structure.relations], [structure.big_phi, structure.sum_phi_relations]
    for one in sorted(structure.distinctions, key=lambda distinction: distinction.mechanism):
        names.append((one.mechanism, one.cause.nodes, one.cause.state, one.effect.nodes, one.effect.state))
        phis += [one.phi, one.cause.phi, one.effect.phi]
    return names, phis


def compare_iit3(system, counts, where):
    """Compares Φ of IIT 3.0, with the tolerance to which PyPhi rounds."""
    from lightning_iit import Skipped, compute_phi

    ours, theirs = compute_phi(system, ties=True), compute_phi(system, "pyphi")
    if isinstance(ours, Skipped):
        counts.add("Unreachable state", "iit3", theirs == ours, where=where)
        return
    known = "tied_purviews" if ours.tied_purviews else ""
    counts.add("Φ", "iit3", abs(ours.phi - theirs.phi) <= 2e-6, known, f"{where}: {ours.phi} and {theirs.phi}")
    concepts = [{(one.mechanism, one.cause_purview, one.effect_purview) for one in result.concepts} for result in (ours, theirs)]
    counts.add("Number of concepts", "iit3", len(concepts[0]) == len(concepts[1]), where=where)
    counts.add("Purviews of the concepts", "iit3", concepts[0] == concepts[1], known, where)
    if ours.phi > 0:
        cut_ties = "tied_partitions" if ours.phi_margin is not None and ours.phi_margin <= 2e-6 else known
        counts.add("Cut", "iit3", ours.cut == theirs.cut, cut_ties, where)
        counts.add("Cuts tried", "iit3", 0 < theirs.cuts_evaluated <= 2**system.n - 2, where=where)
        quick = [compute_phi(system, engine, cuts="one", new_concepts=False).phi for engine in ("auto", "pyphi")]
        counts.add("Φ, both approximations", "iit3", abs(quick[0] - quick[1]) <= 2e-6, known, f"{where}: {quick}")


def compare_complexes(system, counts, where):
    """Compares the major complex of each formalism."""
    from lightning_iit import Skipped, compute_phi, major_complex

    for formalism in ("iit3", *FORMALISMS):
        ours, theirs = (major_complex(system, engine, formalism=formalism) for engine in ("auto", "pyphi"))
        if isinstance(ours, Skipped) or isinstance(ours.result, Skipped):
            continue
        equal = ours.nodes == theirs.nodes and abs(ours.result.phi - theirs.result.phi) <= (2e-6 if formalism == "iit3" else 1e-9)
        known = "tied_subsets" if tied(system, formalism, ours) else ""
        if not theirs.nodes and isinstance(compute_phi(system, formalism=formalism), Skipped):
            known = "unreachable"
        counts.add("Major complex", formalism, equal, known, where)


def tied(system, formalism, found):
    """Says whether another subset of the nodes has the Φ or φ_s of the major complex."""
    from itertools import chain, combinations

    from lightning_iit import compute_phi

    subsets = chain.from_iterable(combinations(range(system.n), size) for size in range(1, system.n + 1))
    phis = (compute_phi(system, formalism=formalism, nodes=nodes).phi for nodes in subsets if nodes != found.nodes)
    return any(phi is not None and abs(phi - found.result.phi) <= 2e-6 for phi in phis)


def check_isolation(counts):
    """Checks that PyPhi changes nothing of the process and nothing changes PyPhi, and that a worker process gives the same."""
    import tempfile

    from lightning_iit import System, compute_phi
    from lightning_iit.phi.pyphi._import import import_pyphi
    from lightning_iit.phi.pyphi.engine import PyPhiEngine
    from lightning_iit.records import PhiOptions

    system = System(tpm=[[0.1, 0.2], [0.3, 0.8], [0.9, 0.3], [0.7, 0.9]], state=(0, 1))
    code = f"""
import collections, logging, logging.config, os, pathlib, sys, warnings
import numpy
logging.basicConfig(filename="host.log", level=logging.INFO)
warnings.simplefilter("error")
def host():
    root = logging.getLogger()
    return os.getcwd(), dict(os.environ), list(root.handlers), root.level, list(warnings.filters), set(dir(collections))
before = host()
from lightning_iit import System, compute_phi
found = [compute_phi(System(tpm={system.tpm}, state=(0, 1)), "pyphi", formalism=name).phi for name in {("iit3", *FORMALISMS)}]
assert host() == before, (before, host())
assert "torch" not in sys.modules
pathlib.Path("found.json").write_text(repr(found))
"""
    expected = [compute_phi(system, "pyphi", formalism=name).phi for name in ("iit3", *FORMALISMS)]
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "pyphi_config.yml").write_text("numerics:\n  precision: 1\n")
        done = subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=False)
        silent = (done.returncode, done.stdout, done.stderr) == (0, "", "")
        counts.add("Host as it was, and silent", "all", silent, where=done.stderr[-200:].replace("\n", " "))
        same = silent and json.loads((Path(folder) / "found.json").read_text()) == expected
        counts.add("A pyphi_config.yml changes nothing", "all", same)
    pyphi = import_pyphi()
    with pyphi.config.override(precision=1, shortcircuit_sia=False):
        before = pyphi.config.snapshot()
        again = [compute_phi(system, "pyphi", formalism=name).phi for name in ("iit3", *FORMALISMS)]
        counts.add("The host's configuration changes nothing", "all", again == expected)
        counts.add("The host's configuration stays", "all", pyphi.config.snapshot() == before)
    seen = []
    list(PyPhiEngine().analyse([system, system], PhiOptions(), seen.append))
    counts.add("Progress", "iit3", len(seen) > 2 and seen == sorted(seen) and seen[-1] == 1)
    counts.add("A worker process", "iit3", compute_phi(system, "pyphi", timeout=300).phi == expected[0])


def measured(rng):
    """Measures both engines on dense random systems; returns a row for each number of units."""
    from lightning_iit import System, compute_phi, compute_structure

    rows = []
    everything = {"pyphi_options": {"shortcircuit_sia": False}}
    for what, call, options, n, systems, bound in (
        ("φ_s", compute_phi, everything, 4, 5, 1_000),
        ("φ_s", compute_phi, everything, 6, 1, 10_000),
        ("structure", compute_structure, {}, 3, 5, 200),
        ("structure", compute_structure, {}, 4, 3, 200),
    ):
        found = []
        for _ in range(systems):
            system = System(tpm=rng.random((1 << n, n)), state=[0] * n)
            ours = min(seconds(lambda: call(system, formalism="iit4-2023"), 20) for _ in range(5))  # noqa: B023
            theirs = seconds(lambda: call(system, "pyphi", formalism="iit4-2023", **options), 1)  # noqa: B023
            found.append((theirs / ours, theirs, ours))
        ratio, theirs, ours = min(found)
        rows.append({"what": what, "n": n, "systems": systems, "theirs": theirs, "ours": ours, "ratio": ratio, "bound": bound})
    return rows


def seconds(call, times):
    """Returns the processor time of one of so many calls."""
    start = time.process_time()
    for _ in range(times):
        call()
    return (time.process_time() - start) / times


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]))
