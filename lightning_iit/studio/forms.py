"""Forms for the arguments of a class: a JSON schema, made of its signature and docstring, and checks of what is filled in."""

from __future__ import annotations

import functools
import inspect
import operator
import types
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, Union, get_args, get_origin, get_type_hints

import msgspec
import yaml

from lightning_iit.commands.arguments import documented_arguments
from lightning_iit.errors import InvalidArgumentError

if TYPE_CHECKING:
    from collections.abc import Collection

    from lightning_iit.studio.records import Value

_Kind: TypeAlias = Literal["boolean", "integer", "number", "string"]
_PLAIN: dict[Any, _Kind] = {bool: "boolean", int: "integer", float: "number", str: "string"}
_TYPE_OF_NONE = type(None)
_LONGEST = 2_000
"""The most characters of a text that is filled in."""


class Field(msgspec.Struct, frozen=True, kw_only=True):
    """Describes an argument, as a property of a JSON schema.

    Attributes:
        description: its words.
        type: its type; None where it has several, and is written as in YAML.
        enum: its choices; empty where it is no choice.
        default: what it is where nothing is filled in.
    """

    description: str
    type: _Kind | None = None
    enum: tuple[str | None, ...] = ()
    default: Any = None


class Form(msgspec.Struct, frozen=True, kw_only=True):
    """Describes the arguments of a class, as a JSON schema.

    Attributes:
        properties: the arguments, by name.
        required: those that have no default.
        type: "object".
    """

    properties: dict[str, Field]
    required: tuple[str, ...] = ()
    type: Literal["object"] = "object"


def form_of(kind: type, leave_out: Collection[str] = ()) -> Form:
    """Returns the form of a class; arguments that only Python can write, such as functions, are not in it.

    Args:
        kind: the class.
        leave_out: arguments that are given by others.
    """
    words = documented_arguments(kind)
    fields, required = {}, []
    for name, (hint, default) in _arguments(kind, leave_out).items():
        if default is inspect.Parameter.empty:
            required.append(name)
        fields[name] = _field(hint, None if default is inspect.Parameter.empty else default, words.get(name, ""))
    return Form(properties=fields, required=tuple(required))


def filled_in(kind: type, values: Mapping[str, Value], leave_out: Collection[str] = ()) -> dict[str, Any]:
    """Returns the values that were filled into the form of a class, each of the type of its argument.

    Raises:
        InvalidArgumentError: a name that is not in the form, a value of another type, or a missing one.
    """
    known = _arguments(kind, leave_out)
    found = {}
    for name, value in values.items():
        if name not in known:
            msg = f"{name}: {kind.__name__} has no such argument in its form. There are {', '.join(known) or 'none'}."
            raise InvalidArgumentError(msg)
        found[name] = _read(name, value, known[name][0])
    missing = [name for name, (_, default) in known.items() if default is inspect.Parameter.empty and found.get(name) in {None, ""}]
    if missing:
        msg = f"{kind.__name__} needs {', '.join(missing)}."
        raise InvalidArgumentError(msg)
    return found


def _arguments(kind: type, leave_out: Collection[str]) -> dict[str, tuple[Any, Any]]:
    """Returns (type, default) of each argument that a form can have; of a type only what can be written in a form."""
    try:
        hints = get_type_hints(kind.__init__)  # type: ignore[misc]
    except Exception:  # noqa: BLE001  a name that is known to type checkers only
        hints = {}
    found = {}
    for name, parameter in inspect.signature(kind).parameters.items():
        if name in leave_out or parameter.kind in {parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD}:
            continue
        hint = hints.get(name, parameter.annotation)
        if isinstance(hint, str) or hint is parameter.empty:
            hint = Any if parameter.default in {parameter.empty, None} else type(parameter.default)
        if (plain := _plain(hint)) is not None:
            found[name] = (plain, parameter.default)
    return found


