"""Compilation of the kernels: without Python objects, without the GIL, and kept on disk where a folder can be written.

The machine code lies in a folder of the user's cache. The folder's name is a digest of everything that the machine code depends on:
all sources of the engine, numba, llvmlite, Python and the CPU. numba itself looks only at the file of the outermost function and
misses a change in an inner function; here, any change names another folder. Each compiled engine has a folder of its own.
"""

from __future__ import annotations

import hashlib
import os
import platform
import sys
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, TypeVar, cast

import llvmlite
import numba
from llvmlite.binding import Linkage
from numba.core import config as _config
from numba.core import types
from numba.core.caching import FunctionCache
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import Compiler
from numba.core.registry import cpu_target

config: Any = _config
njit: Any = numba.njit
OPTIONS: Any = {"nogil": True, "error_model": "numpy", "_nrt": False}
"""numba's options for all kernels.

Without ``_nrt``, numba counts no references to arrays, which took half of the time. The caller in Python holds all arrays, and
kernels cannot make arrays."""
F = TypeVar("F", bound=Callable[..., Any])
_ROOM = Path(__file__).parent
IIT3, IIT4 = _ROOM / "fast", _ROOM / "iit4"
"""The folders of the sources of the compiled engines."""


def _engine_of(function: Callable[..., Any]) -> Path:
    """Returns the folder of the engine that a function is part of; for other functions that of IIT 3.0."""
    return IIT4 if IIT4 in Path(function.__code__.co_filename).parents else IIT3


@cache
def digest(engine: Path = IIT3) -> str:
    """Returns a hexadecimal digest of everything that the machine code of an engine depends on."""
    parts = [numba.__version__, llvmlite.__version__, sys.version, platform.machine(), str(config.OPT)]
    parts += [str(part) for part in cpu_target.target_context.codegen().magic_tuple()]
    hashed = hashlib.sha256("\n".join(parts).encode())
    for source in sorted({Path(__file__), *engine.rglob("*.py")}):
        hashed.update(source.read_bytes())
    return hashed.hexdigest()[:24]


def user_cache() -> Path:
    """Returns the folder for files that can be made again: numba's ``CACHE_DIR`` if set, else the user's cache folder."""
    if config.CACHE_DIR:
        return Path(config.CACHE_DIR)
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", tempfile.gettempdir()))
    if sys.platform == "darwin":
        return Path("~/Library/Caches").expanduser()
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser()


@cache
def cache_folder(engine: Path = IIT3) -> Path | None:
    """Returns the folder of an engine's machine code, made if missing; None where no file can be written."""
    try:
        folder = user_cache() / "lightning-iit" / f"kernels-{digest(engine)}"
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return folder
    except (OSError, RuntimeError):
        return None


_ENTRIES = {IIT3: "evaluation.evaluate_cut", IIT4: "candidate._condition"}
"""Of each engine an entry that every Φ needs."""


def code_is_on_disk(engine: Path = IIT3) -> bool:
    """Says whether the machine code of an entry that every Φ of an engine needs lies in the cache."""
    folder = cache_folder(engine)
    return folder is not None and any(folder.glob(f"*/{_ENTRIES[engine]}-*.nbi"))


class _KernelLibrary(JITCodeLibrary):
    """Holds the code of a kernel that other kernels include; the code is optimised there, once, instead of at every level."""

    def _optimize_final_module(self) -> None:
        """Leaves the module as it is."""


class _EntryLibrary(JITCodeLibrary):
    """Holds the code of an entry together with the code of all kernels that the entry calls.

    The kernels are made private before everything is optimised together. Then LLVM passes to a kernel only those parts of the
    tuples of arrays that the kernel reads, instead of some hundred words by the stack with every call: three times faster.
    """

    def _optimize_final_module(self) -> None:
        """Makes the kernels private and optimises the module."""
        for function in self._final_module.functions:
            if function.linkage == Linkage.linkonce_odr:
                function.linkage = Linkage.internal
        super()._optimize_final_module()  # type: ignore[no-untyped-call]


