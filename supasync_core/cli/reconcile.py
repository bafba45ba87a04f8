"""`supasync reconcile`: make one side like the other, and take that back."""

import re
from collections.abc import Callable
from functools import partial
from typing import Any

import click

from supasync_core.cli.diff import Given, sides
from supasync_core.project.session import Session

UNDO = "undo"
CLEAR = "clear"


class Ceiling(click.ParamType[Callable[[int], int]]):
    """``500`` rows, or ``10%`` of a table's rows."""

    name = "number"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> Callable[[int], int]:
        """The ceiling for so many rows; a usage error where it is none."""
        found = re.fullmatch(r"(\d{1,15})(%?)", str(value))
        if not found or (found[2] and int(found[1]) > 100):  # noqa: PLR2004 - percent
            self.fail(f"{value} is neither a number of rows, as 500, nor a share, as 10%", param, ctx)
        number = int(found[1])
        return (lambda rows: rows * number // 100) if found[2] else (lambda _rows: number)


@click.command()
@partial(sides, required=False)
@click.option("--apply", "applied", is_flag=True, help="Write; without it the plan is shown and no more.")
@click.option("--delete", is_flag=True, help="Also remove rows that the right side alone has.")
@click.option(
    "--max-deletes",
    type=Ceiling(),
    metavar="N|P%",
    help="Rows that may be removed of one table. Default: 100 or 5 %, whichever is less.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def reconcile(session: Session, /, **options: Any) -> int:  # noqa: ANN401 - options of every kind
    """Make RIGHT like LEFT, or take the last such change back: reconcile undo [RIGHT].

    reconcile clear shows rows of new that old does not have and that are in its way: those of
    tables before their first sync, as a trigger makes them, and those that keep a row out by a unique
    value. With --apply they are removed; undo brings them back.

    The sides are those of diff; RIGHT is new, a .duckdb file, or CSV as psql writes it. Rows are
    inserted and updated parents first, removed children first. What is replaced or removed is kept
    in the staging. A row is only removed from new where it is known to have come from old.
    """
    from supasync_core.cli.reconcile_apply import Command, undo  # noqa: PLC0415 - --help needs none of it

    given = {name: options.pop(name) for name in Given.__dataclass_fields__}
    if given["left"] == UNDO:
        side = given["right"] or "new"
        return undo(session, Given(**{**given, "left": side, "right": side}), as_json=options["as_json"])
    if given["left"] == CLEAR and given["right"] is None:
        from supasync_core.cli.reconcile_clear import clear  # noqa: PLC0415 - as above

        return clear(session, given["tables"], applied=options["applied"], as_json=options["as_json"])
    if given["right"] is None:
        raise click.UsageError("Missing argument 'RIGHT'.")
    return Command(session, Given(**given), **options).run()
