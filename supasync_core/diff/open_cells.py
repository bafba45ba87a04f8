"""Cells of which SQL cannot say whether they are one value: read, and looked into here."""
# ruff: noqa: S608 - numbers and cells of ours alone

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import product

from supasync_core.diff.difference import DiffRequest
from supasync_core.diff.fetched_rows import pages
from supasync_core.diff.leniency import NUMBER, TEXT, TIME, Eased, looks_like
from supasync_core.diff.loaded_side import NOTHING, LoadedSide
from supasync_core.diff.pairing import ALIKE, OPEN, SAME, WIDE, WITHIN, Pairing
from supasync_core.model.pg_types import type_of
from supasync_core.model.same_value import same_document
from supasync_core.staging.connection import Database
from supasync_core.staging.values import literal

_MARKED = 100_000
"""Cells whose numbers are held until their flags are set."""


def settle(database: Database, pairing: Pairing, *, lossy: bool) -> None:
    """Compare documents by content, and numbers and times by how near they are, a thousand at a time."""
    flags: dict[int, list[int]] = {}
    for cells in _pages(database):
        for place, i, mine, theirs in cells:
            flags.setdefault(_flag(pairing, i, mine, theirs, lossy=lossy), []).append(place)
        if sum(map(len, flags.values())) >= _MARKED:
            _mark(database, flags)
            flags = {}
    _mark(database, flags)


def _flag(pairing: Pairing, i: int, mine: str, theirs: str, *, lossy: bool) -> int:
    """What is said of two cells of a column in the end; ``OPEN`` of such that differ."""
    held, kind, question = pairing.lenient.get(pairing.columns[i]), pairing.kind(i), pairing.question
    if held in {NUMBER, TIME}:
        near = question.leniency.within(kind, mine, theirs, number=held == NUMBER)
        return WITHIN if near else OPEN
    same = same_document(mine, theirs, strict=question.strict, lossy=lossy, kind=kind)
    return SAME if same else OPEN


def _mark(database: Database, flags: Mapping[int, list[int]]) -> None:
    """Set the flags of cells; each statement reads all of them, so that one is for many."""
    for flag in flags.keys() - {OPEN}:
        database.fetch(
            f"UPDATE cells SET flag = {flag} WHERE place IN (SELECT unnest(CAST(? AS BIGINT[])))",
            [flags[flag]],
        )


def lenient(database: Database, question: DiffRequest, sides: Sequence[LoadedSide]) -> dict[str, str]:
    """What the columns hold that may differ a little: numbers, times or texts.

    The type decides. Where it is not known, a column holds what all of its values on both sides look like.
    """
    if not question.leniency:
        return {}
    names = [name for name in question.columns if name not in question.table.key]
    found = {name: question.leniency.of_type(type_of(question.shape, name)) for name in names}
    unknown = [name for name, held in found.items() if held == ""]
    for start in range(0, len(unknown), WIDE):
        found.update(_looked(database, question, sides, unknown[start : start + WIDE]))
    return {name: held for name, held in found.items() if held}


def eased(database: Database, pairing: Pairing, *, differ: bool) -> tuple[Eased, ...]:
    """What each option let pass, of the cells of the table ``cells`` where rows may ``differ``."""
    options = pairing.question.leniency.options
    if not options:
        return ()
    query = f"SELECT i, flag, count(*) FROM cells WHERE flag IN ({WITHIN}, {ALIKE}) GROUP BY ALL"
    counts = database.fetch(query) if differ else []
    held = {i: pairing.lenient.get(name, TEXT) for i, name in enumerate(pairing.columns)}
    passed = Counter[str]()
    for i, flag, number in counts:
        passed[TEXT if flag == ALIKE else held[i]] += number
    return tuple(Eased(option, what, _of(pairing, what), passed[what]) for what, option in options.items())


def _of(pairing: Pairing, what: str) -> tuple[str, ...]:
    """The columns for which an option holds; one for texts also holds where the type is not known."""
    return tuple(
        name
        for name, held in pairing.lenient.items()
        if held == what or (what == TEXT and not type_of(pairing.question.shape, name))
    )


def _looked(
    database: Database, question: DiffRequest, sides: Sequence[LoadedSide], names: Sequence[str]
) -> Iterator[tuple[str, str]]:
    """What these columns hold by their looks."""
    looks = [kind for kind in (NUMBER, TIME) if kind in question.leniency.options]
    alike: dict[tuple[str, str], list[bool | None]] = {}
    for side in sides if looks else ():
        terms = []
        for name in names:
            text = side.cells.get(name, NOTHING)
            if name in side.doubtful:
                text = f"nullif({text}, {literal(side.doubtful[name])})"
            seen = looks_like(question.leniency.trimmed(text))
            terms += [f"bool_and({seen[kind]})" for kind in looks]
        found = database.fetch(f"SELECT {', '.join(terms)} FROM {side.relation} WHERE {side.where}")[0]
        for pair, answer in zip(product(names, looks), found, strict=True):
            alike.setdefault(pair, []).append(answer)
    for name in names:
        kinds = [kind for kind in looks if False not in alike[name, kind] and any(alike[name, kind])]
        yield name, kinds[0] if kinds else TEXT if question.leniency.texts else ""


def _pages(database: Database) -> Iterator[list[tuple[int, int, str, str]]]:
    found = database.connection.cursor().execute(f"SELECT place, i, l, r FROM cells WHERE flag = {OPEN}")
    yield from pages(found, lambda cell: len(cell[2]) + len(cell[3]))
