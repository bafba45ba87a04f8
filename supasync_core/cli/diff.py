"""`supasync diff`: what differs between two sides, and why."""

from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import click

from supasync_core.cli import output, streams
from supasync_core.cli.common_options import VerdictCommand
from supasync_core.cli.diff_html import AsHtml
from supasync_core.cli.diff_leniency import LenientOptions, lenient_options
from supasync_core.cli.diff_output import PRINTERS, Printer
from supasync_core.cli.output import rows_read
from supasync_core.cli.params import CsvOptions, Decorated, Duration, csv_options, listed
from supasync_core.cli.table_options import ONLY_TABLES
from supasync_core.diff.causes import Guess, side_of_old
from supasync_core.diff.compare import DiffOptions, SideComparison
from supasync_core.diff.difference import LEFT, NAMES, NEW, OLD
from supasync_core.diff.engine import DiffEngine
from supasync_core.diff.last_diff import DiffSummary, keep
from supasync_core.diff.renamed_side import RenamedSide
from supasync_core.diff.side_finder import SideFinder
from supasync_core.diff.workbook import sheet_of
from supasync_core.model import timestamps
from supasync_core.model.cost import Ledger
from supasync_core.model.errors import ConfigError, DiffCode, SupasyncError, TableError
from supasync_core.model.settings import Settings
from supasync_core.model.state import State
from supasync_core.project.migration import store_of_sink
from supasync_core.project.session import Session
from supasync_core.staging.csv.choices import Choices
from supasync_core.staging.csv.find_files import by_side, parse_named

_SHOWN = {"table": 20, "html": 100}
"""Rows of a table that are shown unless told otherwise, where it is not all of them."""


