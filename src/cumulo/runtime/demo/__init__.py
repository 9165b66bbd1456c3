"""The first minute: a server on a project's own network, reached by SSH through a floating IP."""

from cumulo.runtime.demo.story import Demo, DemoFailed

__all__ = ["Demo", "DemoFailed"]
