"""From the keys of a YAML file to objects, and running them."""

from pwsim.scenario import drafting
from pwsim.scenario.changing import Changes, parse_change
from pwsim.scenario.kept_logs import UNUSED_S, KeptLogs, file_sum, keeping_logs
from pwsim.scenario.run import check, optimize
from pwsim.scenario.scenario import Scenario, VariantName, load_scenario
from pwsim.scenario.site import Site, load_site
from pwsim.scenario.verifying import verify

__all__ = [
    "UNUSED_S",
    "Changes",
    "KeptLogs",
    "Scenario",
    "Site",
    "VariantName",
    "check",
    "drafting",
    "file_sum",
    "keeping_logs",
    "load_scenario",
    "load_site",
    "optimize",
    "parse_change",
    "verify",
]
