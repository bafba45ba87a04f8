"""Two projects with accounts and their secret keys alone: REST and Auth behind one address, as hosted."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.e2e.workspace import between
from tests.postgrest.launch import Server
from tests.servers.command import HURRIED
from tests.servers.postgres import Cluster
from tests.storage.launch import serve
from tests.supasync_account.accounts import CONFIG, SCHEMA, Projects

SMALL = """
from supasync_account.auth import keys_api, keys_listing
keys_api.FIRST = 0.01
keys_listing.FIRST_PAGE, keys_listing.SPARE, keys_listing.ONE_PAGE = {pages}
"""

BULK = """
insert into auth.users (instance_id, id, aud, role, email, email_confirmed_at, raw_app_meta_data,
  raw_user_meta_data, confirmation_token, recovery_token, email_change_token_new, email_change, created_at,
  updated_at)
select '00000000-0000-0000-0000-000000000000', md5(g::text)::uuid, 'authenticated', 'authenticated',
  'bulk' || g || '@example.test', '2026-01-01', '{{"provider": "google", "providers": ["google"]}}', '{{}}',
  '', '', '', '', '2026-01-01', now()
from generate_series(1, {}) g on conflict do nothing
"""
"""Accounts that an import has made, all in the same moment."""


@contextmanager
def by_keys(
    cluster: Cluster, folder: Path, config: str = CONFIG, *, pages: str = "8, 4, 64"
) -> Iterator[Projects]:
    """Both projects set up, without a connection string; ``pages`` are small, as are the lists."""

    def opened(cluster: Cluster, database: str, keys: Mapping[str, str]) -> Server:
        return serve(cluster.url(database, "authenticator"), folder / database, keys=keys)

    with between(cluster, folder, SCHEMA, SCHEMA, config, opened=opened) as space:
        space.before = HURRIED + SMALL.format(pages=pages)
        made = Projects(space)
        made.old.paste(space.supasync("schema", "sql", "--old").out)
        made.new.paste(space.supasync("schema", "sql").out)
        done = space.supasync("setup")
        assert done.code == 0, done.out + done.err
        yield made
