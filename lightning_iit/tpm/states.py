"""Which of the observed states are analysed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias

from lightning_iit.errors import InvalidArgumentError
from lightning_iit.records import State

if TYPE_CHECKING:
    from collections.abc import Sequence

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


def choose_states(visits: Sequence[int], last: State | None, policy: StatesPolicy) -> tuple[State, ...]:
    """The states to analyse, the most visited first (ties: the lower index), out of those that were observed.

    Args:
        visits: ``[2**n]``, how often each state of n units was observed.
        last: the state that was observed last; "last" needs it.
        policy: "mode", "last", "all" or the number of most visited states.

    Returns:
        States as tuples of n bits, unit 0 first; empty where none was observed.
    """
    n = len(visits).bit_length() - 1
    if policy == "last":
        return () if last is None else (last,)
    visited = [index for index, times in enumerate(visits) if times > 0]
    visited.sort(key=lambda index: (-visits[index], index))
    wanted = {"mode": 1, "all": len(visited)}.get(policy, policy) if isinstance(policy, str) else policy
    return tuple(state_of(index, n) for index in visited[: int(wanted)])


def state_of(index: int, n: int) -> State:
    """The state of that little-endian index: ``state_of(1, 3) == (1, 0, 0)``."""
    return tuple((index >> unit) & 1 for unit in range(n))


def index_of(state: State) -> int:
    """The little-endian index of a state: ``index_of((1, 0, 0)) == 1``."""
    return sum(bit << unit for unit, bit in enumerate(state))
