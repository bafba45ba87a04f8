"""Start a whole project in a process of its own: rows, accounts and files on one address."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.postgrest.launch import ROOT, Server, started
from tests.postgrest.settings import SECRET, Settings
from tests.servers.fork_server import ForkServer

from .files import MOST

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

FORKS = ForkServer("tests.storage.__main__:main", ("tests.storage.__main__",), ROOT)


def serve(  # noqa: PLR0913 - the options of a server
    database_url: str,
    files: Path,
    *,
    keys: Mapping[str, str],
    most: int = MOST,
    s3: bool = False,
    jwt_secret: str = SECRET,
    prefix: str = "/rest/v1",
    port: int = 0,
) -> Server:
    """Start a server and return once it answers; it ends with this process, however that dies.

    `database_url` names the role `authenticator` and a database with the schemas of `HOSTED` and `STORAGE`
    (`tests/servers/hosted.py`); `files` is a folder for the objects; `keys` says which API key is which role;
    `most` is the project's own limit, in bytes. The url of the answer ends with `prefix`; files and accounts
    are beside it, under `/storage/v1` and `/auth/v1`.
    """
    settings = Settings(database_url, prefix=prefix, keys=dict(keys), jwt_secret=jwt_secret, port=port)
    options = [f"--files={files}", f"--most={most}", *(["--s3"] if s3 else [])]
    return started(FORKS, ["storage", *options], settings)
