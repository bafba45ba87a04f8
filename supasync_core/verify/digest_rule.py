"""Which tables digests can prove equal, and which have to be read.

A digest is over the texts that PostgreSQL prints of values, under settings that are the same on both sides.
So it needs columns of one type on both sides, and a key that tells rows apart by the same text everywhere.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from supasync_core.model.pg_types import INTEGERS, UNZONED
from supasync_core.model.row_key import has_row_key
from supasync_core.model.table import Table
from supasync_core.project.migration import Migration
from supasync_core.verify.digest_answers import NoDigestsError, TableFacts
from supasync_core.verify.digest_side import DigestSide, TableDigests

_KEYS = (*INTEGERS, "numeric", "uuid", "boolean", "date", UNZONED, "text", "character varying", "character")
"""Types of keys whose text is the same in SQL and in JSON, whatever the settings of a database."""
_ORDINARY = ("r", "p")
_PASTE = {"OLD": "supasync schema sql --old", "NEW": "supasync schema sql"}


@dataclass(frozen=True)
class DigestPair:
    """A table on both sides; a value of the ``json_columns`` may have several texts.

    ``rows`` is what OLD's statistics say, None where they say nothing.
    """

    old: TableDigests
    new: TableDigests
    json_columns: frozenset[str]
    bytes: int
    rows: int | None


@dataclass
class Digests:
    """Both sides of a project, and what their catalogs say of its tables.

    ``problem`` is why no table is proven by digests; ``reasons`` are by table.
    """

    problem: str | None = None
    pairs: dict[str, DigestPair] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)


@contextmanager
def digests_of(migration: Migration, tables: Sequence[Table]) -> Iterator[Digests]:
    """Ask both sides whether they compute digests, and of which of these tables. Usually one request each."""
    old, new = DigestSide("OLD", migration.source), DigestSide("NEW", migration.sink)
    found = Digests()
    try:
        if old.able and new.able and tables:
            _ask(found, old, new, tables)
        yield found
    finally:
        old.close()
        new.close()


def _ask(found: Digests, old: DigestSide, new: DigestSide, tables: Sequence[Table]) -> None:
    found.reasons |= {table.name: reason for table in tables if (reason := _unfit_setting(table))}
    fit = [table for table in tables if table.name not in found.reasons]
    answers = []
    for side in (old, new) if fit else ():
        try:
            answers.append(side.tables(fit))
        except NoDigestsError as err:
            found.problem = f"digests are not used: {err}; {_PASTE[side.name]} prints what it needs"
            return
    if not answers:
        return
    (mine, theirs) = answers
    method = _method(mine[0], theirs[0])
    if method is None:
        found.problem = "digests are not used: OLD and NEW print or hash known values differently"
        return
    for table, left, right in zip(fit, mine[1], theirs[1], strict=True):
        if reason := _unfit(table, left, right):
            found.reasons[table.name] = reason
        elif left and right:
            found.pairs[table.name] = _pair(table, (old, left), (new, right), method)


def _method(mine: tuple[tuple[str, ...], str], theirs: tuple[tuple[str, ...], str]) -> str | None:
    """PostgreSQL's own hash where both compute it alike, else md5, which costs more; None for neither."""
    if mine[1] != theirs[1]:
        return None
    return "hash" if mine[0] == theirs[0] else "md5"


def _unfit_setting(table: Table) -> str | None:
    """Why tables.yaml alone rules digests out."""
    reasons = {
        f"its rows go through {', '.join(table.transform)}": table.transform,
        "where: chooses rows of OLD alone": table.where,
        "its key is made of each row": has_row_key(table),
    }
    return next((reason for reason, applies in reasons.items() if applies), None)


def _unfit(table: Table, old: TableFacts | None, new: TableFacts | None) -> str | None:
    """Why the catalogs rule digests out."""
    for name, facts in (("OLD", old), ("NEW", new)):
        if facts is None or facts.kind not in _ORDINARY:
            return f"it is not an ordinary table in {name}"
        if not facts.readable:
            return f"{name} does not let this key read it"
        if facts.parent:
            return f"other tables inherit from it in {name}"
        key = ", ".join(table.key)
        if not facts.unique or not all(facts.columns[each].not_null for each in table.key):
            return f"{name} has no unique index on ({key}) without NULL"
        for each in table.key:
            if facts.columns[each].type not in _KEYS:
                return f"its key {each} is of type {facts.columns[each].type} in {name}"
    return _unfit_columns(table, old, new) if old and new else None


def _unfit_columns(table: Table, old: TableFacts, new: TableFacts) -> str | None:
    """Why columns rule them out: equal values would have different texts, or one text two meanings."""
    for each in _travelling(table, old):
        if each not in old.columns or each not in new.columns:
            return f"{'NEW' if each in old.columns else 'OLD'} does not have its column {each}"
        mine, theirs = old.columns[each], new.columns[each]
        if mine.type != theirs.type:
            return f"{each} is {mine.type} in OLD and {theirs.type} in NEW"
    if table.soft_delete and table.soft_delete not in old.columns:
        return f"OLD does not have its column {table.soft_delete}"
    return None


def _travelling(table: Table, old: TableFacts) -> list[str]:
    named = table.columns or tuple(old.columns)
    return [each for each in dict.fromkeys((*table.key, *named)) if each not in table.exclude]


def _pair(
    table: Table, old: tuple[DigestSide, TableFacts], new: tuple[DigestSide, TableFacts], method: str
) -> DigestPair:
    compared = _travelling(table, old[1])
    left, right = (
        TableDigests.of(
            side, table, without=facts.columns.keys() - set(compared), live=side is old[0], method=method
        )
        for side, facts in (old, new)
    )
    json_columns = frozenset(each for each in compared if old[1].columns[each].spelled)
    size = max(old[1].bytes, new[1].bytes)
    return DigestPair(left, right, json_columns, size, old[1].rows or None)
