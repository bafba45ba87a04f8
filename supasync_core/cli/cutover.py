"""`supasync cutover`: the switch of the app from OLD to NEW, and back."""

from pathlib import Path

import click

from supasync_core.project.session import Session


@click.command()
@click.option(
    "--plan", is_flag=True, help="Show every check, change and step; write nothing, wait for nothing."
)
@click.option(
    "--rollback",
    is_flag=True,
    help="Restore the app's .env, and count what was written to NEW since.",
)
@click.option("--after-gap", is_flag=True, help="OLD no longer answers: its last rows came by gap import.")
@click.option(
    "--exact/--no-exact",
    default=None,
    help="Compare every value of every row, or only keys and timestamps (except in small tables whose "
    "updates no run sees).  [default: every value; it asks if that takes a tenth of the monthly egress]",
)
@click.option("--accept", "accepted", multiple=True, metavar="NAME", help="Switch even if this check fails.")
@click.option(
    "--certificate", type=click.Path(), metavar="PATH", help="Where to write it.  [default: in .supasync]"
)
@click.option(
    "--yes", is_flag=True, help="Answer yes to every question, for scripts: also that nothing writes to OLD."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def cutover(
    session: Session, /, certificate: str | None, *, rollback: bool, plan: bool, **options: object
) -> int:
    """Switch the app from OLD to NEW.

    A checklist runs, the app's .env is changed, and NEW is closed for supasync. Nothing is switched while a
    check fails. It asks before it switches and before each step of your own.
    If it is killed, run it again; it continues where it stopped. Exits with 3 where a check failed or the
    answer was no.
    """
    from supasync_core.cli.cutover_run import Command  # noqa: PLC0415 - --help needs none of it

    command = Command(session, place=Path(certificate) if certificate else None, **options)  # type: ignore[arg-type]
    if rollback:
        return command.rollback(dry=plan)
    return command.plan() if plan else command.switch()
