"""Which of the observed states are analysed."""

from __future__ import annotations

from typing import Literal, TypeAlias

from lightning_iit.errors import InvalidArgumentError
from lightning_iit.records import Counts, State

StatesPolicy: TypeAlias = Literal["mode", "last", "all"] | int


def check_policy(policy: StatesPolicy) -> None:
    """Raises InvalidArgumentError unless the policy is "mode", "last", "all" or a positive number."""
    if policy in {"mode", "last", "all"} or (isinstance(policy, int) and not isinstance(policy, bool) and policy > 0):
        return
    msg = (
        f"IITCallback(states={policy!r}): which states are analysed is 'mode' (the most visited), 'last', 'all' (each visited one) "
        "or a positive number k (the k most visited)."
    )
    raise InvalidArgumentError(msg)


def choose_states(counts: Counts, last: State | None, policy: StatesPolicy) -> tuple[State, ...]:
    """The states to analyse, the most visited first (ties: the lower index), out of those that were observed.

    Args:
        counts: transition counts of n units.
        last: the state that was observed last; "last" needs it.
        policy: "mode", "last", "all" or the number of most visited states.

    Returns:
        States as tuples of n bits, unit 0 first; empty where no transition was counted.
    """
    n = len(counts.on[0])
    if policy == "last":
        return () if last is None else (last,)
    visited = [index for index, visits in enumerate(counts.visits) if visits > 0]
    visited.sort(key=lambda index: (-counts.visits[index], index))
    wanted = {"mode": 1, "all": len(visited)}.get(policy, policy) if isinstance(policy, str) else policy
    return tuple(state_of(index, n) for index in visited[: int(wanted)])


def state_of(index: int, n: int) -> State:
    """The state of that little-endian index: ``state_of(1, 3) == (1, 0, 0)``."""
    return tuple((index >> unit) & 1 for unit in range(n))


def index_of(state: State) -> int:
    """The little-endian index of a state: ``index_of((1, 0, 0)) == 1``."""
    return sum(bit << unit for unit, bit in enumerate(state))
