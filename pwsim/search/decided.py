"""What draws say of a setup, where targets must hold in a share of them (semantics §10)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

from pwsim.search.targets import Target

Decision = Literal["accepted", "refused", "undecided"]
"""What draws decided of a setup; ``undecided``: nothing, for there were no more of them."""


class Decided(NamedTuple):
    """What was decided of a setup, and by which draws."""

    draws: int = 0
    """Draws 1 to this were replayed."""
    draws_met: int = 0
    """In how many of them the setup met all targets that must hold in a share of draws."""
    decision: Decision | None = None
    """What came of it; ``None`` if nothing was drawn for the setup."""
    by_target: tuple[int, ...] = ()
    """In how many of them it met each of these targets."""


def undrawn(targets: Sequence[Target]) -> Decided | None:
    """Return what draws say of a setup that got none; ``None`` where no target must hold in a share of them."""
    shared = sum(one.in_share is not None for one in targets)
    return Decided(by_target=(0,) * shared) if shared else None


def drawn_columns(targets: Sequence[Target], decided: Decided) -> dict[str, Any]:
    """Return what was decided of a setup as columns of ``setups``."""
    shared = [index for index, target in enumerate(targets) if target.in_share is not None]
    by_target = {f"target_{index}_draws_met": met for index, met in zip(shared, decided.by_target, strict=True)}
    return {"draws": decided.draws, "draws_met": decided.draws_met, "decision": decided.decision, **by_target}
