"""`./cumulo bench`: what calls cost in processor time and how many a second they make, as a table.

Everything is measured from outside over HTTP, on a cloud of its own with the fake hypervisor; the start and
the memory on one with all engines. Processor time is the server's, by the kernel's own account.
"""

from cumulo.runtime.bench.run import KINDS, bench

__all__ = ["KINDS", "bench"]
