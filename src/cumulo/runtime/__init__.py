"""The composition root: settings become services, services become processes, processes are kept alive."""
