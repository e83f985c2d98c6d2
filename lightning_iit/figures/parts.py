"""The parts of a partition, what is severed between them, and what that is called in pictures."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

from lightning_iit.records import Computed, SystemPhi

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from lightning_iit.records import PhiResult


def partition_of(result: PhiResult, n: int) -> tuple[set[tuple[int, int]], list[tuple[int, ...]]]:
    """Returns the severed connections and the parts of the partition; no connection and a single part where there is none."""
    if isinstance(result, Computed) and result.cut is not None:
        return set(product(result.cut.from_nodes, result.cut.to_nodes)), [result.cut.from_nodes, result.cut.to_nodes]
    if isinstance(result, SystemPhi) and result.partition:
        return set(result.partition), parts_of(result, n)
    return set(), [tuple(range(n))]


def parts_of(result: SystemPhi, n: int) -> list[tuple[int, ...]]:
    """Returns the parts of a partition of IIT 4.0: between two of them a connection is severed, inside of none.

    Units that are background are a part of their own, the last one.
    """
    severed = set(result.partition)
    parts: list[tuple[int, ...]] = []
    for node in result.nodes:
        mine = next((k for k, part in enumerate(parts) if not {(node, part[0]), (part[0], node)} & severed), None)
        if mine is None:
            parts.append((node,))
        else:
            parts[mine] = (*parts[mine], node)
    background = tuple(node for node in range(n) if node not in result.nodes)
    return [*parts, *([background] if background else [])]


def severed_words(severed: Iterable[tuple[int, int]], names: Sequence[str]) -> str:
    """Returns from which units to which connections are severed; units with the same targets are named together."""
    targets: dict[int, list[int]] = {}
    for source, target in sorted(severed):
        targets.setdefault(source, []).append(target)
    sources: dict[tuple[int, ...], list[int]] = {}
    for source, of in targets.items():
        sources.setdefault(tuple(of), []).append(source)
    return ", ".join(f"from {_named(nodes, names)} to {_named(of, names)}" for of, nodes in sources.items())


def _named(nodes: Iterable[int], names: Sequence[str]) -> str:
    """Returns the names of nodes."""
    return " ".join(names[node] for node in nodes)


def directions_of(parts: Sequence[tuple[int, ...]], severed: set[tuple[int, int]]) -> list[str]:
    """Returns for each part whether all that goes from it to the others is severed, all that comes to it, or both.

    The names are "from", "to" and "from and to"; where all parts have the same one, it tells them not apart and is left out.
    """
    found = []
    for part in parts:
        others = [node for other in parts if other != part for node in other]
        pairs = list(product(part, others))
        leaves = ["from"] if all(pair in severed for pair in pairs) else []
        comes = ["to"] if all((other, node) in severed for node, other in pairs) else []
        found.append(" and ".join(leaves + comes))
    return found if len(set(found)) > 1 else [""] * len(found)
