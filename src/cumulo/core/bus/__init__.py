"""Calls to hosts and events between the parts of Cumulo."""

from cumulo.core.bus.bus import Bus, LocalBus, Verb, answering
from cumulo.core.bus.remote import remote, verbs

__all__ = ["Bus", "LocalBus", "Verb", "answering", "remote", "verbs"]
