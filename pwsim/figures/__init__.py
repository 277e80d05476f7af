"""Figures: functions from tables to matplotlib axes, and how they come onto a page."""

from pwsim.figures.figure import Figure, plot
from pwsim.figures.of_attribution import OF_ATTRIBUTION
from pwsim.figures.of_hindcast import OF_HINDCAST
from pwsim.figures.of_history import draw_nights, nights
from pwsim.figures.of_horizon import OF_HORIZON
from pwsim.figures.of_log import OF_LOG
from pwsim.figures.of_replay import OF_REPLAY
from pwsim.figures.of_search import OF_SEARCH
from pwsim.figures.of_sensitivity import OF_SENSITIVITY
from pwsim.figures.page import shown, template

FIGURES = {**OF_SEARCH, **OF_HORIZON, **OF_SENSITIVITY, **OF_ATTRIBUTION, **OF_HINDCAST, **OF_REPLAY}
"""The figures of results directories by name."""

__all__ = [
    "FIGURES",
    "OF_ATTRIBUTION",
    "OF_HINDCAST",
    "OF_HORIZON",
    "OF_LOG",
    "OF_REPLAY",
    "OF_SEARCH",
    "OF_SENSITIVITY",
    "Figure",
    "draw_nights",
    "nights",
    "plot",
    "shown",
    "template",
]
