"""Hunt mutants: change one thing at a time in the modules that count money and prove bounds, and see tests fail.

``python -m tests.hunt run`` changes every function of the modules that ``[tool.mutmut]`` of pyproject.toml names, and
runs the fast tests that reach it; ``python -m tests.hunt results`` lists what survived, ``… show NAME`` what that is.
It is mutmut with one change more, which it lacks: the least for the most.  ``run "pwsim.search.bounds*"`` hunts one module.

What survives, and why; anything else that does asks for a test:

=================================================== ==================================================================
changed                                             noticed by no test, because
=================================================== ==================================================================
``strict=True`` of a ``zip``                        it says that lists are of one length, and they are
``GRID`` of ``starts_s`` and ``ends_s``, its ends   other instants are looked at: the bound is another, and as true
``> late`` to ``>=``; ``or`` before it              of jobs that are all late nothing is certain: both give 0
``late`` to ``late - 1``, ``0.0`` to ``1.0`` there  of ``_certain_at_most``: a looser bound has more stretches looked at
``if late else inside``                             without it, all jobs are sorted and summed up just as well
``until_s[0] = -1.0`` of ``hourly_usd``             any time before the first instant does
``max(until_s[-1], …)`` of ``hourly_usd``           after the last instant nothing is caused: an earlier edge will do
``kind="stable"`` of counts, of amounts, ``union``  what is equal counts alike, in any order
``side="right"`` where an integral is summed up     where an interval begins, nothing of it has summed up yet
``> until_s`` of ``integral_within`` to ``>=``      where one ends, nothing of it is beyond
``0.0`` of its ``beyond``                           before the first interval, it is not looked at
``if over.any()`` of ``weighted``, its ``0.0``      before the last end, the whole is not looked at
``workers``; ``engine`` of ``in_parallel``          how many work at once, and where, does not change the plan
``put_back``, ``first`` of a trail                  ``""`` and ``None`` are as false as ``None`` and ``False``
``outside &`` to ``|`` of ``_first_through_doors``  who is outside and sent away is held by no such pool anyway
``dtype`` of running sums, and of ``state``         they are of this type anyway: it tells a reader, and mypy
``nodes`` that ``after_window`` hands on            of a pool that is always up, nothing is left after its one instant
``times_s < window_s`` of ``joint`` to ``<=``       the end of the window is an edge anyway
``max() + 1`` of it to ``+ 2``                      any factor above all counts tells states apart, in the same order
``> 1 + ROUNDING`` to ``>=``                        no sum is as far off as that, to the last bit
``0.0`` for an infinite price to ``1.0``            no nodes are covered at it
``terms`` of ``rent_usd``, of ``site_usd``; ``1``   all parts of a cost are asked alike; these depend on pools alone
``min(up_to, …)`` of ``setups_up_to`` to ``max``    what is told at one call, and what at the next, ends as the same number
``in_share or 0.0`` to ``or 1.0``                   no share that is asked is 0, and where none is, this is not looked at
``mode="json"`` of ``asked["targets"]``             its values are plain, but for tuples: JSON writes them as lists
=================================================== ==================================================================
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

ADDRESSES_BYTES = 12 << 30
"""Room of one process, most of which is reserved and never used."""
EXTREMES = {"min": "max", "minimum": "maximum", "any": "all", "floor": "ceil", "argmin": "argmax", "cumsum": "cumprod"}
"""Functions, and what is called instead; either way."""
SWAPS = {**EXTREMES, **{new: old for old, new in EXTREMES.items()}}


def swap_extremes(call: Any) -> Iterator[Any]:
    """Yield a call of ``max(…)`` for ``min(…)``, of ``np.maximum(…)`` for ``np.minimum(…)``, and so on."""
    name = getattr(call.func, "attr", call.func)
    if getattr(name, "value", None) in SWAPS:
        yield call.with_deep_changes(name, value=SWAPS[name.value])


def main() -> None:
    """Run mutmut, which only the ``dev`` extra installs, with one operator more and a limit on memory."""
    import resource

    import libcst
    from mutmut.__main__ import cli
    from mutmut.mutation import mutators

    operators: Any = mutators.mutation_operators
    operators.append((libcst.Call, swap_extremes))
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESSES_BYTES, ADDRESSES_BYTES))
    cli()


if __name__ == "__main__":
    main()
