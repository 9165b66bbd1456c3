"""`./cumulo test --conformance SUITE`: OpenStack's own integration tests against a running Cumulo.

Tempest lives in an environment of its own (`.venv-conformance`), reaches the cloud over HTTP as any user
does, and never imports Cumulo. This package makes that environment, prepares the cloud, runs and counts.
"""

from cumulo.runtime.conformance.run import Conformance, run

__all__ = ["Conformance", "run"]
