"""Cumulo: a complete IaaS cloud that speaks OpenStack's APIs."""

__version__ = "0.1.0"
