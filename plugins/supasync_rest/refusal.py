"""An answer that is not a success: its facts, and the errors that can be made of them."""

import re
from dataclasses import dataclass
from typing import TypeVar

from supasync_core.model.errors import RefusedError, RowError, TableError
from supasync_core.model.key_detail import key_of
from supasync_core.model.printable import sql_name
from supasync_rest.messages import Request, Response

E = TypeVar("E", bound=TableError)
# 23502 and 23514 print the whole row in their details; these name the key alone (measured).
_SHOW_THE_KEY = ("23503", "23505")
_CONSTRAINT = re.compile(r'violates foreign key constraint "(.+)"$', re.DOTALL)


@dataclass(frozen=True)
class Refusal:
    """One refused request; `error_mapping` decides what it means.

    Sentences may name ``{table}`` and ``{identifier}`` as SQL writes them, ``{key}``, ``{column}``,
    ``{schema}`` and ``{project}``.
    """

    project: str
    request: Request
    answer: Response

    @property
    def table(self) -> str | None:
        return self.request.table.name if self.request.table else None

    @property
    def said(self) -> str:
        """What the server said: never its ``details``, which may print a whole row."""
        return " ".join(filter(None, (str(self.answer.status), self.answer.code, self.answer.text)))

    @property
    def schema_name(self) -> str:
        return self.request.table.schema if self.request.table else self.request.schema

    def filled(self, sentence: str) -> str:
        """The sentence with the facts that it names."""
        table = self.request.table
        # Unescaped, as PostgreSQL's message prints it.
        named = re.search(r'column "(.*)"', self.answer.message)
        column = named[1] if named else ""
        return sentence.format(
            project=self.project,
            table=".".join(map(identifier, table.address)) if table else "the table",
            key=", ".join(table.key) if table else "",
            schema=self.schema_name,
            column=column,
            identifier=identifier(column),
        )

    def message(self, what: str) -> str:
        """The message: where, what, and what the server said."""
        where = f"{self.table}: " if self.table else ""
        return f"{where}{self.project} {self.filled(what)} ({self.said})"

    def refused(self, what: str, hint: str, reason: str | None = None) -> RefusedError:
        """A person has to act before anything can continue, whatever the table."""
        error = RefusedError(f"{self.project} {what} ({self.said})", hint=hint)
        error.reason, error.project = reason, self.project
        return error

    def of_table(self, kind: type[E], what: str, hint: str) -> E:
        """An error of this kind, of the request's table; ``hint`` may name facts too."""
        return kind(self.message(what), table=self.table, hint=self.filled(hint))

    def row(self, what: str, hint: str, kind: type[RowError] = RowError) -> RowError:
        """The rows do not fit."""
        answer = self.answer
        key = key_of(answer.details) if answer.code in _SHOW_THE_KEY else None
        constraint = _CONSTRAINT.search(answer.message) if answer.code == "23503" else None
        # "See the array element [1] of key ...": names the column, and no value of the row (measured).
        place = answer.hint if answer.code == "22P02" else ""
        return kind(
            " ".join(filter(None, (self.message(what), place))),
            table=self.table,
            hint=hint,
            sqlstate=answer.code or None,
            columns=key.columns if key else (),
            value=key.value if key else None,
            other=key.other if key else None,
            constraint=constraint[1] if constraint else None,
        )


def identifier(name: str) -> str:
    """A name as SQL writes it, quoted unless it is plain; a person sees where it is a reserved word."""
    return name if re.fullmatch(r"[a-z_][a-z0-9_]*", name) else sql_name(name)
