"""One side's database, asked for digests: over the door for SQL where it has one, else by its function."""

import json
from collections.abc import Collection, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any, Self

from supasync_core.api import digesting
from supasync_core.api.backend import Side
from supasync_core.api.digesting import Digesting
from supasync_core.api.sql_session import SqlSession, SqlSpeaking
from supasync_core.model.batch import Key
from supasync_core.model.errors import SchemaError
from supasync_core.model.table import Table
from supasync_core.verify import digest_answers
from supasync_core.verify.digest_answers import Digest, ListedRow, NoDigestsError, RowsDifferError, TableFacts

_MARK = "supasync_asked"
_LONGEST = 5000
"""Characters of what one question may name: an address takes about 8000, and JSON in it grows."""
LISTED = 20_000
"""Rows of one answer, about 2 MB."""
_PURPOSE = "digest"


@dataclass
class DigestSide:
    """A side whose database may compute digests; ``name`` is how people call it."""

    name: str
    side: Side
    _session: SqlSession | None = field(default=None, init=False)

    @property
    def able(self) -> bool:
        """Whether it is a database that can be asked at all."""
        return isinstance(self.side, SqlSpeaking | Digesting)

    def tables(self, tables: Sequence[Table]) -> tuple[tuple[tuple[str, ...], str], list[TableFacts | None]]:
        """The digests of known values, and what the catalog says of each table."""
        facts: list[TableFacts | None] = []
        probe: tuple[tuple[str, ...], str] = ((), "")
        for some in _portions([[*table.address, list(table.key)] for table in tables]):
            answer = self.ask({"want": "tables", "tables": some})
            found = digest_answers.found_in(answer)
            if not isinstance(found, list) or len(found) != len(some):
                raise NoDigestsError("its function did not return what was asked for")
            probe = digest_answers.probe_in(answer)
            facts += map(digest_answers.facts, found)
        return probe, facts

    def ask(self, asked: Mapping[str, Any]) -> Any:  # noqa: ANN401 - JSON
        """The answer; NoDigestsError where there is none, SlowQueryError where it took too long."""
        try:
            if isinstance(self.side, SqlSpeaking):
                return self._by_sql(self.side, asked)
            if isinstance(self.side, Digesting):
                return self.side.digest(asked)
        except SchemaError as err:
            raise NoDigestsError(f"{self.name} computes no digests: {err.message}") from err
        raise NoDigestsError(f"{self.name} computes no digests")

    def _by_sql(self, side: SqlSpeaking, asked: Mapping[str, Any]) -> Any:  # noqa: ANN401 - JSON
        """The same SQL, without the function."""
        if self._session is None:
            self._session = side.sql()
        made = digesting.of_tables if asked["want"] == "tables" else digesting.of_rows
        query = made(_MARK).replace("%", "%%").replace(_MARK, "%s::jsonb")
        text = self._value(self._session, query, json.dumps(asked))
        if asked["want"] != "tables" and text is not None:
            text = self._value(self._session, text.replace("%", "%%"))
        return None if text is None else json.loads(text)

    def _value(self, session: SqlSession, query: str, *values: str) -> str | None:
        """The text of the only value of a query."""
        [(text,)] = session.query(f"select ({query})::text", values, purpose=_PURPOSE)
        return None if text is None else str(text)

    def close(self) -> None:
        """Close the session, if there was one."""
        if self._session is not None:
            with closing(self._session):
                self._session = None


@dataclass(frozen=True, slots=True)
class KeyRange:
    """The rows behind the key ``after``, up to the key ``to``, in the order of the keys' own values."""

    after: Key | None = None
    to: Key | None = None

    def as_json(self) -> dict[str, Any]:
        """As a question names it."""
        return {"after": self.after and list(self.after), "to": self.to and list(self.to)}


@dataclass(frozen=True, slots=True)
class Parts:
    """Rows by a hash of their key: ``of`` so many parts, a power of two, those ``among`` these, or all."""

    of: int = 1
    among: Sequence[int] | None = None

    def as_json(self) -> dict[str, Any]:
        """As a question names them."""
        return {"of": self.of, "among": None if self.among is None else list(self.among)}


@dataclass(frozen=True)
class TableDigests:
    """One table of one side; ``question`` is what each question about it has in common."""

    side: DigestSide
    question: Mapping[str, Any]
    stamps: tuple[str, ...] = ()

    @classmethod
    def of(cls, side: DigestSide, table: Table, *, without: Collection[str], live: bool, method: str) -> Self:
        """For the rows that are compared: ``live`` leaves out those that are marked as deleted."""
        schema, name = table.address
        question = {
            "schema": schema,
            "table": name,
            "key": list(table.key),
            "without": sorted(without),
            "live": table.soft_delete if live else None,
            "method": method,
        }
        return cls(side, question)

    def bound(self, after: Key | None, rows: int) -> Key | None:
        """The key of the row that is so many rows behind this key; None where there are fewer."""
        return digest_answers.key(self._found({"want": "bound", **KeyRange(after).as_json(), "rows": rows}))

    def parts(self, keys: KeyRange, parts: int, chosen: Parts) -> dict[int, Digest]:
        """The digest of each of so many parts that has rows."""
        asked = {"want": "parts", **keys.as_json(), **chosen.as_json(), "parts": parts}
        return digest_answers.parts(self._found(asked))

    def rows(self, keys: KeyRange, chosen: Parts) -> dict[Key, ListedRow]:
        """Each row; RowsDifferError where there are more than an answer may list."""
        asked = {"want": "rows", **keys.as_json(), **chosen.as_json(), "limit": LISTED}
        asked["stamps"] = list(self.stamps)
        found = digest_answers.rows(self._found(asked))
        if len(found) >= LISTED:
            raise RowsDifferError(f"more than {LISTED:,} rows would have to be listed")
        return found

    def cells(self, keys: Sequence[Key]) -> dict[Key, dict[str, str | None]]:
        """The cells of the rows with these keys."""
        found: dict[Key, dict[str, str | None]] = {}
        for some in _portions([list(key) for key in keys]):
            found |= digest_answers.cells(self.side.ask({"want": "cells", **self.question, "keys": some}))
        return found

    def _found(self, asked: Mapping[str, Any]) -> Any:  # noqa: ANN401 - JSON
        return digest_answers.found_in(self.side.ask({**asked, **self.question}))


def _portions(things: Sequence[Any]) -> list[list[Any]]:
    """As many at once as a question may name."""
    found: list[list[Any]] = [[]]
    size = 0
    for each in things:
        long = len(json.dumps(each)) * 2
        if found[-1] and size + long > _LONGEST:
            found.append([])
            size = 0
        found[-1].append(each)
        size += long
    return found if things else []
