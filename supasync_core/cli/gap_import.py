"""`supasync gap import`: look, show, ask, send."""

import csv
import json
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from io import StringIO
from pathlib import Path
from typing import Any

import click

from supasync_core.cli import output
from supasync_core.cli.params import CsvOptions
from supasync_core.cli.run_progress import watching
from supasync_core.cli.sync import interruptible
from supasync_core.gap.csv.queries import Wanted, query
from supasync_core.gap.import_plan import KINDS, ImportPlan, TableImport
from supasync_core.gap.import_planner import ImportPlanner, Progress
from supasync_core.gap.no_source import NoSource
from supasync_core.gap.send import COMMAND, Sender
from supasync_core.model.errors import ConfigError
from supasync_core.model.printable import argument, file_name, visible
from supasync_core.model.settings import Settings
from supasync_core.model.wording import counted
from supasync_core.project.lease import Lease, leased
from supasync_core.project.migration import Migration, opened
from supasync_core.project.session import Session
from supasync_core.staging.csv.export_finding import ERROR, ExportFinding
from supasync_core.staging.csv.find_files import parse_named
from supasync_core.staging.staging_file import Staging
from supasync_core.system import lock
from supasync_core.system.files import defused, write_named

_COLUMNS = ("level", "kind", "table", "file", "line", "key", "until", "column", "text")
_BEGINS = ("[]", '[\n  {\n    "level": ', "level,kind,table,file,line,key")
"""How a file of findings begins."""
_SHOWN = 3
"""Places of one kind that the summary names."""
_REFETCHED = 200


