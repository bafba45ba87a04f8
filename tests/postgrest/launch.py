"""Start a server in a process of its own, watch what it is asked, and make it misbehave."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from .auth import sign
from .control import ask
from .settings import SECRET, VERSION

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import TracebackType

ROOT = Path(__file__).parents[2]
FAR_AWAY = 4102444800  # 2100-01-01
ROLES = (Path(__file__).parent / "roles.sql").read_text()


@dataclass
class Server:
    """A running server."""

    url: str
    control: int
    process: subprocess.Popen[str]

    def ask(self, command: str, **values: object) -> Any:
        """Send a command to the control port."""
        return ask(self.control, command, values)

    def requests(self) -> list[dict[str, Any]]:
        """Return method, path, status (0: none), bytes_in and bytes_out of each request since `reset`."""
        found: list[dict[str, Any]] = self.ask("requests")
        return found

    def reset(self) -> None:
        """Forget the requests so far."""
        self.ask("reset")

    def misbehave(self, *rules: Mapping[str, object]) -> None:
        """Put fault rules in force; see `faults.Rule` for their keys."""
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
        for stream in (self.process.stdin, self.process.stdout):
            if stream is not None:
                stream.close()
        self.process.wait(timeout=30)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


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
    """Start a server and return once it answers; it ends with this process, however that dies."""
    options = {
        "--database-url": database_url,
        "--prefix": prefix,
        "--max-rows": str(max_rows or 0),
        "--schemas": ",".join(schemas),
        "--version": version,
        "--port": str(port),
    }
    pairs = [*options.items(), *(("--api-key", f"{key}={role}") for key, role in keys.items())]
    command = [sys.executable, "-m", "tests.postgrest", "--until-eof"]
    process = subprocess.Popen(
        [*command, *(f"{name}={value}" for name, value in pairs)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        start_new_session=True,
    )
    line = process.stdout.readline() if process.stdout else ""
    if not line:
        Server("", 0, process).stop()
        raise RuntimeError(f"the test server did not start (exit {process.returncode})")
    ready = json.loads(line)
    return Server(ready["url"], ready["control"], process)


def legacy_key(role: str, secret: str = SECRET) -> str:
    """Return a legacy API key: a JWT of the role, good for decades."""
    return sign({"role": role, "exp": FAR_AWAY}, secret)
