"""The SimPy model: the replay that can be looked into."""
