"""Guests' screens: from a browser's WebSocket to the VNC server of the machine."""

from cumulo.node.console.novnc import StaticFile, find
from cumulo.node.console.proxy import proxy

__all__ = ["StaticFile", "find", "proxy"]
