"""HTTP/1.1 over sockets: uvicorn's protocol, held to what a client in earnest needs."""

from cumulo.serving.bounds import Bounds, Pace
from cumulo.serving.protocol import BoundedProtocol, Stage

__all__ = ["BoundedProtocol", "Bounds", "Pace", "Stage"]