class _LibraryCompiler(Compiler):
    """Compiles with numba's passes into a library of the class ``library``."""

    library: Any

    def define_pipelines(self) -> Any:
        """Returns numba's usual passes, after replacing the library into which they compile."""
        self.state.library = self.library(self.state.targetctx.codegen(), self.state.func_id.func_qualname)
        self.state.library.enable_object_caching()
        return super().define_pipelines()  # type: ignore[no-untyped-call]


class _KernelCompiler(_LibraryCompiler):
    """Compiles a kernel that other kernels include."""

    library = _KernelLibrary


class _EntryCompiler(_LibraryCompiler):
    """Compiles an entry with all kernels that the entry calls."""

    library = _EntryLibrary


def kernel(function: F) -> F:
    """Compiles a function that only other kernels call; the compiled code needs no GIL, and a division by zero raises nothing.

    Python reaches a kernel through a function compiled with :func:`entry`; a direct call raises TypeError.
    """
    return _inner(function, **OPTIONS)


def fast_sum_kernel(function: F) -> F:
    """Compiles as :func:`kernel` does, and lets sums be reordered, so that sums run in vector registers."""
    return _inner(function, fastmath={"reassoc", "contract", "nsz"}, **OPTIONS)


def _inner(function: F, **options: Any) -> F:
    """Compiles a kernel with these options of numba."""
    compiled: F = njit(function, pipeline_class=_KernelCompiler, no_cpython_wrapper=True, no_cfunc_wrapper=True, **options)
    _ignore_literals(compiled)
    _refuse_python(compiled)
    return compiled


def _ignore_literals(compiled: Any) -> None:
    """Keeps numba from compiling a kernel once more for every integer constant that another kernel passes to the kernel."""
    template = compiled.get_call_template
    unliteral: Callable[[Any], Any] = types.unliteral

    def without_literals(args: tuple[Any, ...], kws: dict[str, Any]) -> Any:
        return template(tuple(unliteral(arg) for arg in args), {name: unliteral(arg) for name, arg in kws.items()})

    compiled.get_call_template = without_literals


def _refuse_python(compiled: Any) -> None:
    """Turns a call of a kernel from Python into a TypeError; kernels have no code that could convert Python's arguments."""

    def called_from_python(*_args: Any, **_kws: Any) -> None:
        msg = f"{compiled.py_func.__name__} is a kernel for other kernels; call it from a function compiled with entry()."
        raise TypeError(msg)

    def known_to_kernels_only(result: Any) -> None:
        compiled.overloads[tuple(result.signature.args)] = result

    compiled._compile_for_args = called_from_python
    compiled.add_overload = known_to_kernels_only


class _EntryCache(FunctionCache):
    """Reads machine code from disk without first loading everything needed to compile, which would take a third of a second."""

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """Returns the stored machine code for a signature, or None where there is none."""
        with self._guard_against_spurious_io_errors():
            return self._load_overload(sig, target_context)  # type: ignore[no-untyped-call]


def entry(function: F) -> F:
    """Compiles a function that Python calls; the machine code, with all kernels that the function calls, is kept on disk."""
    folder = cache_folder(_engine_of(function))
    before = config.CACHE_DIR
    config.CACHE_DIR = str(folder or "")
    try:
        compiled: Any = njit(function, pipeline_class=_EntryCompiler, no_cfunc_wrapper=True, **OPTIONS)
        if folder is not None:
            compiled._cache = _EntryCache(function)  # type: ignore[no-untyped-call]
    finally:
        config.CACHE_DIR = before
    return cast("F", compiled)


def machine_code(called: Callable[..., Any]) -> Callable[..., Any]:
    """Returns the machine code of an entry, to be called with arguments of the same types; before its first call, the entry itself.

    The machine code does not check the types of its arguments; for some sixty arrays numba's check takes a hundred times as long as
    the call itself.
    """
    return _code(called) if called.overloads else called  # type: ignore[attr-defined]


@cache
def _code(called: Callable[..., Any]) -> Callable[..., Any]:
    """Returns the machine code of an entry that has been called; remembered, because numba hashes all types to look it up."""
    (compiled,) = called.overloads.values()  # type: ignore[attr-defined]
    code: Callable[..., Any] = compiled.entry_point
    return code
