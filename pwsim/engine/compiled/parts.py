"""Compiling what compiled code alone calls: as a part of that, not by itself.

numba links to each function all those that it calls, with all that they call, optimises the whole and makes machine
code of it.  Where calls go many levels deep, what is at the bottom is optimised anew on every level.  Parts are only
linked; the function that Python calls is optimised with all its parts, once.
"""

from __future__ import annotations

from typing import Any

from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import Compiler


class PartCompiler(Compiler):
    """The compiler of a part: numba's own, but for where it puts the code."""

    def __init__(self, typing_context: Any, target: Any, library: Any, *rest: Any) -> None:
        super().__init__(typing_context, target, library or _Part(target.codegen(), "part"), *rest)


class _Part(JITCodeLibrary):
    """Code that is there to be linked."""

    @property
    def codegen(self) -> Any:
        return _NOWHERE

    def get_pointer_to_function(self, _: str) -> int:
        """Return that the code has no address, as numba does where there is no function of this name."""
        self._ensure_finalized()
        return 0

    def _optimize_final_module(self) -> None:
        """Leave that to the code that this is a part of."""

    def _finalize_final_module(self) -> None:
        self._finalize_dynamic_globals()
        self._finalized = True


class _Nowhere:
    """Where the objects of Python that a part uses are put: without an address, nowhere.

    We use none; numba raises where compiled code misses one.
    """

    def set_env(self, name: str, environment: Any) -> None:
        """Put them nowhere."""


_NOWHERE = _Nowhere()
