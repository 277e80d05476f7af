"""The cheapest setup that meets the targets, with a proof."""

from pwsim.search import answer, bounds
from pwsim.search.judgement import Edge, OverTime, Stretch, at_limit, edges, over_time
from pwsim.search.milp import Candidate, Candidates
from pwsim.search.plan import SETUP_COLUMNS, Plan, Setup, general_name
from pwsim.search.simulate_and_cut import Progress, _checked, complete_targets, in_space, must_reject, search
from pwsim.search.targets import Target, Where
from pwsim.search.words import STOPS, edge_text

__all__ = [
    "SETUP_COLUMNS",
    "STOPS",
    "Candidate",
    "Candidates",
    "Edge",
    "OverTime",
    "Plan",
    "Progress",
    "Setup",
    "Stretch",
    "Target",
    "Where",
    "_checked",
    "answer",
    "at_limit",
    "bounds",
    "complete_targets",
    "edge_text",
    "edges",
    "general_name",
    "in_space",
    "must_reject",
    "over_time",
    "search",
]
