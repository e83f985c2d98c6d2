"""The choice of the observed states that are analysed, and the conversion between states and their indices."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias

from lightning_iit.checks import as_whole
from lightning_iit.errors import InvalidArgumentError
from lightning_iit.records import State

if TYPE_CHECKING:
    from collections.abc import Sequence

StatesPolicy: TypeAlias = Literal["auto", "mode", "last", "all"] | int
"""Which observed states are analysed.

"auto": every visited state of up to 4 units, of more the most visited one; "mode": the most visited state; "last": the state
observed last; "all": every visited state; a number k: the k most visited states.
"""

_ALL_UP_TO = 4
"""The most units whose visited states "auto" takes all."""


def check_policy(policy: StatesPolicy, option: str = "IITCallback(states=...)") -> None:
    """Checks that a policy is "mode", "last", "all" or a positive number.

    Args:
        policy: the value to check.
        option: where the value was given, with "..." in its place.

    Raises:
        InvalidArgumentError: any other value.
    """
    if (isinstance(policy, str) and policy in {"auto", "mode", "last", "all"}) or (as_whole(policy) or 0) > 0:
        return
    msg = (
        f"{option.replace('...', repr(policy))}: which states are analysed is 'auto', 'mode' (the most visited), 'last', 'all' "
        "(each visited one) or a positive number k (the k most visited)."
    )
    raise InvalidArgumentError(msg)


def choose_states(visits: Sequence[int], last: State | None, policy: StatesPolicy) -> tuple[State, ...]:
    """Chooses the states to analyse among the observed ones; the most visited state comes first (for equal visits the lower index).

    Args:
        visits: ``[2**n]``, how often each state of n units was observed.
        last: the state that was observed last; only the policy "last" uses it.
        policy: "auto" ("all" for up to 4 units, else "mode"), "mode" (the most visited state), "last", "all" (every visited state)
            or a number k (the k most visited states).

    Returns:
        States as tuples of n bits, unit 0 first; an empty tuple if no state was observed.

    Example:
        >>> choose_states([2, 5, 0, 2], last=(0, 0), policy=2)
        ((1, 0), (0, 0))
    """
    n = len(visits).bit_length() - 1
    if policy == "last":
        return () if last is None else (last,)
    visited = [index for index, times in enumerate(visits) if times > 0]
    visited.sort(key=lambda index: (-visits[index], index))
    if policy == "auto":
        policy = "all" if n <= _ALL_UP_TO else "mode"
    wanted = {"mode": 1, "all": len(visited)}.get(policy, policy) if isinstance(policy, str) else policy
    return tuple(state_of(index, n) for index in visited[: int(wanted)])


def state_of(index: int, n: int) -> State:
    """Returns the state of n units with the given little-endian index (unit 0 is the least significant bit).

    Example:
        >>> state_of(1, 3)
        (1, 0, 0)
    """
    return tuple((index >> unit) & 1 for unit in range(n))


def index_of(state: State) -> int:
    """Returns the little-endian index of a state (unit 0 is the least significant bit).

    Example:
        >>> index_of((1, 0, 0))
        1
    """
    return sum(bit << unit for unit, bit in enumerate(state))
