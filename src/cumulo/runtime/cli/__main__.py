"""`python -m cumulo.runtime.cli`, as the launcher calls it."""

from cumulo.runtime.cli import main

raise SystemExit(main())
