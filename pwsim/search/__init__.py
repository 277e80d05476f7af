"""The cheapest setup that meets the targets, with a proof."""

from pwsim.search import answer, bounds
from pwsim.search.candidates import Candidate, Candidates
from pwsim.search.frontier import FRONTIER_COLUMNS, Frontier, Point
from pwsim.search.holding import Holding
from pwsim.search.judgement import Edge, OverTime, Stretch, at_limit, edges, over_time
from pwsim.search.objective import Minimised, Objective
from pwsim.search.plan import SETUP_COLUMNS, Plan, Setup, general_name
from pwsim.search.questions import ask
from pwsim.search.simulate_and_cut import check_question, complete_targets, search
from pwsim.search.targets import Target
from pwsim.search.trail import Progress, in_space
from pwsim.search.words import STOPS, committed_text, edge_text, minimised_text, run_text

__all__ = [
    "FRONTIER_COLUMNS",
    "SETUP_COLUMNS",
    "STOPS",
    "Candidate",
    "Candidates",
    "Edge",
    "Frontier",
    "Holding",
    "Minimised",
    "Objective",
    "OverTime",
    "Plan",
    "Point",
    "Progress",
    "Setup",
    "Stretch",
    "Target",
    "answer",
    "ask",
    "at_limit",
    "bounds",
    "check_question",
    "committed_text",
    "complete_targets",
    "edge_text",
    "edges",
    "general_name",
    "in_space",
    "minimised_text",
    "over_time",
    "run_text",
    "search",
]
