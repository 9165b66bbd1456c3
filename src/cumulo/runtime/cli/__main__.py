"""`python -m cumulo.runtime.cli`, as the launcher calls it."""

import signal
import sys

from cumulo.runtime.cli import main

for number in (signal.SIGTERM, signal.SIGHUP):
    if signal.getsignal(number) is signal.SIG_DFL:  # `nohup` has the second one ignored
        # What a command made for a while goes with it: a measured or tested cloud, its engines, its devices.
        signal.signal(number, lambda asked, _: sys.exit(128 + asked))

raise SystemExit(main())
