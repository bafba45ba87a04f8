"""``python -m supasync_core`` is ``supasync``."""

from supasync_core.cli import main

main()
