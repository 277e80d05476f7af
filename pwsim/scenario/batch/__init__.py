"""Many scenarios into one directory, every night: each once, nothing lost, and how the answers moved."""

from pwsim.scenario.batch import tables
from pwsim.scenario.batch.batch import Batch, Planned, Shard, worst
from pwsim.scenario.batch.history import history, history_text, moved_last
from pwsim.scenario.batch.journal import Entry
from pwsim.scenario.batch.profile import profile as profile_of
from pwsim.scenario.batch.profile import profile_text
from pwsim.scenario.batch.running import Options

__all__ = [
    "Batch",
    "Entry",
    "Options",
    "Planned",
    "Shard",
    "history",
    "history_text",
    "moved_last",
    "profile_of",
    "profile_text",
    "tables",
    "worst",
]
