"""Published models that make a workload without a log."""
