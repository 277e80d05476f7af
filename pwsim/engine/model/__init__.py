"""The SimPy model: the replay that can be looked into."""

from pwsim.engine.model.hooks import Model

__all__ = ["Model"]
