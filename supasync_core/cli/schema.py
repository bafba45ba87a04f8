"""`supasync schema`: the tables of both projects, and SQL for NEW."""

import click

from supasync_core.api.backend import Remark
from supasync_core.cli import output
from supasync_core.cli.common_options import VerdictCommand
from supasync_core.cli.schema_sql import sql
from supasync_core.model.errors import DiffCode
from supasync_core.model.level import PROBLEM, WARNING
from supasync_core.model.wording import counted
from supasync_core.project.session import Session
from supasync_core.schema.both_sides import Comparison, Difference, compared
from supasync_core.schema.compare_catalogs import with_catalogs


@click.group()
def schema() -> None:
    """Compare the tables of both projects, print SQL for NEW."""


schema.add_command(sql)


@schema.command(cls=VerdictCommand)
@click.option("--json", "as_json", is_flag=True, help="Print the differences as JSON.")
@click.pass_obj
def diff(session: Session, *, as_json: bool) -> int:
    """Compare OLD's tables with NEW's.

    It compares columns, types, nullability, defaults, enum values and keys. With OLD_DATABASE_URL and
    NEW_DATABASE_URL it also compares identity and computed columns, constraints, foreign keys to any schema,
    indexes, triggers, policies, and the rights of anon and authenticated.
    Exits with 0 where they are the same, as far as both show them, with 1 where they differ, with 2 where
    that could not be determined. Nothing is written.
    """
    session.error_code = DiffCode.TROUBLE
    with session.migration() as migration:
        found = with_catalogs(migration, compared(migration))
    if as_json:
        output.print_json(found.as_json())
    else:
        click.echo(f"OLD: {session.settings.source.ref}\nNEW: {session.settings.sink.ref}\n")
        _print(found)
    return DiffCode.EQUAL if found.same else DiffCode.DIFFERENT


def _print(found: Comparison) -> None:
    lines: list[Difference | Remark] = [*found.differences, *found.remarks]
    output.findings(lines)
    levels = [each.level for each in lines]
    problems, warnings = levels.count(PROBLEM), levels.count(WARNING)
    weights = f"{counted(problems, 'problem', 'problems')}, {counted(warnings, 'warning', 'warnings')}"
    click.echo(f"{counted(found.tables, 'table', 'tables')} compared: {weights}")
    if found.hidden:
        click.echo(f"not shown, so not compared: {'; '.join(found.hidden)}")
    if found.way:
        click.echo(f"  {found.way}")
