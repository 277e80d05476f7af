"""Looking for the rules of a site, rule by rule: each is fitted to some weeks, and kept if it explains the others.

There are two fits, one to the even blocks of weeks and one to the odd ones, and a third to all for the answer.  A rule
is kept if the fit to the even blocks waits more like the record on the odd ones than without it, and the other way
round.  So what is said of how well the rules do is said of weeks that they were not fitted to.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

from pwsim.calibration import hours, limits, others, partitions
from pwsim.calibration.answer import Calibration, Step
from pwsim.calibration.blocks import LEAST_BLOCKS
from pwsim.calibration.draft import Cap, Draft
from pwsim.calibration.known import Known
from pwsim.calibration.replays import Replays
from pwsim.cluster import Cluster
from pwsim.common import InputError
from pwsim.engine import Engine
from pwsim.hindcasting import hindcast
from pwsim.prices import Start, start_of
from pwsim.trace import Trace

Proposal = Callable[[Known, Draft, int], Iterable[list[Draft]]]
"""Gives lists of sites that differ from one in one kind of rule; the number says to which blocks is fitted."""
MARGIN = math.log(1.005)
"""A rule is kept if it brings the waits of either half nearer to the record by at least this (:attr:`.Off.loss`)."""
NOTHING = math.log(1.01)
"""A site whose waits are off by less than this has nothing left to explain."""
BEGINS = 2
"""A search begins from so many sites at most."""
NEAR = math.log(1.25)
"""A search begins from several sites if they are off by about the same: by at most this more than the best."""
ROUNDS = 3
"""How often at most a rule is changed a little, as long as that helps."""
SWEEPS = 2
"""How often all kinds of rules are gone through: with one found, another may show."""


class Stage(NamedTuple):
    """One kind of rule."""

    kind: str
    """What it is called."""
    propose: Proposal
    """What may be tried: a search begins from the best of each list."""
    refine: Proposal
    """What is tried of what was found, list after list: one thing of it is different."""


def _nothing(known: Known, draft: Draft, half: int) -> list[list[Draft]]:  # noqa: ARG001 - a Proposal takes all three
    return []


STAGES = (
    Stage("partitions", partitions.propose, partitions.refine),
    Stage("hours", hours.propose, hours.refine),
    Stage("limits", limits.propose, limits.refine),
    Stage("outages", others.outages, _nothing),
    Stage("scheduler", others.schedulers, _nothing),
    Stage("policy", others.policies, _nothing),
)
"""What is looked for, in this order."""
LATER = (
    Stage("partitions", partitions.shared, partitions.refine),
    Stage("changes", hours.changes, hours.refine),
    Stage("changes", hours.changes, hours.refine),
    Stage("hours", hours.propose, hours.refine),
)
"""Once these are known: partitions that share cores, and whether the site changed its ways."""


def calibrate(
    trace: Trace,
    cluster: Cluster | None = None,
    *,
    cores: int | None = None,
    policy: str | None = None,
    engine: Engine = "auto",
    workers: int | None = None,
    start: Start | None = None,
    progress: Callable[[int], None] | None = None,
) -> Calibration:
    """Look for the rules of the site that explain the waits which a log recorded.

    Parameters
    ----------
    trace, cluster, cores, policy, engine, start
        As for :func:`pwsim.hindcast`: the machine that wrote the log, with what is known of its rules.
    workers
        How many replays run at once; by default one a core.
    progress
        Called with the number of sites that have been replayed.

    Raises
    ------
    InputError
        If the log is too short to judge on weeks, or days, that were not fitted to; or as for :func:`pwsim.hindcast`.

    Examples
    --------
    >>> from pwsim import generate, simulate
    >>> trace = generate(jobs=500, cores=16, load=0.7, seed=1)
    >>> log = trace.with_columns(recorded_wait_s=simulate(trace, cores=16, policy="conservative").wait_s)
    >>> found = calibrate(log, cores=16)
    >>> found.kept, str(found.cluster.the_policy())
    (['policy'], 'conservative')
    """
    begin = start or start_of(trace)
    plain = hindcast(trace, cluster, cores=cores, policy=policy, engine=engine, start=begin)
    known = Known(plain, begin)
    if trace.span_s < LEAST_BLOCKS * 86400:
        raise InputError(f"{trace.name}: is shorter than {LEAST_BLOCKS} days: too short to judge on days not fitted to")
    replays = Replays(known, engine=engine, workers=workers, progress=progress)
    given = Draft.of(plain.result.cluster)
    chains, steps = _sweep(replays, (given, given, given))
    chains = _simplify(replays, chains)
    chains, dropped = _prune(replays, chains, [one.kind for one in steps if one.kept])
    steps = [one._replace(kept=False, dropped=True) if one.kind in dropped else one for one in steps]
    return Calibration(replays, given, chains, tuple(steps))


Chains = tuple[Draft, Draft, Draft]
"""The site as the even blocks, the odd ones, and all have it."""


def _sweep(replays: Replays, chains: Chains) -> tuple[Chains, list[Step]]:
    """Go through all kinds of rules until nothing is found."""
    steps: list[Step] = []
    for sweep in range(SWEEPS):
        before = chains
        for stage in STAGES if not sweep else (*STAGES, *LATER):
            if max(unseen(replays, chains)) < NOTHING:
                return chains, steps
            again = any(one.kept and one.kind == stage.kind for one in steps)
            chains, step = _stage(replays, chains, stage, again=again)
            steps += [] if step is None else [step]
        if sweep and chains == before:
            break
    return chains, steps


def unseen(replays: Replays, chains: Sequence[Draft]) -> tuple[float, float]:
    """Return by how much the fit to the odd blocks is off on the even ones, and the fit to the even on the odd."""
    even, odd = replays.offs(chains[:2])
    return odd[0].loss, even[1].loss


def _stage(replays: Replays, chains: Chains, stage: Stage, *, again: bool) -> tuple[Chains, Step | None]:
    """Look for one kind of rule; keep what explains both halves better that it was not fitted to.

    What was kept before may be changed ``again`` if that explains one half better, and the other no worse.
    """
    even, odd = (_climb(replays, stage, chains[half], half) for half in (0, 1))
    if (even, odd) == chains[:2]:
        return chains, None
    before, after = unseen(replays, chains), unseen(replays, (even, odd))
    better = [one < other - MARGIN for one, other in zip(after, before, strict=True)]
    no_worse = all(one <= other for one, other in zip(after, before, strict=True))
    kept = all(better) or (again and no_worse and any(better))
    new = even, odd, _climb(replays, stage, chains[2], 2, (even, odd)) if kept else chains[2]
    kept = kept and (again or new[2] != chains[2])
    return new if kept else chains, Step(stage.kind, kept, before, after, new)


def _climb(replays: Replays, stage: Stage, draft: Draft, half: int, others: Sequence[Draft] = ()) -> Draft:
    """Return the site that is least off on the blocks that are fitted to, changing one thing after another.

    Parameters
    ----------
    replays, stage, half
        What is replayed, what is changed, and what is fitted to.
    draft
        The site to begin with.
    others
        Sites to begin with instead of what may be tried.
    """
    kinds = [list(others)] if others else list(stage.propose(replays.known, draft, half))
    begins = list(dict.fromkeys(replays.best([draft, *kind], half) for kind in kinds))
    losses = [found[half].loss for found in replays.offs([draft, *begins])]
    ranked = sorted(zip(losses[1:], range(len(begins)), strict=True))
    near = [begins[place] for loss, place in ranked if loss < min(losses) + NEAR and begins[place] != draft][:BEGINS]
    if not kinds:
        near = [draft]
    return replays.best([draft, *(_descend(replays, stage, one, half) for one in near)], half)


def _descend(replays: Replays, stage: Stage, draft: Draft, half: int) -> Draft:
    """Return a site that no small change of one kind of rule brings nearer to the record."""
    for _ in range(ROUNDS):
        before, number = draft, 0
        while number < len(groups := list(stage.refine(replays.known, draft, half))):
            draft = replays.best([draft, *groups[number]], half)
            number += 1
        if draft == before:
            break
    return draft


def _simplify(replays: Replays, chains: Chains) -> Chains:
    """Leave out of each site what the blocks that it was fitted to do not need."""
    even, odd, both = (_simpler(replays, draft, half) for half, draft in enumerate(chains))
    return even, odd, both


def _simpler(replays: Replays, draft: Draft, half: int) -> Draft:
    """Return a site without the limits, and without keeping cores for what waits for its hours, if that is as good."""
    drained = [draft.changed(nights=tuple(one._replace(drain=False) for one in draft.nights))]
    for simpler in (*drained, *(draft.changed(caps=_less(draft.caps, one)) for one in draft.caps)):
        now, then = (found[half].loss for found in replays.offs([draft, simpler]))
        if simpler != draft and then < now + MARGIN:
            return _simpler(replays, simpler, half)
    return draft


def _less(caps: Sequence[Cap], cap: Cap) -> tuple[Cap, ...]:
    return tuple(one for one in caps if one != cap)


def _prune(replays: Replays, chains: Chains, kinds: Sequence[str]) -> tuple[Chains, list[str]]:
    """Leave out what no longer helps, with all else that was found."""
    dropped = []
    for kind in dict.fromkeys(kinds):
        even, odd, both = (_without(draft, kind, replays) for draft in chains)
        without = even, odd, both
        if without == chains:
            continue
        losses = zip(unseen(replays, without), unseen(replays, chains), strict=True)
        if all(one < other + MARGIN for one, other in losses):
            chains = without
            dropped.append(kind)
    return chains, dropped


def _without(draft: Draft, kind: str, replays: Replays) -> Draft:
    """Return a site without one kind of rule."""
    if kind == "partitions":
        return draft.without(*draft.doors)
    if kind == "changes":  # the first of the rules, for all times
        return draft.changed(nights=tuple(one._replace(since=None, until=None) for one in draft.nights[:1]))
    empty: dict[str, dict[str, Any]] = {
        "hours": {"nights": ()},
        "limits": {"caps": ()},
        "outages": {"aways": ()},
        "scheduler": {"period_s": 0.0, "start_delay_s": 0.0},
        "policy": {"policy": str(replays.known.plain.result.cluster.the_policy())},
    }
    return draft.changed(**empty[kind])
