"""Start a server in a process of its own, watch what it is asked, and make it misbehave."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.servers.fork_server import Forked, ForkServer
from tests.servers.stoppable import Stoppable

from .auth import FAR_AWAY, sign
from .control import ask
from .settings import SECRET, VERSION, Settings

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

ROOT = Path(__file__).parents[2]
FORKS = ForkServer("tests.postgrest.__main__:main", ("tests.postgrest.__main__",), ROOT)
PROGRAM = "SUPASYNC_TEST_POSTGREST"
"""The variable that names a real `postgrest` to be served by, behind the gateway of this package."""
ROLES = (Path(__file__).parent / "roles.sql").read_text()


@dataclass
class Server(Stoppable):
    """A running server."""

    url: str
    control: int
    process: Forked

    def ask(self, command: str, **values: object) -> Any:
        """Send a command to the control port."""
        return ask(self.control, command, values)

    def requests(self) -> list[dict[str, Any]]:
        """Return method, path, status (0: none), bytes_in, bytes_out, word of each request since `reset`."""
        found: list[dict[str, Any]] = self.ask("requests")
        return found

    def changes(self) -> list[str]:
        """Return method and path of everything but reads and lists, however often the log was `reset`."""
        found: list[str] = self.ask("changes")
        return found

    def forget_changes(self) -> None:
        """Forget these: they were meant."""
        self.ask("forget_changes")

    def reset(self) -> None:
        """Forget the requests so far."""
        self.ask("reset")

    def misbehave(self, *rules: Mapping[str, object]) -> None:
        """Put fault rules in force; see `faults.Rule` for their keys."""
        if PROGRAM in os.environ and any(rule["kind"] == "max-rows" for rule in rules):
            pytest.skip("a real postgrest has one db-max-rows")
        self.ask("misbehave", rules=rules)

    def behave(self) -> None:
        """Drop every rule and let held requests go on."""
        self.ask("behave")

    def wait_held(self, count: int = 1, seconds: float = 10) -> None:
        """Return when `count` requests are held; raise when that takes too long."""
        if not self.ask("wait_held", count=count, seconds=seconds):
            raise TimeoutError(f"{count} requests were not held within {seconds} s")

    def release(self) -> None:
        """Let held requests go on."""
        self.ask("release")

    def refuse(self) -> None:
        """Refuse every connection until `accept`."""
        self.ask("refuse")

    def accept(self) -> None:
        """Listen again, on the same port."""
        self.ask("accept")

    def reconnect(self) -> None:
        """Make the server open new database connections."""
        self.ask("reconnect")

    def reload(self) -> None:
        """Make the server read its schema cache again, at once."""
        self.ask("reload")

    def stop(self) -> None:
        """End the server."""
        self.process.terminate()
        self.process.close()


def serve(  # noqa: PLR0913 - the options of a server
    database_url: str,
    *,
    keys: Mapping[str, str],
    max_rows: int | None = 1000,
    schemas: Sequence[str] = ("public",),
    prefix: str = "/rest/v1",
    version: str = VERSION,
    port: int = 0,
) -> Server:
    """Start a server and return once it answers; it ends with this process, however that dies.

    All tests and benchmarks start servers here; ``SUPASYNC_TEST_POSTGREST`` puts a program in the place of
    the stand-in, with the same settings.
    """
    settings = Settings(
        database_url, schemas=tuple(schemas), prefix=prefix, keys=dict(keys), max_rows=max_rows, port=port
    )
    options = [f"--version={version}"]
    if (program := os.environ.get(PROGRAM)) is not None:
        options.append(f"--program={program}")
    return started(FORKS, ["postgrest", *options], settings)


def started(forks: ForkServer, command: Sequence[str], settings: Settings) -> Server:
    """Start a server of this kind behind a gateway and return once it answers."""
    options = ["--control", f"--prefix={settings.prefix}"]
    options += [f"--api-key={key}={role}" for key, role in settings.keys.items()]
    kept = {"PATH": os.environ["PATH"]}
    process = forks.start([*command, *options], ROOT, {**kept, **settings.environment()})
    line = process.stdout.readline()
    if not line:
        _, error = process.communicate(timeout=30)
        raise RuntimeError(f"the test server did not start (exit {process.returncode}): {error}")
    ready = json.loads(line)
    return Server(ready["url"], ready["control"], process)


def legacy_key(role: str, secret: str = SECRET) -> str:
    """Return a legacy API key: a JWT of the role, good for decades."""
    return sign({"role": role, "exp": FAR_AWAY}, secret)