@dataclass(kw_only=True)
class Command(CsvOptions):
    """One call of `gap import`."""

    session: Session
    settings: Settings
    staging: Staging
    rehearsal: bool
    yes: bool = False
    dry_run: bool = False
    as_json: bool = False
    accepted: tuple[str, ...] = ()
    report: str | None = None
    no_defuse: bool = False

    def run(self, folder: Path | None) -> int:
        """The exit code: 0 where everything was sent, 3 where a table was not."""
        reading = self.choices(
            language=self.settings.source.backend,
            files=parse_named(self.files, [table.name for table in self.settings.tables]),
            accepted=frozenset(self.accepted),
        )
        with (
            lock.locked(self.settings.folder),
            opened(self.settings, self.session.host, NoSource()) as migration,
        ):
            look = partial(ImportPlanner, migration, self.staging, reading, rehearsal=self.rehearsal)
            if self.dry_run:
                return self._looked(self._look(look, folder), migration)
            if not look(lambda _text: None).find_files(folder).files:
                raise _nothing(folder)
            with leased(migration, COMMAND, baseline=self.rehearsal) as lease:
                return self._import(look, folder, migration, lease)

    def _import(
        self,
        look: Callable[..., ImportPlanner],
        folder: Path | None,
        migration: Migration,
        lease: Lease,
    ) -> int:
        plan = self._look(partial(look, state=lease.state), folder)
        if len(plan.blocked()) == len(plan.parts):
            lease.release("failed", error="every file has errors")
            return self._end(plan, 3, "nothing was sent: every table has errors, see above")
        where = "the rehearsal" if self.rehearsal else "NEW account"
        question = f"Proceed with import to {where}?"
        if plan.rows_to_send() and not (self.yes or output.confirm(question)):
            lease.release("interrupted")
            return self._end(plan, 0, "nothing was sent")
        with (
            interruptible(self.settings.max_runtime) as asked,
            watching(as_json=self.as_json) as watch,
        ):
            sending = Sender(migration, self.staging, lease, lease.state, plan, watch, asked)
            done = sending.run()
        for part in plan.parts.values():
            if done.status == "success":
                for each in part.loaded:
                    self.staging.remember(self._imported(each.digest), lease.run.now)
        if self.as_json:
            output.print_json({**plan.as_json(), "report": done.as_json()})
        else:
            output.report(done, as_json=False)
        return done.exit_code

    def _look(self, look: Callable[[Progress], ImportPlanner], folder: Path | None) -> ImportPlan:
        """What there is, shown; ConfigError where there is nothing."""
        with output.show_steps() as progress:
            plan = look(progress).plan(folder)
        self._show(plan)
        if not plan.parts:
            raise _nothing(folder)
        return plan

    def _looked(self, plan: ImportPlan, migration: Migration) -> int:
        cost = migration.ledger.total().requests
        return self._end(
            plan,
            3 if plan.blocked() else 0,
            f"dry run: {counted(plan.rows_to_send(), 'row', 'rows')} would be sent; "
            f"nothing was written ({counted(cost, 'request', 'requests')})",
        )

    def _end(self, plan: ImportPlan, code: int, text: str) -> int:
        if self.as_json:
            output.print_json({**plan.as_json(), "message": text})
        else:
            click.echo(text)
        return code

    def _imported(self, digest: str) -> str:
        return f"imported {digest} {self.settings.sink.ref}"

    def _show(self, plan: ImportPlan) -> None:
        if self.report:
            _write(Path(self.report), list(plan.findings), defuse=not self.no_defuse)
        if self.as_json:
            return
        for part in plan.parts.values():
            for each in part.loaded:
                held = counted(each.rows, "row", "rows")
                output.line(f"found: {each.file} ({part.table.name}, {each.dialect}, {held})")
                before = self.staging.recall(self._imported(each.digest))
                if before:
                    click.echo(f"  the same export was imported on {before}")
        for name in plan.missing:
            output.line(f"missing: {name} (no {file_name(name)}.csv or {file_name(name)}_rows.csv)")
        for path in plan.unknown:
            output.line(f"unknown: {path.name} belongs to no table{self._perhaps(path)}")
        self._findings(plan)
        rows = [
            (name, p.counts.new, p.counts.changed, p.counts.unchanged, p.counts.older, p.suspicious)
            for name, p in plan.parts.items()
        ]
        output.table(("table", "new", "changed", "unchanged", "older", "suspicious"), rows)
        for name, reason in plan.blocked().items():
            output.line(f"{name}: not sent: {reason}")

    def _perhaps(self, path: Path) -> str:
        """What to do about a file whose name begins like a table's, such as a second download."""
        names = [table.name for table in self.settings.tables if path.stem.startswith(file_name(table.name))]
        if not names:
            return ""
        name = max(names, key=len)
        return f"; if it is of {name}: --file {argument(f'{name}={path}')}"

    def _findings(self, plan: ImportPlan) -> None:
        """A few places of each kind, how many there are, and how to get those rows again."""
        grouped: dict[tuple[str, str, str, str | None], list[ExportFinding]] = defaultdict(list)
        for each in plan.findings:
            level = "accepted" if each.level == ERROR and each.kind in plan.accepted else each.level
            grouped[level, each.table, each.kind, each.column].append(each)
        for (level, table, kind, _), found in grouped.items():
            for each in found[:_SHOWN]:
                output.line(f"{level}: {table}: {each.text} [{kind}]")
            if len(found) > _SHOWN:
                output.line(
                    f"  and {len(found) - _SHOWN:,} more of {kind} in {table}: --report FILE lists them all"
                )
        for part in plan.parts.values():
            self._refetch(part, plan)
        kinds = dict.fromkeys(e.kind for p in plan.parts.values() for e in p.errors(plan.accepted))
        for kind in kinds:
            if kind in KINDS:  # what cannot be read is never accepted
                output.line(f"--accept {kind}: {KINDS[kind]}")

    def _refetch(self, part: TableImport, plan: ImportPlan) -> None:
        errors = part.errors(plan.accepted)
        whole = [each for each in errors if len(each.key) == len(part.table.key) and all(each.key)]
        keys = tuple(dict.fromkeys(each.key for each in whole if not each.until))
        ranges = tuple((each.key, each.until) for each in whole if each.until)
        if not keys and not ranges:
            return
        wanted = Wanted(
            table=part.table,
            keys=keys[:_REFETCHED],
            ranges=ranges,
            shape=part.shape,
            language=self.settings.source.backend,
        )
        stem = file_name(part.table.name)
        name = f"{stem}-2.csv"
        output.line(
            f"to export these rows of {part.table.name} again, run this query and save the result as {name} "
            "in the same folder:"
        )
        output.sql(query(wanted, exact=True).sql.replace(f"{stem}.csv", name, 1))


def _nothing(folder: Path | None) -> ConfigError:
    return ConfigError([f"{folder}: no file belongs to a table of tables.yaml"])


def _write(path: Path, findings: list[ExportFinding], *, defuse: bool) -> None:
    """All findings as JSON, or as CSV for a spreadsheet, by the file's name."""
    rows: list[dict[str, Any]] = [each.as_json() for each in findings]
    if path.suffix.lower() == ".json":
        text = visible(json.dumps(rows, indent=2, ensure_ascii=False), "\n")
    else:
        out = StringIO()
        writer = csv.DictWriter(out, _COLUMNS)
        writer.writeheader()
        for row in rows:
            cells = {**row, "key": ", ".join(row["key"]), "until": ", ".join(row["until"])}
            plain = {name: visible(cell) if isinstance(cell, str) else cell for name, cell in cells.items()}
            writer.writerow({name: defused(cell) if defuse else cell for name, cell in plain.items()})
        text = out.getvalue()
    write_named(path, text, _BEGINS)
