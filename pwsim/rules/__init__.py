"""What decides: orders, backfill rules, attempts and placement, as plain functions that every engine runs."""

from pwsim.rules import attempts, backfill, conservative, custom, multifactor, orders, packing, pools, profile
from pwsim.rules.backfill import GONE
from pwsim.rules.conservative import NO_RESERVATION
from pwsim.rules.custom import Order
from pwsim.rules.packing import MOST_GPUS, REMEMBERED, WHOLE, Bins, Places, Shares, Tried
from pwsim.rules.policy import BACKFILLS, ORDERS, Policy, portable
from pwsim.rules.words import policy_name, policy_text

__all__ = [
    "BACKFILLS",
    "GONE",
    "MOST_GPUS",
    "NO_RESERVATION",
    "ORDERS",
    "REMEMBERED",
    "WHOLE",
    "Bins",
    "Order",
    "Places",
    "Policy",
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
