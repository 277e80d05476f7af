"""Passes under site rules: guards, limits, hours and reservations over several pools."""

from pwsim.rules.site.caps import NOT_UNDER, Caps, count
from pwsim.rules.site.containers import (
    NOBODY,
    Capacity,
    Doors,
    Guards,
    Profiles,
    Reserved,
    Site,
    Waiting,
    pools_of,
)
from pwsim.rules.site.fitting import away_now, draw_profile, first_fit, note_away, shift_part, take
from pwsim.rules.site.guards import (
    BLOCKED,
    GUARDED,
    INDEX,
    OVER,
    REFUSED,
    dismiss,
    exhausted,
    fit_now,
    is_held,
    walk,
)
from pwsim.rules.site.hours import ANY_TIME, Hours, next_tick, read_clock
from pwsim.rules.site.packs import Packs, bins_now, shares_in, shift_job
from pwsim.rules.site.placing import first_place, is_packed
from pwsim.rules.site.plan import Plan
from pwsim.rules.site.planning import begin_plan, plan_next
from pwsim.rules.site.preempting import draw_door, victims
from pwsim.rules.site.reservations import draw_again, give_up, next_due, next_preemptor, put_beside, reserve

__all__ = [
    "ANY_TIME",
    "BLOCKED",
    "GUARDED",
    "INDEX",
    "NOBODY",
    "NOT_UNDER",
    "OVER",
    "REFUSED",
    "Capacity",
    "Caps",
    "Doors",
    "Guards",
    "Hours",
    "Packs",
    "Plan",
    "Profiles",
    "Reserved",
    "Site",
    "Waiting",
    "away_now",
    "begin_plan",
    "bins_now",
    "count",
    "dismiss",
    "draw_again",
    "draw_door",
    "draw_profile",
    "exhausted",
    "first_fit",
    "first_place",
    "fit_now",
    "give_up",
    "is_held",
    "is_packed",
    "next_due",
    "next_preemptor",
    "next_tick",
    "note_away",
    "plan_next",
    "pools_of",
    "put_beside",
    "read_clock",
    "reserve",
    "shares_in",
    "shift_job",
    "shift_part",
    "take",
    "victims",
    "walk",
]
