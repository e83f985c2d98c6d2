"""How the kernels are compiled: no Python objects, no GIL, kept on disk where that is possible.

The machine code lives in a folder of the user's cache that is named by a digest of everything it depends on: all sources of this
package, numba, llvmlite, Python and the CPU. numba itself looks only at the file of the outermost function, so a change in an
inner one would go unseen; here any change names another folder.
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
"""Without ``_nrt`` numba counts no references to arrays, which took half of the time. The caller in Python holds all arrays, and
kernels cannot make any."""
F = TypeVar("F", bound=Callable[..., Any])


@cache
def digest() -> str:
    """What the machine code depends on, as a hexadecimal digest."""
    parts = [numba.__version__, llvmlite.__version__, sys.version, platform.machine(), str(config.OPT)]
    parts += [str(part) for part in cpu_target.target_context.codegen().magic_tuple()]
    hashed = hashlib.sha256("\n".join(parts).encode())
    for source in sorted(Path(__file__).parent.rglob("*.py")):
        hashed.update(source.read_bytes())
    return hashed.hexdigest()[:24]


def user_cache() -> Path:
    """The folder in which the user's programs keep what can be made again."""
    if config.CACHE_DIR:
        return Path(config.CACHE_DIR)
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", tempfile.gettempdir()))
    if sys.platform == "darwin":
        return Path("~/Library/Caches").expanduser()
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser()


@cache
def cache_folder() -> Path | None:
    """The folder of the machine code, made where it is not there; None where nothing can be written."""
    try:
        folder = user_cache() / "lightning-iit" / f"kernels-{digest()}"
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return folder
    except (OSError, RuntimeError):
        return None


class _KernelLibrary(JITCodeLibrary):
    """The code of a kernel that other kernels take in; it is optimised there, once instead of at every level."""

    def _optimize_final_module(self) -> None:
        """Leaves the module as it is."""


class _EntryLibrary(JITCodeLibrary):
    """The code of an entry with that of all kernels it calls.

    They are made private before they are optimised together. Then LLVM passes on only those parts of the tuples of arrays that a
    kernel reads, instead of some hundred words by the stack with every call: three times faster.
    """

    def _optimize_final_module(self) -> None:
        """Optimises the module with its kernels private."""
        for function in self._final_module.functions:
            if function.linkage == Linkage.linkonce_odr:
                function.linkage = Linkage.internal
        super()._optimize_final_module()  # type: ignore[no-untyped-call]


class _LibraryCompiler(Compiler):
    """numba's compiler, into a library of another class."""

    library: Any

    def define_pipelines(self) -> Any:
        """The usual passes."""
        self.state.library = self.library(self.state.targetctx.codegen(), self.state.func_id.func_qualname)
        self.state.library.enable_object_caching()
        return super().define_pipelines()  # type: ignore[no-untyped-call]


class _KernelCompiler(_LibraryCompiler):
    library = _KernelLibrary


class _EntryCompiler(_LibraryCompiler):
    library = _EntryLibrary


def kernel(function: F) -> F:
    """Makes a kernel that other kernels call: no GIL, and division by zero does not raise. Python reaches it through an entry."""
    return _inner(function, **OPTIONS)


def fast_sum_kernel(function: F) -> F:
    """As :func:`kernel`, with sums free to be reordered, so that they run in vector registers."""
    return _inner(function, fastmath={"reassoc", "contract", "nsz"}, **OPTIONS)


def _inner(function: F, **options: Any) -> F:
    compiled: F = njit(function, pipeline_class=_KernelCompiler, no_cpython_wrapper=True, no_cfunc_wrapper=True, **options)
    _ignore_literals(compiled)
    _refuse_python(compiled)
    return compiled


def _ignore_literals(compiled: Any) -> None:
    """Keeps numba from compiling a kernel once more for every integer constant that another kernel calls it with."""
    template = compiled.get_call_template
    unliteral: Callable[[Any], Any] = types.unliteral

    def without_literals(args: tuple[Any, ...], kws: dict[str, Any]) -> Any:
        return template(tuple(unliteral(arg) for arg in args), {name: unliteral(arg) for name, arg in kws.items()})

    compiled.get_call_template = without_literals


def _refuse_python(compiled: Any) -> None:
    """Turns a call from Python into an error; there is no code in between that could make it."""

    def called_from_python(*_args: Any, **_kws: Any) -> None:
        msg = f"{compiled.py_func.__name__} is a kernel for other kernels; call it from a function compiled with entry()."
        raise TypeError(msg)

    def known_to_kernels_only(result: Any) -> None:
        compiled.overloads[tuple(result.signature.args)] = result

    compiled._compile_for_args = called_from_python
    compiled.add_overload = known_to_kernels_only


class _EntryCache(FunctionCache):
    """numba's cache, which reads machine code without first loading all that would be needed to compile it: a third of a second."""

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """The code that is kept for a signature, or None."""
        with self._guard_against_spurious_io_errors():
            return self._load_overload(sig, target_context)  # type: ignore[no-untyped-call]


def entry(function: F) -> F:
    """Makes a kernel that Python calls; its machine code, with that of all kernels it calls, is kept on disk."""
    folder = cache_folder()
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
    """The code of an entry that was called before, for arguments of the same types.

    It does not look at the types, which takes numba ten times as long as a call with some sixty arrays itself.
    """
    (compiled,) = called.overloads.values()  # type: ignore[attr-defined]
    code: Callable[..., Any] = compiled.entry_point
    return code
