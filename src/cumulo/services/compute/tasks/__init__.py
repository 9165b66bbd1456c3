"""Compute's durable work."""

from cumulo.services.compute.tasks.caching import CacheImage
from cumulo.services.compute.tasks.creation import CreateServer
from cumulo.services.compute.tasks.deletion import DeleteServer
from cumulo.services.compute.tasks.evacuation import EvacuateServer
from cumulo.services.compute.tasks.exchange import SwapVolume
from cumulo.services.compute.tasks.growth import GrowVolume
from cumulo.services.compute.tasks.hosts import guest_changed, host_reported, listen, power_states
from cumulo.services.compute.tasks.housekeeping import expired_tokens, forgotten_servers, old_moves
from cumulo.services.compute.tasks.images import CreateImage
from cumulo.services.compute.tasks.interfaces import AttachInterface, Card, DetachInterface
from cumulo.services.compute.tasks.live_migration import LiveMigrateServer
from cumulo.services.compute.tasks.moves import ConfirmResize, ResizeServer, RevertResize
from cumulo.services.compute.tasks.power import MEANINGS, Change, ChangePower
from cumulo.services.compute.tasks.rebuilding import RebuildServer
from cumulo.services.compute.tasks.shelving import OffloadServer, ShelveServer, UnshelveServer
from cumulo.services.compute.tasks.volumes import AttachVolume, DetachVolume

SAGAS = (
    CreateServer,
    DeleteServer,
    ChangePower,
    AttachVolume,
    DetachVolume,
    SwapVolume,
    GrowVolume,
    CreateImage,
    AttachInterface,
    DetachInterface,
    RebuildServer,
    ResizeServer,
    ConfirmResize,
    RevertResize,
    ShelveServer,
    OffloadServer,
    UnshelveServer,
    CacheImage,
    LiveMigrateServer,
    EvacuateServer,
)
RECONCILERS = (power_states,)
SCHEDULES = (expired_tokens, forgotten_servers, old_moves)

__all__ = [
    "MEANINGS",
    "RECONCILERS",
    "SAGAS",
    "SCHEDULES",
    "AttachInterface",
    "AttachVolume",
    "CacheImage",
    "Card",
    "Change",
    "ChangePower",
    "ConfirmResize",
    "CreateImage",
    "CreateServer",
    "DeleteServer",
    "DetachInterface",
    "DetachVolume",
    "EvacuateServer",
    "GrowVolume",
    "LiveMigrateServer",
    "OffloadServer",
    "RebuildServer",
    "ResizeServer",
    "RevertResize",
    "ShelveServer",
    "SwapVolume",
    "UnshelveServer",
    "guest_changed",
    "host_reported",
    "listen",
]
