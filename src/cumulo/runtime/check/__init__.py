"""Whether a cloud is sound: nothing under way that hangs, nothing left over, and no account that is wrong.

`books` compares the database's tables with each other, `engines` says what stands on the hosts, `comparison`
compares the two. `cumulo check` shows what they find; a chaos run ends with it.
"""

from cumulo.runtime.check.check import check
from cumulo.runtime.check.finding import Finding

__all__ = ["Finding", "check"]
