"""The first minute: a server on a project's own network, reached by SSH through a floating IP."""

from cumulo.runtime.demo.story import NAME, Demo, DemoFailed

__all__ = ["NAME", "Demo", "DemoFailed"]
