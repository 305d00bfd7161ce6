"""Keepstep: keeps client projects in step across the systems they live in."""

__version__ = "0.1.0"
