"""What the catalogs of both databases tell of a copy, where `check` can ask them over SQL."""

from collections.abc import Iterator, Sequence

from supasync_core.model.errors import SupasyncError
from supasync_core.model.finding import Finding, problem, warning
from supasync_core.model.level import PROBLEM
from supasync_core.project.migration import Migration
from supasync_core.schema.both_sides import Difference
from supasync_core.schema.compare_catalogs import catalog_differences

_REFUSING = ("constraint", "foreign key")
_BETTER_KNOWN = ("precision", "computed")


def with_catalogs_checked(migration: Migration, findings: Sequence[Finding]) -> list[Finding]:
    """The findings with what makes values differ or rows be refused, where both catalogs can be asked.

    A connection string that does not work is a warning. All else that differs is of the app, and in
    `schema diff`.
    """
    try:
        found = catalog_differences(migration) if migration.alike else None
    except SupasyncError as err:
        return [*findings, warning(str(err), hint=err.hint)]
    if found is None:
        return list(findings)
    return [
        *(each for each in findings if each.kind not in ("precision", "computed")),
        *_of_copies(migration, found),
    ]


def _of_copies(migration: Migration, found: Sequence[Difference]) -> Iterator[Finding]:
    names = {table.name for table in migration.settings.tables}
    for each in (each for each in found if each.table in names):
        if each.level == PROBLEM:
            yield problem(each.text, each.table, each.hint, alone=True)
        elif each.old is None and (each.kind in _REFUSING or (each.new or "").startswith("unique ")):
            yield warning(each.text, each.table, each.hint)
