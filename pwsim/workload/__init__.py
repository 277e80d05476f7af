"""Functions from traces to traces, and traces made from models and twins."""

from pwsim.workload import feedback, flurries, resampling
from pwsim.workload.draws import SHAKE_S, Draw, Drawn, Population, drawn_weeks, stream_seed, undrawable
from pwsim.workload.edit import compress, faster, in_cores, in_window, keep, matching, mix, shake, window, with_data
from pwsim.workload.feedback import with_feedback
from pwsim.workload.flurries import LEAST_WEEKS, find_flurries, without_flurries
from pwsim.workload.load import Level, with_load
from pwsim.workload.models.synthetic import MODELS, generate
from pwsim.workload.resampling import grow, resample
from pwsim.workload.scaling import over_asked_s, with_estimates, with_job_sizes
from pwsim.workload.twin.fitting import fit
from pwsim.workload.twin.twin import Twin, read_twin

__all__ = [
    "LEAST_WEEKS",
    "MODELS",
    "SHAKE_S",
    "Draw",
    "Drawn",
    "Level",
    "Population",
    "Twin",
    "compress",
    "drawn_weeks",
    "faster",
    "feedback",
    "find_flurries",
    "fit",
    "flurries",
    "generate",
    "grow",
    "in_cores",
    "in_window",
    "keep",
    "matching",
    "mix",
    "over_asked_s",
    "read_twin",
    "resample",
    "resampling",
    "shake",
    "stream_seed",
    "undrawable",
    "window",
    "with_data",
    "with_estimates",
    "with_feedback",
    "with_job_sizes",
    "with_load",
    "without_flurries",
]
