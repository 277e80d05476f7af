"""What calibration found: the site, how sure that is, and what is left unexplained."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from pwsim.calibration import words
from pwsim.calibration.blocks import HALVES
from pwsim.calibration.draft import Draft
from pwsim.calibration.replays import Replays
from pwsim.cluster import Cluster, through_doors
from pwsim.common import DAY_S, count, duration, listed, numeral, plain
from pwsim.hindcasting import Hindcast, hindcast
from pwsim.metrics import statistic
from pwsim.trace import Floats

STATISTICS = ("mean", "p95")
"""What is shown of the waits."""


class Step(NamedTuple):
    """One kind of rule that was looked for, and found to help on the blocks that it was fitted to."""

    kind: str
    """What kind."""
    kept: bool
    """Whether it helps on those that it was not fitted to, too."""
    before: tuple[float, float]
    """By how much waits were off without it on the even and the odd blocks, fitted to the others (:class:`.Off`)."""
    after: tuple[float, float]
    """And with it."""
    drafts: tuple[Draft, Draft, Draft]
    """The site with it as the even blocks, the odd ones, and all have it."""
    dropped: bool = False
    """Whether it was left out in the end, for with all else it helped no longer."""


@dataclass(frozen=True)
class Calibration:
    """The rules of a site that explain the waits which its log recorded."""

    replays: Replays
    """What was replayed."""
    given: Draft
    """The machine as it was given."""
    chains: tuple[Draft, Draft, Draft]
    """The site as fitted to the even blocks, to the odd ones, and to all."""
    steps: tuple[Step, ...]
    """What was looked for and found, in order."""

    def __repr__(self) -> str:
        return f"<Calibration: {self.replays.known.trace.name!r}, {', '.join(self.kept) or 'no rules'}>"

    @property
    def kept(self) -> list[str]:
        """Kinds of rules that were kept."""
        return list(dict.fromkeys(one.kind for one in self.steps if one.kept))

    @cached_property
    def cluster(self) -> Cluster:
        """The site with its rules, fitted to all blocks."""
        return self.chains[2].cluster()

    @cached_property
    def hindcast(self) -> Hindcast:
        """The replay of this site beside the record; it was fitted to all of it."""
        known = self.replays.known
        return hindcast(known.trace, self.cluster, engine=self.replays.engine, start=known.start)

    @cached_property
    def unseen_wait_s(self) -> tuple[Floats, Floats]:
        """Waits of each job in the replay of the fit to the other blocks than its own: as given, and with rules [s]."""
        known = self.replays.known
        even = known.blocks.member[0]
        fits = [self.replays.wait_s(draft) for draft in (self.chains[1], self.chains[0])]
        return known.plain.result.wait_s, np.where(even, *fits)

    @cached_property
    def judged(self) -> pd.DataFrame:
        """Recorded waits, those of the machine as given, and those with rules, on blocks that were not fitted to [h].

        One row for all jobs, each half of the log, and each partition.
        """
        known = self.replays.known
        plain_s, ruled_s = self.unseen_wait_s
        recorded = known.of(2)
        first = known.trace.submit_s < known.trace.span_s / 2
        groups = [("all", recorded), ("first half", recorded & first), ("second half", recorded & ~first)]
        partition = through_doors(known.trace, self.cluster.partitions).partition
        groups += [(f"partition {one.name}", recorded & (partition == one.name)) for one in self.cluster.partitions]
        rows = []
        for name, jobs in groups:
            ran = jobs & ~np.isnan(plain_s) & ~np.isnan(ruled_s)
            row: dict[str, Any] = {"jobs_of": name, "jobs": int(np.count_nonzero(ran))}
            waits = ("recorded", known.blocks.recorded_s), ("as_given", plain_s), ("with_rules", ruled_s)
            for prefix, wait_s in waits:
                row |= {f"{prefix}_{one}_h": statistic(wait_s[ran], one) / 3600 for one in STATISTICS}
            rows.append(row)
        return pd.DataFrame(rows)

    @cached_property
    def off(self) -> tuple[tuple[float, float], tuple[float, float]]:
        """Factors by which waits are off on the even and the odd blocks, not fitted to: as given, and with rules."""
        plain_offs = self.replays.offs([self.given])[0]
        even, odd = self.replays.offs(self.chains[:2])
        return (plain_offs[0].factor, plain_offs[1].factor), (odd[0].factor, even[1].factor)

    @cached_property
    def text(self) -> str:
        """What was found, in sentences."""
        known, whole = self.replays.known, self.judged.iloc[0]
        blocks = f"blocks of {duration(known.blocks.length_s)}"
        if not self.kept:
            return (
                f"No rule was found that explains the recorded waits on {blocks} that it was not fitted to. "
                f"{self._left}"
            )
        names = listed([words.KINDS[one] for one in self.kept])
        given, ruled = (" and ".join(f"{one:.2f}" for one in both) for both in self.off)
        return (
            f"Found: {names}. Judged on {blocks} that were not fitted to, the mean wait is "
            f"{numeral(whole['with_rules_mean_h'], 3)} h (recorded: {numeral(whole['recorded_mean_h'], 3)} h; without "
            f"what was found: {numeral(whole['as_given_mean_h'], 3)} h) and the 95th percentile "
            f"{numeral(whole['with_rules_p95_h'], 3)} h ({numeral(whole['recorded_p95_h'], 3)} h; "
            f"{numeral(whole['as_given_p95_h'], 3)} h); waits are typically off by factors of {ruled} on the "
            f"{' and the '.join(HALVES)} blocks, instead of {given}. {self._agreement} {self._left}"
        )

    @property
    def _agreement(self) -> str:
        """Say whether both halves of the blocks found the same."""
        even, odd = self.chains[:2]
        differ = [kind for kind in self.kept if words.of(even, kind) != words.of(odd, kind)]
        if not differ:
            return "Both halves of the blocks found the same."
        return f"The halves of the blocks differ in {listed([words.KINDS[one] for one in differ])}."

    @property
    def _left(self) -> str:
        """Say what is left unexplained."""
        done = self.hindcast
        if done.verdict == "good":
            return "The replay now waits as the record does (good)."
        titles = [one.title for one in done.findings if math.isnan(one.share) or one.share >= words.NOTABLE]
        named = f": {listed(titles)}" if titles else ""
        return f"What is left is not explained (the verdict is {done.verdict}){named}."

    @cached_property
    def site_yaml(self) -> str:
        """The site as a file that :func:`pwsim.scenario.load_site` reads, each rule with its evidence as a comment."""
        from pwsim.calibration.site_file import site_file

        return site_file(self)

    @cached_property
    def summary(self) -> dict[str, Any]:
        """What was found, as plain values."""
        summary: dict[str, Any] = plain(
            {
                "kept": self.kept,
                "text": self.text,
                "block_days": self.replays.known.blocks.length_s / DAY_S,
                "sites_replayed": self.replays.count,
                "off_as_given": self.off[0],
                "off_with_rules": self.off[1],
                "judged": self.judged.to_dict("records"),
                "steps": [
                    {
                        "kind": one.kind,
                        "kept": one.kept,
                        "before": [math.exp(loss) for loss in one.before],
                        "after": [math.exp(loss) for loss in one.after],
                        **{name: words.of(draft, one.kind) for name, draft in zip(HALVES, one.drafts[:2], strict=True)},
                        "all": words.of(one.drafts[2], one.kind),
                    }
                    for one in self.steps
                ],
            }
        )
        return summary


def jobs_text(calibration: Calibration) -> str:
    """Say what the log is, in a few words."""
    trace = calibration.replays.known.trace
    return f"{trace.name} ({count(len(trace), 'job')} in {duration(trace.span_s)})"
