"""The compiled engine: the rules at the speed of the machine."""

from pwsim.engine.compiled import general, steady

__all__ = [
    "general",
    "steady",
]
