"""Guests' network cards on the host's side: tap devices, and their ports in Open vSwitch."""
