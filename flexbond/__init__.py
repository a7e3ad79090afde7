"""Flexbond: electricity flexibility as a bonded promise, settled on chain."""

__version__ = "0.1.0"
