"""Zonehook: durable, signed webhook delivery for domain and DNS platforms."""

__version__ = "0.1.0"
