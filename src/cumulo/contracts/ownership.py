"""What a project owns in a service, and how it goes: what the purge of a project asks of every service.

A service fulfils `Ownership` in its `ownership.py` and declares it: `Service(..., owned=ServersOwned())`. The
runtime composes all of them into `Owners`.

The purge goes through the stages in order. In each it asks every service to remove what it lists, one thing
a transaction, and lists again until the stage is empty or nothing more goes. A thing that is listed as
`leaving` is waited for. One that refuses (a `cumulo.core.errors.Error`) is tried again after the others and
then reported with the reason; what is left when the purge ends is reported with its `problem`.
"""

from collections.abc import Mapping
from enum import IntEnum
from typing import Protocol

import msgspec

from cumulo.core.db import Reader
from cumulo.core.work import Work


class Stage(IntEnum):
    """When a kind of thing goes: what uses others before what is used."""

    COMPOSITIONS = 1  # what consists of other services' resources: stacks, clusters, load balancers
    SERVERS = 2  # what runs and keeps the rest in use
    STORAGE = 3  # what servers used: volumes, images, shares, claims on hosts
    NETWORKS = 4  # what nearly everything hangs on
    SETTINGS = 5  # what others gave the project: roles, limits, access. Stays with a project that is kept


class Owned(msgspec.Struct, frozen=True, kw_only=True):
    """One thing of a project.

    kind: OpenStack's word for it, in lower case with spaces, such as `security group`. id: unique in its kind
    and service. leaving: its removal is under way, asking again would change nothing. problem: why it could
    not be removed last time, for a person to read.
    """

    stage: Stage
    kind: str
    id: str
    name: str = ""
    leaving: bool = False
    problem: str = ""


class Ownership(Protocol):
    """What projects own in one service."""

    async def owned(self, db: Reader, project_id: str) -> list[Owned]:
        """Return all that is left of a project, in the order in which it must go within its stage.

        What always goes with something else (a router's interfaces, a server's own ports) is not listed.
        """

    async def remove(self, work: Work, project_id: str, thing: Owned) -> None:
        """Remove a thing in the caller's transaction, as an administrator, by the code of the API's delete.

        Protections against mistakes (protected images, locked servers) do not hold; other projects' use
        does: raise a Conflict that says whose. It may start a saga or wake a reconciler, and `owned` lists
        the thing as `leaving` until it is gone. A thing that is gone, or leaving already, is no error.
        """


class Owners(msgspec.Struct, frozen=True):
    """Every service that projects own something in, by its name. Bound by the runtime."""

    by_service: Mapping[str, Ownership]
