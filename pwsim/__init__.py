"""Simulate and cost-optimise HPC and AI clusters from their own accounting logs."""

__version__ = "0.1.0"
