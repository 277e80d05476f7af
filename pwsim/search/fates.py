"""What setups achieve on draws: replayed once, whatever limits and prices are asked about next."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

from pwsim.search.targets import Target

Achieved = tuple[float, ...]
"""What a setup achieves of each of some targets on a draw."""


class Fates:
    """What is known of setups on the draws of one log, on one machine.

    Searches for other limits share it, and so do those at other prices: a figure of the bill, which hangs on prices,
    is not kept.

    Examples
    --------
    >>> fates, soon = Fates(), Target(metric="wait_s", statistic="max", at_most=60)
    >>> fates.note("a setup", 7, [soon], (50.0,))
    >>> fates.find("a setup", 7, [soon.model_copy(update={"at_most": 40})]), fates.find("a setup", 8, [soon])
    ((50.0,), None)
    """

    def __init__(self) -> None:
        self._known: dict[tuple[Hashable, int], dict[tuple[object, ...], float]] = {}

    def __reduce__(self) -> tuple[type[Fates], tuple[()]]:
        return Fates, ()

    def find(self, setup: Hashable, number: int, targets: Sequence[Target]) -> Achieved | None:
        """Return what a setup achieves of targets on a draw; ``None`` if that is not known of all of them."""
        known = self._known.get((setup, number), {})
        if any(one.of_bill or one.about not in known for one in targets):
            return None
        return tuple(known[one.about] for one in targets)

    def note(self, setup: Hashable, number: int, targets: Sequence[Target], achieved: Achieved) -> None:
        """Take in what a replay showed."""
        told = {one.about: value for one, value in zip(targets, achieved, strict=True) if not one.of_bill}
        self._known.setdefault((setup, number), {}).update(told)
