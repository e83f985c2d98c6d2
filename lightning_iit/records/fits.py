"""Checks that the parts of a stored record fit each other; the range of each number is part of its type (``schema``)."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Any

from lightning_iit.errors import RecordError
from lightning_iit.records.iit4 import SystemPhi
from lightning_iit.records.results import Computed
from lightning_iit.records.schema import FORMALISM_WORDS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from lightning_iit.records.captured import Counts, Perturbation, Thresholds, TpmRecord, Units
    from lightning_iit.records.epochs import EpochRecord, GroupResult
    from lightning_iit.records.networks import NetworkSnapshot
    from lightning_iit.records.results import PhiResult
    from lightning_iit.records.surveys import OfFormalism
    from lightning_iit.records.systems import Concept


def check_record(record: EpochRecord) -> None:
    """Checks that states, counts, TPM, thresholds, partitions and concepts of a record are of the record's units.

    Raises:
        RecordError: two parts do not fit; the message names field and value.
    """
    _check_part(record, "")
    for index, group in enumerate(record.groups):
        _check_part(group, f"groups[{index}].")
        if group.state is not None:
            _length(group.state, f"groups[{index}].state", len(group.units.indices), "units")
    first = record.units.indices if record.units is not None else record.states[0].state if record.states else None
    n = None if first is None else len(first)
    for index, state in enumerate(record.states):
        if n is not None:
            _length(state.state, f"states[{index}].state", n, "units")
        _check_nodes(state.result, f"states[{index}].result", len(state.state))
    if record.tpm is not None:
        _check_tpm(record.tpm, n)
    if record.observed is not None:
        _check_counts(record.observed, "observed", n)
    if record.formalism not in FORMALISM_WORDS:
        _refuse("formalism", record.formalism, f"one of {', '.join(FORMALISM_WORDS)}")
    _check_formalism(record, "", n)
    for index, other in enumerate(record.others):
        _check_formalism(other, f"others[{index}].", n)
        for position, state in enumerate(other.states):
            _length(state.state, f"others[{index}].states[{position}].state", len(state.state) if n is None else n, "units")
            _check_nodes(state.result, f"others[{index}].states[{position}].result", len(state.state))


def check_network(snapshot: NetworkSnapshot) -> None:
    """Checks that units, activity, connections, flows and blocks of a network snapshot are of its layers.

    Raises:
        RecordError: two parts do not fit; the message names field and value.
    """
    for index, layer in enumerate(snapshot.layers):
        where = f"layers[{index}]."
        for name, units in (("indices", layer.indices), ("analysed", layer.analysed)):
            _below(units, where + name, layer.width, "units in the layer")
        for position, row in enumerate((layer.mean_activity or layer.indices, *layer.activity)):
            name = f"activity[{position - 1}]" if position else "mean_activity"
            _length(row, where + name, len(layer.indices), "drawn units")
    for index, connection in enumerate(snapshot.connections):
        ends = (connection.from_layer, connection.to_layer)
        _below(ends, f"connections[{index}]", len(snapshot.layers), "layers")
    for index, flow in enumerate(snapshot.flows):
        _below(flow, f"flows[{index}]", len(snapshot.layers), "layers")
    for index, block in enumerate(snapshot.blocks):
        _below(block.layers, f"blocks[{index}].layers", len(snapshot.layers), "layers")


def _check_formalism(part: EpochRecord | OfFormalism, where: str, n: int | None) -> None:
    """Checks what a record has of one formalism: its major complex and its structure name units of the record only."""
    if n is None:
        return
    _check_nodes(part.result, f"{where}result", n)
    if part.major_complex is not None:
        _below(part.major_complex.nodes, f"{where}major_complex.nodes", n, "units")
        _check_nodes(part.major_complex.result, f"{where}major_complex.result", n)
        for index, other in enumerate(part.major_complex.others):
            _check_nodes(other, f"{where}major_complex.others[{index}]", n)
    if part.structure is not None:
        _check_nodes(part.structure.system, f"{where}structure.system", n)
        for index, one in enumerate(part.structure.distinctions):
            field = f"{where}structure.distinctions[{index}]"
            _below((*one.mechanism, *one.cause.nodes, *one.effect.nodes), field, n, "units")
            for name, purview in (("cause", one.cause), ("effect", one.effect)):
                _length(purview.state, f"{field}.{name}.state", len(purview.nodes), "nodes of the purview")


def _check_part(part: EpochRecord | GroupResult, where: str) -> None:
    """Checks what a record and a group have in common; ``where`` begins the names of the fields."""
    n = None
    if part.units is not None:
        n = len(part.units.indices)
        _check_units(part.units, where + "units")
        _check_nodes(part.result, where + "result", n)
        if part.thresholds is not None:
            _check_thresholds(part.thresholds, where + "thresholds", n)
        if part.perturbation is not None:
            _check_perturbation(part.perturbation, where + "perturbation", n)
    if part.counts is not None:
        _check_counts(part.counts, where + "counts", n)


def _check_units(units: Units, field: str) -> None:
    """Checks the units and the clusters behind them."""
    _below((*units.indices, *chain(*units.clusters)), field, units.width, "units in the layer")
    if units.clusters:
        _length(units.clusters, f"{field}.clusters", len(units.indices), "elements")


def _check_thresholds(thresholds: Thresholds, field: str, n: int) -> None:
    """Checks that each of ``n`` elements has its thresholds."""
    _length(thresholds.values, f"{field}.values", n, "elements")
    if thresholds.upper:
        _length(thresholds.upper, f"{field}.upper", n, "elements")


def _check_perturbation(perturbation: Perturbation, field: str, n: int) -> None:
    """Checks the sizes of a perturbation of ``n`` elements."""
    _length(perturbation.observed, f"{field}.observed", 2**n, "states")
    for row in (perturbation.cm, *perturbation.cm) if perturbation.cm is not None else ():
        _length(row, f"{field}.cm", n, "elements")


def _check_counts(counts: Counts, field: str, n: int | None) -> None:
    """Checks the sizes of counts of ``n`` elements (None: not known), and that no unit was ON more often than it could be."""
    states = _states(counts.visits, f"{field}.visits", n)
    _length(counts.on, f"{field}.on", states, "states")
    for index, (visits, row) in enumerate(zip(counts.visits, counts.on, strict=True)):
        _length(row, f"{field}.on[{index}]", states.bit_length() - 1, "units")
        if row and max(row) > visits:
            _refuse(f"{field}.on[{index}]", row, f"at most {visits} each, the visits of the state")
    _below([max(entry[:2]) for entry in counts.joint], f"{field}.joint", states, "states")


def _check_tpm(tpm: TpmRecord, n: int | None) -> None:
    """Checks the sizes of a TPM of ``n`` elements (None: not known)."""
    states = _states(tpm.visited, "tpm.visited", n)
    _length(tpm.state_by_node, "tpm.state_by_node", states, "states")
    for index, row in enumerate(tpm.state_by_node):
        _length(row, f"tpm.state_by_node[{index}]", states.bit_length() - 1, "units")


def _check_nodes(result: PhiResult, field: str, n: int) -> None:
    """Checks that partition and concepts of a result name nodes of a system of ``n`` nodes only."""
    if isinstance(result, SystemPhi):
        _below((*result.nodes, *chain(*result.partition)), field, n, "units")
        for name, specified in (("cause", result.cause), ("effect", result.effect)):
            for state in (specified.state, *specified.ties):
                _length(state, f"{field}.{name}", len(result.nodes), "nodes")
    if not isinstance(result, Computed):
        return
    if result.cut is not None:
        _below((*result.cut.from_nodes, *result.cut.to_nodes), f"{field}.cut", n, "units")
    for index, concept in enumerate((*result.concepts, *result.partitioned_concepts)):
        _check_concept(concept, f"{field}.concepts[{index}]", n)


def _check_concept(concept: Concept, field: str, n: int) -> None:
    """Checks the nodes of a concept, and the sizes of its repertoires."""
    _below((*concept.mechanism, *concept.cause_purview, *concept.effect_purview), field, n, "units")
    if concept.cause_repertoire is not None:
        _length(concept.cause_repertoire, f"{field}.cause_repertoire", 2 ** len(concept.cause_purview), "states of the purview")
    if concept.effect_repertoire is not None:
        _length(concept.effect_repertoire, f"{field}.effect_repertoire", 2 ** len(concept.effect_purview), "states of the purview")


def _states(rows: Sequence[Any], field: str, n: int | None) -> int:
    """Returns the number of states; raises RecordError unless this is that of ``n`` elements, or of any number of elements."""
    states = len(rows)
    if n is not None:
        _length(rows, field, 2**n, "states of the units")
    elif states == 0 or states & (states - 1):
        _refuse(f"the length of {field}", states, "a power of 2, the number of states")
    return states


def _length(rows: Sequence[Any], field: str, length: int, of: str) -> None:
    """Raises RecordError unless a sequence has this length."""
    if len(rows) != length:
        _refuse(f"the length of {field}", len(rows), f"{length}, the number of {of}")


def _below(indices: Iterable[int], field: str, n: int, of: str) -> None:
    """Raises RecordError unless all indices are below ``n``."""
    largest = max(indices, default=-1)
    if largest >= n:
        _refuse(field, largest, f"below {n}, the number of {of}")


def _refuse(field: str, value: Any, words: str) -> None:
    """Raises RecordError for a field."""
    msg = f"{field} is {value!r}, but it must be {words}."
    raise RecordError(msg)
