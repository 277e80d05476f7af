"""What a site has and does, from its Slurm configuration and back."""

from pwsim.site.exporting import FILES, Exported, chosen_of, export
from pwsim.site.importing import Imported, import_site
from pwsim.site.script import SCRIPT
from pwsim.site.writing import text_of

__all__ = [
    "FILES",
    "SCRIPT",
    "Exported",
    "Imported",
    "chosen_of",
    "export",
    "import_site",
    "text_of",
]
