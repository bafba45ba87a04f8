"""Cells of which SQL cannot say whether they are one value: read, and looked into here."""
# ruff: noqa: S608 - numbers of ours alone

from collections.abc import Iterator

from supasync_core.diff.pairing import OPEN, SAME, Pairing
from supasync_core.model.same_value import same_document
from supasync_core.staging.connection import Database

_FETCHED = 1000


def settle(database: Database, pairing: Pairing, *, lossy: bool) -> None:
    """Compare documents by content, some thousand at a time."""
    for cells in _pages(database):
        equal = [
            place
            for place, i, mine, theirs in cells
            if same_document(mine, theirs, strict=pairing.question.strict, lossy=lossy, kind=pairing.kind(i))
        ]
        _mark(database, equal, SAME)


def _pages(database: Database) -> Iterator[list[tuple[int, int, str, str]]]:
    found = database.connection.cursor().execute(f"SELECT place, i, l, r FROM cells WHERE flag = {OPEN}")
    while rows := found.fetchmany(_FETCHED):
        yield rows


def _mark(database: Database, places: list[int], flag: int) -> None:
    if places:
        database.fetch(
            f"UPDATE cells SET flag = {flag} WHERE place IN (SELECT unnest(CAST(? AS BIGINT[])))", [places]
        )
