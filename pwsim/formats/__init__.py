"""Readers of workload logs: one module a format, each with ``read(path) -> Trace``."""
