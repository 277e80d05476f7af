"""The cheapest setup that meets the targets, with a proof."""

from pwsim.search import answer, bounds
from pwsim.search.judgement import Edge, OverTime, Stretch, at_limit, edges, over_time
from pwsim.search.milp import Candidate, Candidates
from pwsim.search.plan import Plan, Setup
from pwsim.search.simulate_and_cut import Progress, check_question, complete_targets, in_space, must_reject, search
from pwsim.search.targets import Target, Where
from pwsim.search.words import STOPS, edge_text

__all__ = [
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
    "answer",
    "at_limit",
    "bounds",
    "check_question",
    "complete_targets",
    "edge_text",
    "edges",
    "in_space",
    "must_reject",
    "over_time",
    "search",
]
