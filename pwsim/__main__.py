"""``python -m pwsim``."""

from pwsim.cli import main

main()
