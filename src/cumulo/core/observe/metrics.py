"""Numbers for Prometheus: requests by service, operation and status, and the time they took."""

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector

BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 60)


class Metrics:
    """One process's numbers, in a registry of their own so that tests may have several."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        self.requests = Counter(
            "cumulo_http_requests",
            "Requests answered",
            ("service", "operation", "status"),
            registry=self.registry,
        )
        self.seconds = Histogram(
            "cumulo_http_request_seconds",
            "Time to answer",
            ("service",),
            buckets=BUCKETS,
            registry=self.registry,
        )

    def answered(self, service: str, operation: str, status: int, seconds: float) -> None:
        """Count one answer."""
        self.requests.labels(service, operation, str(status)).inc()
        self.seconds.labels(service).observe(seconds)

    def exposition(self) -> tuple[str, bytes]:
        """Return the content type and the text that Prometheus reads."""
        return CONTENT_TYPE_LATEST, generate_latest(self.registry)
