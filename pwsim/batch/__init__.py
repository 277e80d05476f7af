"""Many scenarios into one directory, every night: each once, nothing lost, and how the answers moved."""

from pwsim.batch import tables
from pwsim.batch.batch import Batch, Planned, Shard, worst
from pwsim.batch.history import history, history_text, moved_last
from pwsim.batch.journal import Entry
from pwsim.batch.running import Options

__all__ = ["Batch", "Entry", "Options", "Planned", "Shard", "history", "history_text", "moved_last", "tables", "worst"]
