"""What would change an answer: prices, loads and the rest otherwise, and how much load it bears."""

from pwsim.search.sensitivity.asked import Sensitivity
from pwsim.search.sensitivity.asker import Asker, Purse
from pwsim.search.sensitivity.factors import FACTORS, Factor, Question, check
from pwsim.search.sensitivity.headroom import Headroom, headroom
from pwsim.search.sensitivity.outcomes import Outcome, outcome
from pwsim.search.sensitivity.regret import Regret, least_regret
from pwsim.search.sensitivity.study import Study, study
from pwsim.search.sensitivity.tables import HEADROOM_COLUMNS, SENSITIVITY_COLUMNS
from pwsim.search.sensitivity.turning import Turns, turns

__all__ = [
    "FACTORS",
    "HEADROOM_COLUMNS",
    "SENSITIVITY_COLUMNS",
    "Asker",
    "Factor",
    "Headroom",
    "Outcome",
    "Purse",
    "Question",
    "Regret",
    "Sensitivity",
    "Study",
    "Turns",
    "check",
    "headroom",
    "least_regret",
    "outcome",
    "study",
    "turns",
]
