"""From the keys of a YAML file to objects, and running them."""

from pwsim.scenario import drafting
from pwsim.scenario.run import check, optimize
from pwsim.scenario.scenario import Scenario, load_scenario
from pwsim.scenario.site import Site, load_site
from pwsim.scenario.verifying import verify

__all__ = [
    "Scenario",
    "Site",
    "check",
    "drafting",
    "load_scenario",
    "load_site",
    "optimize",
    "verify",
]
