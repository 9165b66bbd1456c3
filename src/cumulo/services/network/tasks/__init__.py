"""Keeping the data plane as the rows say."""

from cumulo.services.network.tasks.capacities import capacities
from cumulo.services.network.tasks.check import Checker
from cumulo.services.network.tasks.hosts import hosts
from cumulo.services.network.tasks.meters import meters
from cumulo.services.network.tasks.reconcile import compare, follow, note, realise

RECONCILERS = (realise, compare, hosts, capacities, meters, note)

__all__ = ["RECONCILERS", "Checker", "compare", "follow", "hosts", "realise"]
