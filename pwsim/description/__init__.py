"""What is in a log, and what is wrong with it."""

from pwsim.description import page
from pwsim.description.description import Description, describe
from pwsim.description.log_checks import CUT_PROBLEM, CUT_WORK, FEW_JOBS, exported_by_end, normal_days
from pwsim.description.profile import profile_of
from pwsim.description.verdict import LEVELS, Profile, Verdict, worse

__all__ = [
    "CUT_PROBLEM",
    "CUT_WORK",
    "FEW_JOBS",
    "LEVELS",
    "Description",
    "Profile",
    "Verdict",
    "describe",
    "exported_by_end",
    "normal_days",
    "page",
    "profile_of",
    "worse",
]
