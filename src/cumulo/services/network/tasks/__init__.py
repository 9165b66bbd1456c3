"""Keeping the data plane as the rows say."""

from cumulo.services.network.tasks.reconcile import compare, follow, realise

__all__ = ["compare", "follow", "realise"]
