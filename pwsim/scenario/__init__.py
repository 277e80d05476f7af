"""From the keys of a YAML file to objects, and running them."""

from pwsim.scenario import drafting
from pwsim.scenario.run import check, optimize
from pwsim.scenario.scenario import Scenario, load_scenario

__all__ = [
    "Scenario",
    "check",
    "drafting",
    "load_scenario",
    "optimize",
]
