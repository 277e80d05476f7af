"""The rules of a site that explain what its log recorded, each judged on weeks that it was not fitted to."""

from pwsim.calibration.answer import Calibration
from pwsim.calibration.fitting import calibrate

__all__ = ["Calibration", "calibrate"]
