"""What a PostgreSQL refuses, whichever way it was asked: what can be told of it, and what to do about it.

Codes: PostgreSQL documentation, appendix A.
"""

import re
from typing import Final, TypeVar

from supasync_core.model.errors import RefusedError, RowError, TableError
from supasync_core.model.table import Table

E = TypeVar("E", bound=TableError)

ROWS: Final = re.compile(r"(2[123]|44|54|P0)...")
"""The codes that are about rows: data exceptions, constraints, an ON CONFLICT that meets a row twice, view
checks, limits of PostgreSQL, RAISE in a trigger."""
LATER: Final = "nothing is lost: the next run continues from here"
SMALLER_PAGE: Final = "set a smaller page_size for this table, or add an index on its timestamp and key"
NARROWER: Final = "leave out wide columns: exclude:"
UNIQUE_KEY: Final = (
    "key: must name the columns of a primary key or of a unique constraint that is neither partial (no "
    "where) nor deferrable; add one there, or name another key in tables.yaml"
)
OTHER_QUERY: Final = "check where:, key: and timestamp: in tables.yaml"
_HINTS: Final = {
    "23503": "copy the table that it refers to first (depends_on:). Accounts: supasync auth sync. If "
    "that table is not copied, drop the foreign key in NEW until the switch (supasync schema sql "
    "--foreign-keys off), or copy those rows yourself",
    "23505": "another row there has the same value in a unique column: change or delete that row there",
    "22P02": "fix the value in OLD. An array of jsonb whose elements are JSON arrays cannot travel as JSON: "
    "copy that row by SQL",
    "23502": "fill it in OLD, or allow NULL in NEW; the JSON null of a json column arrives as NULL over REST",
    "22P05": "PostgreSQL cannot store \\u0000: replace it in that row's text in OLD",
}
_USUAL: Final = "fix the row in OLD, or the column or constraint in NEW; nothing of its batch was written"
_KEY: Final = re.compile(
    r"Key \((?P<columns>.+?)\)=(?P<value>\(.*\)) "
    r"(?:already exists|is not present in table \"(?P<other>.+)\")",
    re.DOTALL,
)


class PgRefusal:
    """One refused request: whose, of which table, its code, and what the server ``said``.

    ``detail`` may print a whole row and is never shown (measured for 23502 and 23514); that of 23503 and
    23505 names the key alone. A subclass may fill the facts of a request into a sentence.
    """

    def __init__(  # noqa: PLR0913 - what a server tells
        self,
        project: str,
        table: Table | None,
        state: str,
        said: str,
        *,
        detail: str = "",
        constraint: str | None = None,
    ) -> None:
        self.project, self.table, self.state, self.said = project, table, state, said
        self.name = table.name if table else None
        self._key = _KEY.match(detail) if state in ("23503", "23505") else None
        self._constraint = constraint if state == "23503" else None

    def filled(self, sentence: str) -> str:
        """The sentence with the facts that it names."""
        return sentence

    def message(self, what: str) -> str:
        """Where, what, and what the server said."""
        where = f"{self.name}: " if self.name else ""
        return f"{where}{self.project} {self.filled(what)} ({self.said})"

    def of_table(self, kind: type[E], what: str, hint: str) -> E:
        """An error of this kind, of the table where there is one; ``hint`` may name facts too."""
        return kind(self.message(what), table=self.name, hint=self.filled(hint))

    def refused(self, what: str, hint: str, reason: str | None = None) -> RefusedError:
        """A person has to act before anything can continue, whatever the table."""
        error = RefusedError(f"{self.project} {what} ({self.said})", hint=hint)
        error.reason, error.project = reason, self.project
        return error

    def row(self, what: str, hint: str | None = None, kind: type[RowError] = RowError) -> RowError:
        """The rows do not fit: the key and the constraint, where the server told them."""
        key = self._key
        return kind(
            self.message(what),
            table=self.name,
            hint=hint or _HINTS.get(self.state, _USUAL),
            sqlstate=self.state or None,
            columns=tuple(name.strip('"') for name in key["columns"].split(", ")) if key else (),
            value=key["value"] if key else None,
            other=key["other"] if key else None,
            constraint=self._constraint,
        )