def _plain(hint: Any) -> Any:
    """Returns the part of a type that can be written in a form; None where there is none."""
    if hint in _PLAIN or hint is Any or hint is _TYPE_OF_NONE or get_origin(hint) is Literal:
        return hint
    origin, inner = get_origin(hint), get_args(hint)
    if origin in {Union, types.UnionType}:
        members = [found for member in inner if (found := _plain(member)) is not None]
        is_some = any(member is not _TYPE_OF_NONE for member in members)
        return functools.reduce(operator.or_, members) if is_some else None
    if isinstance(origin, type) and issubclass(origin, (Sequence, Mapping)):
        return hint if all(_plain(member) is not None for member in inner if member is not ...) else None
    return hint if hint in {list, tuple, dict} else None


def _field(hint: Any, default: Any, words: str) -> Field:
    """Returns the field of an argument."""
    members = set(get_args(hint)) if get_origin(hint) in {Union, types.UnionType} else {hint}
    literals = [choice for member in members if get_origin(member) is Literal for choice in get_args(member)]
    others = {member for member in members if get_origin(member) is not Literal}
    given = default if isinstance(default, (bool, int, float, str, list, dict, _TYPE_OF_NONE)) else _listed(default)
    if literals and others <= {_TYPE_OF_NONE} and all(isinstance(choice, str) for choice in literals):
        none = (None,) if others else ()
        return Field(description=words, type="string", enum=(*none, *literals), default=given)
    one = next(iter(others - {_TYPE_OF_NONE}), None) if len(others - {_TYPE_OF_NONE}) == 1 and not literals else None
    is_typed = one in _PLAIN and (_TYPE_OF_NONE not in others or default is None)
    return Field(description=words, type=_PLAIN[one] if is_typed else None, default=given)


def _listed(default: Any) -> Any:
    """Returns a default as a list, or as text."""
    return list(default) if isinstance(default, (tuple, set, frozenset)) else str(default)


def _read(name: str, value: Value, hint: Any) -> Any:
    """Returns a value as its type has it; text is read as YAML where the type is no text.

    Raises:
        InvalidArgumentError: it does not fit.
    """
    candidates: list[Any] = [value]
    if isinstance(value, str) and len(value) <= _LONGEST:
        with suppress(yaml.YAMLError, ValueError, RecursionError):
            candidates = [value, yaml.safe_load(value)] if hint is str else [yaml.safe_load(value), value]
    for one in candidates:
        if fits(one, hint):
            return one
    shown = " ".join(repr(value).split())[:80]
    msg = f"{name}={shown}: this does not fit its type, {_named(hint)}. Write lists as [0, 1], and nothing as null."
    raise InvalidArgumentError(msg)


def fits(value: Any, hint: Any) -> bool:
    """Returns whether a value is of a type of plain data. A class by its path is none: it would be imported."""
    origin, inner = get_origin(hint), get_args(hint)
    if not _is_harmless(value):
        return False
    if origin is Literal:
        return any(value == choice and type(value) is type(choice) for choice in inner)
    if origin in {Union, types.UnionType}:
        return any(fits(value, member) for member in inner)
    if hint in {*_PLAIN, _TYPE_OF_NONE}:
        return type(value) is hint or (hint is float and type(value) is int)
    if isinstance(value, dict):
        member = inner[1] if len(inner) == 2 else Any
        return hint is Any or (_is(origin or hint, Mapping) and all(fits(one, member) for one in value.values()))
    member = inner[0] if inner else Any
    return hint is Any or (isinstance(value, list) and _is(origin or hint, Sequence) and all(fits(one, member) for one in value))


def _is(kind: Any, base: type) -> bool:
    """Returns whether a type derives from another."""
    return isinstance(kind, type) and issubclass(kind, base)


def _is_harmless(value: Any) -> bool:
    """Returns whether plain data name no class to be made."""
    if isinstance(value, dict):
        return "class_path" not in value and all(isinstance(name, str) and _is_harmless(one) for name, one in value.items())
    if isinstance(value, str):
        return len(value) <= _LONGEST
    return all(map(_is_harmless, value)) if isinstance(value, list) else isinstance(value, (bool, int, float, _TYPE_OF_NONE))


def _named(hint: Any) -> str:
    """Returns a type in words."""
    return hint.__name__ if isinstance(hint, type) else str(hint).replace("typing.", "").replace("collections.abc.", "")
