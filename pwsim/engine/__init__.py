"""From a trace on a cluster to a schedule: the SimPy model and the compiled engine."""

from pwsim.engine.ending import DEAR, LOST, OPEN, TOLERANCE_S, Ended, Ends
from pwsim.engine.inputs import Inputs, steady_replay
from pwsim.engine.outcome import REJECTED, Replay
from pwsim.engine.preparing import prepare
from pwsim.engine.replaying import Engine, compiling_s, replay, replay_until

__all__ = [
    "DEAR",
    "LOST",
    "OPEN",
    "REJECTED",
    "TOLERANCE_S",
    "Ended",
    "Ends",
    "Engine",
    "Inputs",
    "Replay",
    "compiling_s",
    "prepare",
    "replay",
    "replay_until",
    "steady_replay",
]
