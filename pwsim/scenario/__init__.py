"""From the keys of a YAML file to objects, and running them."""

from pwsim.scenario import drafting
from pwsim.scenario.run import check, optimize
from pwsim.scenario.scenario import Scenario, load_scenario
from pwsim.scenario.site import Site, load_site
from pwsim.scenario.slurm import Shares, Slurm, Weights

__all__ = [
    "Scenario",
    "Shares",
    "Site",
    "Slurm",
    "Weights",
    "check",
    "drafting",
    "load_scenario",
    "load_site",
    "optimize",
]
