"""From a trace on a cluster to a schedule: the SimPy model and the compiled engine."""

from pwsim.engine.inputs import Inputs, steady_replay
from pwsim.engine.outcome import REJECTED, Replay
from pwsim.engine.preparing import prepare
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
