"""Keeping the data plane as the rows say."""

from cumulo.services.network.tasks.reconcile import compare, follow, realise

RECONCILERS = (realise, compare)

__all__ = ["RECONCILERS", "compare", "follow", "realise"]
