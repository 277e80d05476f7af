"""Replays under site rules: partitions, hours, limits, outages, preemption (semantics §9)."""
