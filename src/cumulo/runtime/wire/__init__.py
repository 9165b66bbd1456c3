"""The bus between the processes of one machine: hosts dial in at a Unix socket of the control plane."""

from cumulo.runtime.wire.hub import Hub
from cumulo.runtime.wire.spoke import Spoke

__all__ = ["Hub", "Spoke"]
