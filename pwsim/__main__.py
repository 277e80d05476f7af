"""``python -m pwsim``."""

from pwsim.cli import entry

entry()
