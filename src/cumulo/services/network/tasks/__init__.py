"""Keeping the data plane as the rows say."""

from cumulo.services.network.tasks.hosts import hosts
from cumulo.services.network.tasks.reconcile import compare, follow, realise

RECONCILERS = (realise, compare, hosts)

__all__ = ["RECONCILERS", "compare", "follow", "hosts", "realise"]
