"""Compute on the wire."""
