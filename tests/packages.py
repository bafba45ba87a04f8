"""Packages as pip installs them: a module and its dist-info with an entry point, in a folder of its own."""

from __future__ import annotations

import shutil
import textwrap
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.servers.command import run

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path

HEAD = "from supasync_core import hookimpl\n\n"


@dataclass(frozen=True)
class Site:
    """A folder of installed packages, and one with a project that reads CSV and writes DuckDB."""

    packages: Path
    project: Path

    @classmethod
    def at(cls, folder: Path) -> Site:
        """Both folders; nothing is installed yet, and the project has one table of two rows."""
        site = cls(folder / "site", folder / "project")
        (site.project / "old").mkdir(parents=True)
        site.packages.mkdir()
        rows = "id,label,updated_at\n1,a,2026-01-01T00:00:00Z\n2,b,2026-01-02T00:00:00Z\n"
        (site.project / "old" / "users.csv").write_text(rows, encoding="utf-8")
        site.configure()
        return site

    def configure(self, more: str = "", table: str = "{}", source: str = "{backend: csv, path: old}") -> None:
        """Write tables.yaml."""
        (self.project / "tables.yaml").write_text(
            f"version: 1\nsource: {source}\nsink: {{backend: duckdb, path: new.duckdb}}\n"
            f"{more}tables:\n  users: {table}\n",
            encoding="utf-8",
        )

    def install(self, name: str, code: str, version: str = "1.2.0") -> None:
        """Install ``supasync-NAME``, or replace it: its module ``supasync_NAME`` is the plugin NAME."""
        shutil.rmtree(self.packages / "__pycache__", ignore_errors=True)  # may be as old, and as long
        module = f"supasync_{name}"
        text = HEAD + textwrap.dedent(code)
        (self.packages / f"{module}.py").write_text(text, encoding="utf-8")
        info = self.packages / f"{module}-{version}.dist-info"
        info.mkdir(exist_ok=True)
        metadata = f"Metadata-Version: 2.1\nName: supasync-{name}\nVersion: {version}\n"
        (info / "METADATA").write_text(metadata, encoding="utf-8")
        (info / "entry_points.txt").write_text(f"[supasync]\n{name} = {module}\n", encoding="utf-8")

    def local(self, name: str, code: str) -> None:
        """Write a plugin file beside tables.yaml."""
        (self.project / f"{name}.py").write_text(HEAD + textwrap.dedent(code), encoding="utf-8")

    def run(
        self, *args: str, environment: dict[str, str] | None = None, before: str = ""
    ) -> subprocess.CompletedProcess[str]:
        """Run the command in the project's folder after the code, with the packages on its path."""
        path = f"import sys; sys.path.insert(1, {str(self.packages)!r})\n"
        return run(self.project, *args, environment=environment, before=path + before)
