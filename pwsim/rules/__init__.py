"""What decides: orders, backfill rules, attempts and placement, as plain functions that every engine runs."""

from pwsim.rules import attempts, backfill, conservative, custom, multifactor, orders, packing, pools, profile, rows
from pwsim.rules.attempts import attempt, is_killed, kept_work
from pwsim.rules.backfill import ALL, BACKFILLS, GONE, HEAD, LOOKED_AT, NOBODY, Rule
from pwsim.rules.conservative import NO_RESERVATION, gain
from pwsim.rules.multifactor import NEVER, NOBODY_BELOW, Ledger, Priorities, charge_job
from pwsim.rules.orders import ORDERS, Key, Order
from pwsim.rules.packing import MOST_GPUS, REMEMBERED, WHOLE, Bins, Places, Shares, Tried, empty, filled
from pwsim.rules.packing import has_room as packed_has_room
from pwsim.rules.policy import POLICY_PATTERN, Policy, portable
from pwsim.rules.pools import has_room, launches, may_move, shut_down
from pwsim.rules.profile import advance, shift
from pwsim.rules.rows import cut, place_of, put
from pwsim.rules.words import policy_name, policy_text

__all__ = [
    "ALL",
    "BACKFILLS",
    "GONE",
    "HEAD",
    "LOOKED_AT",
    "MOST_GPUS",
    "NEVER",
    "NOBODY",
    "NOBODY_BELOW",
    "NO_RESERVATION",
    "ORDERS",
    "POLICY_PATTERN",
    "REMEMBERED",
    "WHOLE",
    "Bins",
    "Key",
    "Ledger",
    "Order",
    "Places",
    "Policy",
    "Priorities",
    "Rule",
    "Shares",
    "Tried",
    "advance",
    "attempt",
    "attempts",
    "backfill",
    "charge_job",
    "conservative",
    "custom",
    "cut",
    "empty",
    "filled",
    "gain",
    "has_room",
    "is_killed",
    "kept_work",
    "launches",
    "may_move",
    "multifactor",
    "orders",
    "packed_has_room",
    "packing",
    "place_of",
    "policy_name",
    "policy_text",
    "pools",
    "portable",
    "profile",
    "put",
    "rows",
    "shift",
    "shut_down",
]
