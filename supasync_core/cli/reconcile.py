"""`supasync reconcile`: make one side equal to the other, undo that, clear rows that are in the way."""

import re
from collections.abc import Callable
from typing import Any

import click

from supasync_core.cli import reconcile_apply, reconcile_clear
from supasync_core.cli.diff import SideOptions, sides
from supasync_core.cli.params import listed
from supasync_core.cli.table_options import ONLY_TABLES
from supasync_core.project.session import Session

SIDES = "LEFT RIGHT"


class Ceiling(click.ParamType[Callable[[int], int]]):
    """``500`` rows, or ``10%`` of a table's rows."""

    name = "number"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> Callable[[int], int]:
        """The ceiling for so many rows; a usage error where it is none."""
        found = re.fullmatch(r"(\d{1,15})(%?)", str(value))
        if not found or (found[2] and int(found[1]) > 100):  # noqa: PLR2004 - percent
            self.fail(
                f"{value} must be a number of rows, such as 500, or a percentage, such as 10%", param, ctx
            )
        number = int(found[1])
        return (lambda rows: rows * number // 100) if found[2] else (lambda _rows: number)


class Reconcile(click.Group):
    """A group whose command `SIDES` is meant where no command is named."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that is named, behind its flags at most, or else `SIDES`."""
        word = next((each for each in args if not each.startswith("-")), "")
        command = self.get_command(ctx, word)
        if command:
            before = args[: args.index(word)]
            flags = {opt for each in command.params if getattr(each, "is_flag", False) for opt in each.opts}
            if flags.issuperset(before):
                return word, command, [*before, *args[len(before) + 1 :]]
        return SIDES, self.commands[SIDES], args


class Sides(click.Command):
    """The command without a name of its own: its arguments stand in the place of a name."""

    def collect_usage_pieces(self, _ctx: click.Context) -> list[str]:
        """Without the arguments, which the name is."""
        return ["[OPTIONS]"]


@click.group(cls=Reconcile, context_settings={"ignore_unknown_options": True})
def reconcile() -> None:
    """Make one side equal to the other, or undo that.

    supasync reconcile LEFT RIGHT shows the plan; with --apply it is carried out. LEFT is a
    side of diff: old, new, a file or a folder. RIGHT is new, a .duckdb file, or CSV as psql writes it. An
    example: supasync reconcile old new. For its options: supasync reconcile LEFT RIGHT --help
    """


@reconcile.command(SIDES, cls=Sides)
@sides
@click.option(
    "--apply", "applied", is_flag=True, help="Carry out the plan. Without this option, it is only shown."
)
@click.option("--delete", is_flag=True, help="Also remove rows that only RIGHT has.")
@click.option(
    "--max-deletes",
    type=Ceiling(),
    metavar="N|P%",
    help="Rows of one table that may be removed. Default: 100 or 5 %, whichever is less.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def left_right(session: Session, /, **options: Any) -> int:  # noqa: ANN401 - options of every kind
    """Make RIGHT equal to LEFT.

    The sides are those of diff; RIGHT is new, a .duckdb file, or CSV as psql writes it. Rows are
    inserted and updated parents first, removed children first. What is replaced or removed is kept
    in the staging, for supasync reconcile undo. A row is only removed from new where it is known to
    have come from old.
    """
    names = options.keys() & SideOptions.__dataclass_fields__.keys()
    given = SideOptions(**{name: options.pop(name) for name in names})
    return reconcile_apply.Command(session, given, **options).run()


@reconcile.command()
@click.argument("right", default="new")
@listed("--key", metavar="C", help="The key, if tables.yaml has none.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def undo(session: Session, right: str, key: tuple[str, ...], *, as_json: bool) -> int:
    """Undo the last change of RIGHT.

    RIGHT is new where it is not named. Rows that were replaced or removed are restored; rows that were
    inserted stay, and so do rows that have changed since.
    """
    return reconcile_apply.undo(session, SideOptions(left=right, right=right, key=key), as_json=as_json)


@reconcile.command()
@ONLY_TABLES
@click.option(
    "--apply", "applied", is_flag=True, help="Remove the rows. Without this option, they are only shown."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def clear(session: Session, tables: tuple[str, ...], *, applied: bool, as_json: bool) -> int:
    """Remove rows that exist only in NEW and block rows from OLD.

    Before a table's first sync, that is every row OLD lacks; afterwards, only rows that hold a unique
    value OLD needs. They are kept in the staging: supasync reconcile undo restores them.
    """
    return reconcile_clear.clear(session, tables, applied=applied, as_json=as_json)
