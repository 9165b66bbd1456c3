"""Purging a project: everything that it owns in every service goes, then the project itself.

Which services there are, and what projects own in them, this package learns from the bound `Owners`. Nothing
is undone when a purge fails: what is left stays, in a disabled project, and another purge goes on from there.
"""

from cumulo.services.identity.purge.findings import Finding, left, purgeable
from cumulo.services.identity.purge.saga import PurgeProject

__all__ = ["Finding", "PurgeProject", "left", "purgeable"]
