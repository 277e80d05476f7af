"""From a trace on a cluster to a schedule: the SimPy model and the compiled engine."""

from pwsim.engine.inputs import Inputs, prepare, steady_replay
from pwsim.engine.outcome import REJECTED, Replay
from pwsim.engine.replaying import Engine, compiling_s, replay

__all__ = [
    "REJECTED",
    "Engine",
    "Inputs",
    "Replay",
    "compiling_s",
    "prepare",
    "replay",
    "steady_replay",
]
