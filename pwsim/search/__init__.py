"""The cheapest setup that meets the targets, with a proof."""

from pwsim.search import answer, bounds, certainty, reasons
from pwsim.search.alternatives import ALTERNATIVE_COLUMNS
from pwsim.search.around import NEIGHBOUR_COLUMNS
from pwsim.search.attributing import Attributed, attributed
from pwsim.search.candidates import Candidate, Candidates
from pwsim.search.certainty import DRAW_COLUMNS, Certainty, Interval, certainty_of
from pwsim.search.certificate import solver_text
from pwsim.search.decided import Decided
from pwsim.search.frontier import FRONTIER_COLUMNS, Frontier, Point
from pwsim.search.holding import Holding
from pwsim.search.judgement import Edge, OverTime, Stretch, at_limit, edges, over_time
from pwsim.search.judging import Judge
from pwsim.search.objective import Minimised, Objective
from pwsim.search.options import in_space
from pwsim.search.plan import SETUP_COLUMNS, Plan, Setup, general_name
from pwsim.search.proof import PROOF_COLUMNS
from pwsim.search.questions import ask, check_goals, shares_of, with_implied
from pwsim.search.replays import Replays
from pwsim.search.replications import Replications, check_draws
from pwsim.search.replications import faults as draw_faults
from pwsim.search.simulate_and_cut import check_question, complete_targets, search
from pwsim.search.targets import Target
from pwsim.search.trail import Progress
from pwsim.search.verification import Verification
from pwsim.search.verifying import verify
from pwsim.search.words import (
    STOPS,
    TERM_YEARS,
    committed_text,
    drawn_text,
    edge_text,
    minimised_text,
    run_text,
    sure_text,
    undecided_text,
)

__all__ = [
    "ALTERNATIVE_COLUMNS",
    "DRAW_COLUMNS",
    "FRONTIER_COLUMNS",
    "NEIGHBOUR_COLUMNS",
    "PROOF_COLUMNS",
    "SETUP_COLUMNS",
    "STOPS",
    "TERM_YEARS",
    "Attributed",
    "Candidate",
    "Candidates",
    "Certainty",
    "Decided",
    "Edge",
    "Frontier",
    "Holding",
    "Interval",
    "Judge",
    "Minimised",
    "Objective",
    "OverTime",
    "Plan",
    "Point",
    "Progress",
    "Replays",
    "Replications",
    "Setup",
    "Stretch",
    "Target",
    "Verification",
    "answer",
    "ask",
    "at_limit",
    "attributed",
    "bounds",
    "certainty",
    "certainty_of",
    "check_draws",
    "check_goals",
    "check_question",
    "committed_text",
    "complete_targets",
    "draw_faults",
    "drawn_text",
    "edge_text",
    "edges",
    "general_name",
    "in_space",
    "minimised_text",
    "over_time",
    "reasons",
    "run_text",
    "search",
    "shares_of",
    "solver_text",
    "sure_text",
    "undecided_text",
    "verify",
    "with_implied",
]
