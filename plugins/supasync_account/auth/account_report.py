"""What became of the accounts: counts, and by name what a person should know."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from supasync_core.model.errors import ExitCode
from supasync_core.model.wording import counted


@dataclass(frozen=True, slots=True)
class NamedAccount:
    """An account by its id and e-mail, and what is to be said of it; ``refused``: a person is needed."""

    id: str
    email: str | None
    what: str
    refused: bool

    @property
    def sentence(self) -> str:
        """The line that names it."""
        who = f"{self.email} ({self.id})" if self.email else self.id
        return f"{who}: {self.what}"

    def as_json(self) -> dict[str, Any]:
        """For scripts."""
        return {"id": self.id, "email": self.email, "what": self.what, "refused": self.refused}


@dataclass
class AccountReport:
    """One copy of accounts. ``old`` and ``new`` are how many both sides had when it began."""

    old: int = 0
    new: int = 0
    created: int = 0
    updated: int = 0
    deleted: int = 0
    own: int = 0
    """Accounts that signed up in NEW."""
    gone: int = 0
    """Accounts that OLD deleted and NEW still has."""
    withheld: int = 0
    """Accounts that OLD lists and did not hand over, or was not asked for since others took too long."""
    interrupted: bool = False
    named: list[NamedAccount] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    """What a person should know of many accounts."""

    def name(self, account: str, email: str | None, what: str, *, refused: bool) -> None:
        """Say something of an account."""
        self.named.append(NamedAccount(account, email, what, refused))

    @property
    def refused(self) -> list[NamedAccount]:
        """Those for which a person is needed."""
        return [each for each in self.named if each.refused]

    @property
    def sentence(self) -> str:
        """The line that sums it up."""
        done = f"{self.created:,} created, {self.updated:,} updated, {self.deleted:,} deleted"
        return f"{done}; OLD has {self.old:,}"

    @property
    def remarks(self) -> list[str]:
        """What is to be said of many accounts, and accounts of NEW that are none of OLD's."""
        own, gone = (counted(number, "account", "accounts") for number in (self.own, self.gone))
        lines = [f"{own} signed up in NEW, left alone"] if self.own else []
        if self.withheld:
            held = counted(self.withheld, "account", "accounts")
            lines.append(
                f"{held} of OLD not handed over, so not copied: the next copy of accounts tries again"
            )
        return [*self.said, *lines, *([f"{gone} of NEW deleted in OLD"] if self.gone else [])]

    @property
    def exit_code(self) -> int:
        """3 where a person is needed, 4 where OLD did not hand over all that it lists."""
        if self.interrupted:
            return ExitCode.INTERRUPTED
        if self.refused:
            return ExitCode.PERSON
        return ExitCode.LATER if self.withheld else ExitCode.DONE

    def as_json(self) -> dict[str, Any]:
        """For ``--json`` and for the record of the run."""
        names = ("old", "new", "created", "updated", "deleted", "own", "gone")
        notes: dict[str, Any] = {"notes": self.said} if self.said else {}
        notes |= {"withheld": self.withheld} if self.withheld else {}
        return {**{name: getattr(self, name) for name in names}, **notes, "named": _json(self.named)}


def _json(named: Iterable[NamedAccount]) -> list[dict[str, Any]]:
    return [each.as_json() for each in named]
