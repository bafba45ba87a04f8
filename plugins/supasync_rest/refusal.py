"""An answer that is not a success: its facts, and the errors that can be made of them."""

import re

from supasync_core.model.errors import RowError
from supasync_core.model.pg_refusal import PgRefusal
from supasync_core.model.printable import sql_name
from supasync_rest.messages import Request, Response

_CONSTRAINT = re.compile(r'violates foreign key constraint "(.+)"$', re.DOTALL)


class Refusal(PgRefusal):
    """One refused request; `error_mapping` decides what it means.

    Sentences may name ``{table}`` and ``{identifier}`` as SQL writes them, ``{key}``, ``{column}``,
    ``{schema}`` and ``{project}``.
    """

    def __init__(self, project: str, request: Request, answer: Response) -> None:
        self.request, self.answer = request, answer
        said = " ".join(filter(None, (str(answer.status), answer.code, answer.text)))
        named = _CONSTRAINT.search(answer.message)
        constraint = named[1] if named else None
        super().__init__(
            project, request.table, answer.code, said, detail=answer.details, constraint=constraint
        )

    @property
    def schema_name(self) -> str:
        return self.table.schema if self.table else self.request.schema

    def filled(self, sentence: str) -> str:
        # Unescaped, as PostgreSQL's message prints it.
        named = re.search(r'column "(.*)"', self.answer.message)
        column = named[1] if named else ""
        return sentence.format(
            project=self.project,
            table=".".join(map(identifier, self.table.address)) if self.table else "the table",
            key=", ".join(self.table.key) if self.table else "",
            schema=self.schema_name,
            column=column,
            identifier=identifier(column),
        )

    def row(self, what: str, hint: str | None = None, kind: type[RowError] = RowError) -> RowError:
        error = super().row(what, hint, kind)
        if self.state == "22P02" and self.answer.hint:
            # "See the array element [1] of key ...": names the column, and no value of the row (measured).
            error.message += f" {self.answer.hint}"
        return error


def identifier(name: str) -> str:
    """A name as SQL writes it, quoted unless it is plain; a person sees where it is a reserved word."""
    return name if re.fullmatch(r"[a-z_][a-z0-9_]*", name) else sql_name(name)
