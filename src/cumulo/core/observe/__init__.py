"""What operators see: logs with request ids, and numbers for Prometheus."""

from cumulo.core.observe.logs import configure, level, set_level
from cumulo.core.observe.metrics import Metrics

__all__ = ["Metrics", "configure", "level", "set_level"]
