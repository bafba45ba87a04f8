"""`python -m tests.gotrue`: serve Auth over a database, until SIGTERM; PGRST_DB_URI says which."""

from __future__ import annotations

from tests.postgrest.__main__ import arguments, served, settings
from tests.postgrest.server import Server

from .app import App


def main() -> None:
    """Serve, say where, and wait."""
    options = arguments("python -m tests.gotrue", __doc__)
    chosen = settings(options)
    served(Server(chosen, App(chosen)), options)


if __name__ == "__main__":
    main()
