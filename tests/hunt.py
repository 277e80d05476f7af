"""Hunt mutants: change one thing at a time in the modules that count money and prove bounds, and see tests fail.

``python -m tests.hunt run`` changes every function of the modules that ``[tool.mutmut]`` of pyproject.toml names, and
runs the fast tests that reach it; ``python -m tests.hunt results`` lists what survived, ``… show NAME`` what that is.
It is mutmut with one change more, which it lacks: the least for the most.
"""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst
from mutmut.__main__ import cli
from mutmut.mutation import mutators

EXTREMES = {"min": "max", "minimum": "maximum", "any": "all", "floor": "ceil", "argmin": "argmax", "cumsum": "cumprod"}
"""Functions, and what is called instead; either way."""
SWAPS = {**EXTREMES, **{new: old for old, new in EXTREMES.items()}}


def swap_extremes(call: cst.Call) -> Iterator[cst.Call]:
    """Yield a call of ``max(…)`` for ``min(…)``, of ``np.maximum(…)`` for ``np.minimum(…)``, and so on."""
    name = call.func.attr if isinstance(call.func, cst.Attribute) else call.func
    if isinstance(name, cst.Name) and name.value in SWAPS:
        yield call.with_deep_changes(name, value=SWAPS[name.value])


if __name__ == "__main__":
    mutators.mutation_operators.append((cst.Call, swap_extremes))  # type: ignore[attr-defined]
    cli()
