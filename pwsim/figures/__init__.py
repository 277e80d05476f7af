"""Figures: functions from tables to matplotlib axes, and how they come onto a page."""

from pwsim.figures.of_hindcast import compared_hours, compared_sizes, compared_waits, compared_weeks
from pwsim.figures.of_log import LOG_FIGURES, WIDE_LOG_FIGURES, drawn
from pwsim.figures.of_replay import capacity, queue, timeline, wait_by_size, waits
from pwsim.figures.of_search import cost_breakdown, search, setups
from pwsim.figures.page import figure, template
from pwsim.figures.style import misses

__all__ = [
    "LOG_FIGURES",
    "WIDE_LOG_FIGURES",
    "capacity",
    "compared_hours",
    "compared_sizes",
    "compared_waits",
    "compared_weeks",
    "cost_breakdown",
    "drawn",
    "figure",
    "misses",
    "queue",
    "search",
    "setups",
    "template",
    "timeline",
    "wait_by_size",
    "waits",
]
