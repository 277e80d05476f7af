"""Reading and writing logs: a module a format, found by listing this folder."""

from pwsim.trace.formats import mapping, table

__all__ = [
    "mapping",
    "table",
]
