"""`python -m tests.storage`: serve a whole project, until SIGTERM: rows, accounts and files on one address.

PGRST_DB_URI names its database; each part logs in with a role of its own.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

from tests.gotrue.app import App as Auth
from tests.postgrest.__main__ import parser, served, settings
from tests.postgrest.app import App as Rest
from tests.postgrest.server import Api, Server

from .app import App
from .files import MOST, Files


def main() -> None:
    """Serve, say where, and wait."""
    wanted = parser("python -m tests.storage", __doc__)
    wanted.add_argument("--files", type=Path, required=True, help="the folder of the files")
    wanted.add_argument("--most", type=int, default=MOST, help="bytes that a file may have, in any bucket")
    wanted.add_argument("--s3", action="store_true", help="answer as the S3 backend does")
    options = wanted.parse_args()
    chosen = settings(options)
    storage = replace(chosen, database_url=logged_in(chosen.database_url, "supabase_storage_admin"))
    auth = replace(chosen, database_url=logged_in(chosen.database_url, "supabase_auth_admin"))
    beside: dict[str, Api] = {
        "/storage/v1": App(storage, Files(options.files, s3=options.s3), options.most),
        "/auth/v1": Auth(auth),
    }
    served(Server(chosen, Rest(chosen), beside), options)


def logged_in(url: str, role: str) -> str:
    """The address of a database, for a role."""
    parts = urlsplit(url)
    return parts._replace(netloc=f"{role}@{parts.netloc.rpartition('@')[2]}").geturl()


if __name__ == "__main__":
    main()
