"""The version of pwsim, for those that the package itself needs."""

__version__ = "0.1.0"
