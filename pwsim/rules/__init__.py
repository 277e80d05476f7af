"""What decides: orders, backfill rules, attempts and placement, as plain functions that every engine runs."""

from pwsim.rules import attempts, backfill, conservative, custom, multifactor, orders, packing, pools, profile
from pwsim.rules.backfill import ALL, BACKFILLS, GONE, HEAD, NOBODY, Rule
from pwsim.rules.conservative import NO_RESERVATION
from pwsim.rules.multifactor import Ledger, Priorities
from pwsim.rules.orders import ORDERS, Key, Order
from pwsim.rules.packing import MOST_GPUS, REMEMBERED, WHOLE, Bins, Places, Shares, Tried
from pwsim.rules.policy import POLICY_PATTERN, Policy, portable
from pwsim.rules.words import policy_name, policy_text

__all__ = [
    "ALL",
    "BACKFILLS",
    "GONE",
    "HEAD",
    "MOST_GPUS",
    "NOBODY",
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
    "attempts",
    "backfill",
    "conservative",
    "custom",
    "multifactor",
    "orders",
    "packing",
    "policy_name",
    "policy_text",
    "pools",
    "portable",
    "profile",
]
