"""What an answer is worth: how often it holds in draws that did not choose it, and between what its figures lie."""

from pwsim.search.certainty.certainty import DRAW_COLUMNS, Certainty, certainty_of
from pwsim.search.certainty.intervals import Interval, coverage, interval
from pwsim.search.certainty.summary import card_rows, of_certainty
from pwsim.search.certainty.words import (
    held_text,
    interval_text,
    left_out_texts,
    mean_text,
    money_text,
    next_text,
    range_text,
)

__all__ = [
    "DRAW_COLUMNS",
    "Certainty",
    "Interval",
    "card_rows",
    "certainty_of",
    "coverage",
    "held_text",
    "interval",
    "interval_text",
    "left_out_texts",
    "mean_text",
    "money_text",
    "next_text",
    "of_certainty",
    "range_text",
]