def sides(command: Decorated) -> Decorated:
    """The arguments and options of every command that compares two sides."""
    options = (
        click.argument("left"),
        click.argument("right"),
        ONLY_TABLES,
        listed("--key", metavar="C", help="The key, if tables.yaml has none."),
        listed("--columns", metavar="C,...", help="Only these columns, and the key."),
        listed("--ignore", metavar="C,...", help="All columns but these."),
        click.option("--min-age", type=Duration(), help="Ignore rows that are younger, such as 15m."),
        click.option("--strict", is_flag=True, help="Treat 1.50 and 1.5 as different numbers."),
        csv_options,
        click.option(
            "--complete",
            is_flag=True,
            help="A CSV holds all rows of its table: a missing row was deleted.",
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command


@dataclass(kw_only=True)
class SideOptions(CsvOptions, DiffOptions):
    """The arguments and options of `sides`, as they were given."""

    left: str
    right: str
    complete: bool = False

    def settings(self, session: Session) -> Settings | None:
        """Those of tables.yaml; None where only files are compared and nobody needs it.

        ConfigError also where a side is a path that does not exist, which is said first.
        """
        paths = [side for side in dict.fromkeys((self.left, self.right)) if side not in NAMES]
        if missing := [path for path in paths if not sheet_of(path)[0].exists()]:
            known = ", ".join(NAMES)
            raise ConfigError(
                [f"{path}: no such file or folder (a side is {known}, or a path)" for path in missing]
            )
        offline = not {self.left, self.right} & {*NAMES}
        if offline and (self.key or not Path(session.config).exists()):
            return None
        try:
            return session.settings
        except ConfigError as err:
            if not offline:
                raise
            hint = "two files need no tables.yaml if the key is named: --key COLUMN"
            raise err.amended(hint=hint) from err

    @property
    def of_both_projects(self) -> bool:
        """Whether OLD is compared with NEW."""
        return {self.left, self.right} == {OLD, NEW}

    def reading(self) -> Choices:
        """How CSV files are to be read."""
        return self.choices(complete=self.complete)


@click.command(cls=VerdictCommand)
@sides
@lenient_options
@click.option(
    "--limit",
    type=click.IntRange(min=0),
    metavar="N",
    help="Show at most N rows of each table. Default: 20 for --format table, 100 for html.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["table", "json", "jsonl", "csv", "html"]),
    default="table",
    show_default=True,
    help="The output format.",
)
@click.option(
    "--no-defuse",
    is_flag=True,
    help="Keep cells of --format csv that begin like a spreadsheet formula as they are.",
)
@click.pass_obj
def diff(session: Session, /, limit: int | None, form: str, *, no_defuse: bool, **given: object) -> int:
    """Compare LEFT and RIGHT row by row.

    A side is old, new, staging, a .duckdb file, a file of CSV, Parquet, JSON lines or XLSX
    (book.xlsx#Sheet), or a folder of such files; a path of such a name is written ./old. Added
    rows are on the right alone, removed ones on the left alone. Exits with 0 where both are equal,
    1 where they differ, 2 where that cannot be told.
    """
    session.error_code, session.wants_json = DiffCode.TROUBLE, form == "json"
    if form != "table":
        streams.for_a_program()
    names = LenientOptions.__dataclass_fields__.keys()
    eased = LenientOptions(**{name: given.pop(name) for name in names})  # type: ignore[arg-type]
    asked = SideOptions(**given)  # type: ignore[arg-type]
    asked.leniency, asked.renamed = eased.leniency(strict=asked.strict), eased.names()
    settings = asked.settings(session)
    printer = (AsHtml if form == "html" else PRINTERS[form])(
        left=asked.left,
        right=asked.right,
        limit=_SHOWN.get(form) if limit is None else limit,
        defuse=not no_defuse,
        options=(*asked.leniency.options.values(), *(f"map {a}={b}" for a, b in asked.renamed.items())),
    )
    found = DiffSummary(old_is_left=asked.left == OLD)
    with opened(session, asked, settings) as comparing:
        try:
            code = _printed(comparing, printer, _state(session, asked, settings), found)
        except SupasyncError as err:
            session.wants_json = session.wants_json and not printer.abort(err)
            raise
    if settings is not None and asked.of_both_projects and not asked.narrowed:
        _keep(settings, found)
    return code


@contextmanager
def opened(session: Session, asked: SideOptions, settings: Settings | None) -> Iterator[SideComparison]:
    """Both sides and an engine between them, opened."""
    declared = settings.tables if settings else None
    names = [table.name for table in declared] if declared else None
    with ExitStack() as stack:
        finding = SideFinder(
            host=session.host,
            settings=settings,
            choices=asked.reading(),
            named=by_side(parse_named(asked.files, names), asked.left, asked.right),
            ledger=Ledger(),
            progress=stack.enter_context(rows_read()),
        )
        left = stack.enter_context(closing(finding.side(asked.left, asked.right)))
        right = stack.enter_context(closing(finding.side(asked.right, asked.left)))
        engine = stack.enter_context(closing(DiffEngine()))
        renamed = RenamedSide(left, asked.renamed) if asked.renamed else left
        yield SideComparison(renamed, right, engine, asked, finding.choices, declared)


def _printed(comparing: SideComparison, printer: Printer, state: State | None, summary: DiffSummary) -> int:
    """Compare and print table after table; the exit code. One that fails does not stop the others."""
    sides = comparing.left.name, comparing.right.name
    tables = comparing.tables()
    comparing.check(tables.both)
    printer.begin(tables)
    summary.one_sided(tables.left_only, tables.right_only)
    equal, failed = tables.equal, False
    for table in tables.both:
        try:
            found = comparing.compared(table)
        except TableError as err:
            if err.table is None or len(tables.both) == 1:
                raise
            failed = True
            printer.failed(table, err)
            summary.failed(table.name)
            continue
        guess = Guess(found, side_of_old(*sides), state, files=not {*sides} & {*NAMES})
        old = comparing.left if guess.old == LEFT else comparing.right
        explained = guess.explained(comparing.engine.rows(found.table), old.marked)
        printer.table(found, summary.counting(found, explained))
        equal = equal and found.equal
    printer.end(equal=equal and not failed)
    return DiffCode.TROUBLE if failed else DiffCode.EQUAL if equal else DiffCode.DIFFERENT


def _keep(settings: Settings, found: DiffSummary) -> None:
    """For `supasync report`: what differs between the projects, without the values of rows."""
    sides = (settings.source.ref, settings.sink.ref)
    try:
        keep(settings.folder, found, sides, timestamps.to_text(timestamps.now()))
    except SupasyncError as err:
        output.line(f"note: the result was not kept for supasync report: {err}", err=True)


def _state(session: Session, asked: SideOptions, settings: Settings | None) -> State | None:
    """What NEW knows of OLD, where both are compared; it only helps to guess."""
    if settings is None or not asked.of_both_projects:
        return None
    try:
        with closing(store_of_sink(settings, session.host)) as store:
            return store.past(1).state
    except SupasyncError:
        return None
