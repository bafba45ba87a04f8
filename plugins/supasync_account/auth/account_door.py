"""The door through which the accounts of one project are asked and written: by name of a query.

There are two of them. `account_session` runs the queries in a session of the database, `account_calls` has a
function run them that a person has pasted there. What is asked, decided and written is the same.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal, NamedTuple, Protocol, Self

ADMITTED: Final = ("users", "identities", "mfa_factors", "webauthn_credentials")
"""The tables of ``auth`` that are read."""


Project = Literal["OLD", "NEW"]


class Step(NamedTuple):
    """A query of `account_queries` by its name, its values, and the table that it is about."""

    query: str
    values: Sequence[Any] = ()
    table: str = "users"


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """On what a transaction is written: nothing is, unless all of it holds.

    ``run`` still has the lease; None where nobody can take one. Each account has one of the marks in
    ``allowed``, where None is no account at all. ``fires``: triggers fire, so they find names on their path.
    """

    run: str | None = None
    allowed: Mapping[str, Sequence[str | None]] = field(default_factory=dict)
    fires: bool = False


class AccountDoor(Protocol):
    """One project's accounts; OLD's door only reads."""

    @property
    def project(self) -> Project:
        """Whose they are."""
        ...

    @property
    def at_once(self) -> int:
        """How many ids one question may name."""
        ...

    @property
    def largest(self) -> int:
        """How many characters of rows one transaction may take."""
        ...

    def shaped(self, asked: Mapping[str, Any]) -> Self:
        """The same for these columns: see `AccountColumns.asked`."""
        ...

    def ask(self, query: str, *values: Any, table: str = "users") -> list[tuple[Any, ...]]:  # noqa: ANN401 - SQL's
        """The rows of an answer; SlowQueryError or LargeAnswerError where less is to be asked."""
        ...

    def together(self, steps: Sequence[Step], terms: Terms) -> tuple[set[str], list[list[tuple[Any, ...]]]]:
        """Write all steps in one transaction: their answers.

        Where accounts have other marks than the terms allow, these accounts, and nothing is written.
        TakenOverError where the lease is lost. Guards of NEW's triggers know who writes.
        """
        ...


def changed(marks: Mapping[str, str], allowed: Mapping[str, Sequence[str | None]]) -> set[str]:
    """The accounts whose mark is not one that is allowed."""
    return {account for account, each in allowed.items() if marks.get(account) not in each}
