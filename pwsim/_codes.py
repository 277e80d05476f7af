"""Exit codes, so that nobody imports the package for them."""

NO_SETUP, BAD_INPUT, INTERRUPTED, MACHINE_FAILED = 1, 2, 3, 4
"""Beside 0; 1 also says that a proof does not hold, or that an answer changed."""
WORST_FIRST = (INTERRUPTED, MACHINE_FAILED, BAD_INPUT, NO_SETUP, 0)
"""Which of several outcomes a command ends with: the first of these."""
