"""Play episodes one after the other: ``python -m tests.soak.play --minutes 10 [--seed N]``."""

import argparse
import random
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

from supasync_core.config import load
from supasync_core.plugins import Host
from supasync_rest import client
from supasync_rest.retry import Patience
from tests.e2e.workspace import TABLES_YAML, Workspace, between
from tests.postgrest.launch import ROLES
from tests.servers.postgres import Cluster
from tests.soak.episode import Episode

SCHEMA = (
    ROLES
    + """
create table public.parents (id bigint primary key, version bigint, created_at timestamptz not null,
  updated_at timestamptz);
create table public.children (id bigint primary key, parent_id bigint references public.parents (id),
  version bigint, updated_at timestamptz not null);
grant select, insert, update, delete on all tables in schema public to service_role;
"""
)
CONFIG = TABLES_YAML.split("tables:\n")[0] + (
    "defaults: {page_size: 7}\n"
    "tables:\n"
    "  parents: {timestamp: [updated_at, created_at]}\n"
    "  children: {after: [parents]}\n"
)
STEPS = 30


@contextmanager
def ground(cluster: Cluster, folder: Path) -> Iterator[Workspace]:
    """A workspace that is set up, with retries that do not wait."""
    impatient = lambda: Patience(sleep=lambda _seconds: None)  # noqa: E731 - a factory in place of a class
    with (
        between(cluster, folder, SCHEMA, SCHEMA, CONFIG) as space,
        patch.object(client, "Patience", impatient),
    ):
        yield space.ready()


def play(space: Workspace, seed: int, steps: int = STEPS) -> None:
    """One episode from a clean start; what it asserts is in `Episode`."""
    space.old.server.behave()
    space.new.server.behave()
    space.old.run("truncate public.parents, public.children")
    space.new.run("truncate public.parents, public.children")
    space.forget()
    host = Host()
    host.load_installed()
    settings = load(space.folder / "tables.yaml", {}, host)
    Episode(space, settings, host, random.Random(seed)).play(steps)  # noqa: S311 - dice


def play_for(space: Workspace, seconds: float, seed: int) -> int:
    """Episodes for so long, each with the next seed; how many there were."""
    until = time.monotonic() + seconds
    count = 0
    while time.monotonic() < until:
        try:
            play(space, seed + count)
        except BaseException:
            print(f"\nepisode with seed {seed + count} failed")  # noqa: T201 - what to play again
            raise
        count += 1
    return count


def main() -> None:
    """Play for some minutes and tell the seed first."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**9))
    options = parser.parse_args()
    print(f"seed {options.seed}")  # noqa: T201 - the result
    with tempfile.TemporaryDirectory() as folder, Cluster.start(Path(folder)) as cluster:
        (Path(folder) / "work").mkdir()
        with ground(cluster, Path(folder) / "work") as space:
            count = play_for(space, options.minutes * 60, options.seed)
    print(f"{count} episodes, nothing lost")  # noqa: T201 - the result


if __name__ == "__main__":
    main()
