"""`supasync report`: one page that shows where the migration stands."""

import webbrowser
from pathlib import Path

import click

from supasync_core.cli import output
from supasync_core.project.session import Session

DEFAULT = "supasync-report.html"


@click.command()
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help=f"The file to write; default: path: under report: in tables.yaml, else {DEFAULT}.",
)
@click.option("--open", "show", is_flag=True, help="Show it in the browser.")
@click.option("--values", is_flag=True, help="Show keys of rows, and messages that may repeat their values.")
@click.option("--verify", "first", is_flag=True, help="Compare OLD with NEW before; OLD gets requests.")
@click.pass_context
def report(ctx: click.Context, out: Path | None, *, show: bool, values: bool, first: bool) -> int:
    """Write a page that shows where the migration stands.

    It is one HTML file without scripts that loads nothing: a verdict, the tables, the runs of 30 days, what
    both projects use and when OLD is full, what the last verification and the last diff of all tables found,
    and the certificate after the switch. It is made of NEW's records and of what this machine keeps: OLD gets
    no request.
    """
    from supasync_core.report.written import write_report  # noqa: PLC0415 - the page's engine is wanted here

    session: Session = ctx.obj
    if first:
        from supasync_core.cli.verify import verify  # noqa: PLC0415 - wanted with this option alone

        ctx.invoke(verify, tables=(), limit=0, exact=False, as_json=False)
    session.lenient = True
    session.error_code = None
    settings = session.settings
    path = out or settings.report.path or Path(DEFAULT)
    write_report(settings, session.host, path, values=values)
    output.line(f"{path} written")
    if show and not webbrowser.open(path.absolute().as_uri()):
        output.line("note: no browser was found: open the file yourself", err=True)
    return 0
