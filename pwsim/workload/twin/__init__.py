"""A statistical twin of a log: its form, fitting it, and making logs of it."""
