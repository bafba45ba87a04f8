"""The command line called within this process, as fast as hypothesis wants it."""

import io
import json
from collections.abc import Iterable, Mapping
from contextlib import chdir, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from supasync_core.cli.commands import cli, guarded
from supasync_core.project.session import Session
from tests.e2e.workspace import Completed


def call(folder: Path, *args: str) -> Completed:
    """Run the command in the folder; no traceback may ever be in what it prints."""
    out, err = io.StringIO(), io.StringIO()
    session = Session(wants_json="--json" in args)
    with chdir(folder), redirect_stdout(out), redirect_stderr(err):
        code = guarded(
            lambda: cli.main(list(args), prog_name="supasync", standalone_mode=False, obj=session), session
        )
    assert "Traceback" not in out.getvalue() + err.getvalue()
    return Completed(code, out.getvalue(), err.getvalue())


@dataclass(frozen=True)
class Told:
    """What ``diff --format json`` has told of one table."""

    code: int
    table: Mapping[str, Any]
    whole: Mapping[str, Any]

    def keys(self, kind: str) -> set[tuple[str | None, ...]]:
        """The keys of the rows of that kind."""
        return {tuple(row["key"].values()) for row in self.table["rows"] if row["kind"] == kind}

    def row(self, *key: str) -> Mapping[str, Any]:
        """The row of that key."""
        return next(row for row in self.table["rows"] if tuple(row["key"].values()) == key)

    @property
    def counts(self) -> tuple[int, int, int, int]:
        """Added, removed, changed, unchanged."""
        added, removed, changed, unchanged = (
            self.table[name] for name in ("added", "removed", "changed", "unchanged")
        )
        return added, removed, changed, unchanged


def diff(folder: Path, *args: str) -> Told:
    """The answer about the only table that was compared."""
    done = call(folder, "diff", *args, "--format", "json")
    whole = json.loads(done.out)
    assert "error" not in whole, whole
    (table,) = whole["tables"].values()
    assert done.code == (0 if whole["equal"] else 1)
    return Told(done.code, table, whole)


def csv_file(path: Path, lines: Iterable[str]) -> str:
    """A file with these lines; its name."""
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path.name
