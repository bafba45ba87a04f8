"""What `supasync auth check` says: the way, what it carries, what both sides have, what is in the way."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from supasync_account.auth.account_columns import AccountColumns
from supasync_account.auth.account_door import AccountDoor
from supasync_account.auth.account_extras import EXTRAS, NAMES, left_out, words
from supasync_account.auth.account_flaws import FLAWS
from supasync_account.auth.account_side import AccountSide
from supasync_account.auth.account_triggers import GUARD, AccountTrigger, triggers
from supasync_core.model.errors import ExitCode, SlowQueryError
from supasync_core.model.finding import Finding, problem, warning
from supasync_core.model.wording import counted

CARRIED: Final = (
    "ids, e-mails, phones, password hashes, linked logins (OAuth), metadata, confirmation, bans, roles"
)
NOT_CARRIED: Final = "sessions (cutover offers to copy them), SSO providers, settings of Auth"
SHOWN: Final = 5
WAYS: Final = {
    "sql": "SQL, by OLD_DATABASE_URL and NEW_DATABASE_URL or the backend postgres",
    "functions": "functions, pasted into OLD and NEW and called by their secret keys",
    "keys": "the secret keys alone, without passwords and linked logins, which come by both "
    "connection strings, or by functions: supasync schema sql --auth",
}
"""Each way in words."""


@dataclass
class AuthFindings:
    """The lines that say what is, and the findings that say what to do."""

    way: str = "sql"
    counts: dict[str, dict[str, int]] = field(default_factory=dict)
    extras: Sequence[str] = ()
    columns: AccountColumns | None = None
    triggers: list[AccountTrigger] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    carries: tuple[str, str] | None = None
    """What a way carries and what not, where that is not what SQL does."""
    said: list[str] = field(default_factory=list)
    people: dict[str, list[str]] = field(default_factory=dict)
    """Accounts by name, for ``--json``: what is to be said of them by what they are called in there."""

    @property
    def exit_code(self) -> int:
        """3 where something has to be fixed before a copy."""
        return ExitCode.PERSON if any(each.level == "problem" for each in self.findings) else ExitCode.DONE

    @property
    def carried(self) -> str:
        """What is copied."""
        if self.carries:
            return self.carries[0]
        return ", ".join([CARRIED, *words(self.extras)])

    @property
    def not_carried(self) -> str:
        """What is not."""
        if self.carries:
            return self.carries[1]
        lone = [f"{each.what} (--{each.setting} copies them)" for each in left_out(self.extras)]
        return ", ".join([*lone, NOT_CARRIED])

    @property
    def lines(self) -> list[str]:
        """What is, for a person."""
        found = [f"way: {WAYS[self.way]}"]
        found += [f"carries: {self.carried}", f"does not carry: {self.not_carried}"]
        for side, counts in self.counts.items():
            told = ", ".join(f"{number:,} {what}" for what, number in counts.items())
            found.append(f"{side}: {told}")
        if self.columns:
            found.append(f"columns: {len(self.columns.users.written)} of auth.users on both sides")
            for table in (self.columns.users, *self.columns.owned):
                if table.left_out:
                    found.append(f"columns left out of auth.{table.name}: {', '.join(table.left_out)}")
        return [*found, *self.said, *(f"trigger in NEW: {each.sentence}" for each in self.triggers)]

    def as_json(self) -> dict[str, Any]:
        """For ``--json``."""
        columns = self.columns
        return {
            "way": self.way,
            "carries": self.carried,
            "does_not_carry": self.not_carried,
            "accounts": self.counts,
            "columns": list(columns.users.written) if columns else [],
            "columns_left_out": list(columns.users.left_out) if columns else [],
            "triggers": [
                {"name": each.name, "table": each.table, "function": each.function, "guarded": each.guarded}
                for each in self.triggers
            ],
            **self.people,
            "findings": [
                {"level": each.level, "text": each.text, "hint": each.hint} for each in self.findings
            ],
        }


def inspect(
    old: AccountDoor, new: AccountDoor, *, extras: Sequence[str] = (), way: str = "sql"
) -> AuthFindings:
    """Look at both sides; nothing is written. ``extras`` are tables that are to be copied, too."""
    found = AuthFindings(way=way, extras=extras)
    for side, door, wanted in (
        ("OLD", old, ["SELECT"]),
        ("NEW", new, ["SELECT", "INSERT", "UPDATE", "DELETE"]),
    ):
        found.findings += [*_rights(side, door, wanted, extras), *_open_to(side, door)]
    if found.findings:
        return found
    found.columns = AccountColumns.of(old, new, extras)
    for side, door in (("OLD", old), ("NEW", new)):
        found.counts[side], uncounted = _counts(door)
        found.findings += _of_uncounted(side, uncounted)
    found.triggers = triggers(new, found.columns)
    found.findings += _of_triggers(found.triggers)
    found.findings += _of_flaws(AccountSide.of(old, found.columns))
    for each in left_out(extras):
        if number := found.counts["OLD"].get(f"with {each.what}"):
            text = f"{counted(number, 'account has', 'accounts have')} {each.what}, which are not copied: "
            hint = f"copy them, too: {each.setting}: copy under auth: in tables.yaml, or --{each.setting}"
            found.findings.append(warning(text + each.without, hint=hint))
    return found


def _rights(side: str, door: AccountDoor, wanted: list[str], extras: Sequence[str]) -> list[Finding]:
    tables = ["auth.users", "auth.identities", *(f"auth.{each}" for each in extras)]
    lacking = [f"{what} on {table}" for table, what, has in door.ask("rights", tables, wanted) if not has]
    hint = "connect as postgres: Dashboard -> Connect -> Session pooler"
    found = (
        [problem(f"{side}: the user of the connection string lacks {', '.join(lacking)}", hint=hint)]
        if lacking
        else []
    )
    if door.ask("sees_all") != [(True,)]:
        found.append(problem(f"{side}: row level security would hide accounts from this user", hint=hint))
    return found


def _open_to(side: str, door: AccountDoor) -> list[Finding]:
    """A finding where somebody else than service_role may call a function for accounts."""
    by_function: dict[str, list[str]] = {}
    for name, role in door.ask("callers"):
        by_function.setdefault(name, []).append(role)
    return [
        problem(
            f"{side}: {' and '.join(roles)} may call {name}: whoever has such a role in the API may read "
            "the hashes of passwords",
            hint=f"paste the function again: supasync schema sql --auth{' --old' if side == 'OLD' else ''}",
        )
        for name, roles in by_function.items()
    ]


def _counts(door: AccountDoor) -> tuple[dict[str, int], list[str]]:
    """How many accounts there are of each kind, and the kinds that the database takes too long to count."""
    there = {table for table, *_ in door.ask("columns", list(NAMES))}
    asked = {"counts": ["accounts", "with a password", "with a linked login"]}
    asked |= {each.query: [f"with {each.what}"] for each in EXTRAS if each.table in there}
    counts: dict[str, int] = {}
    uncounted: list[str] = []
    for query, kinds in asked.items():
        try:
            [numbers] = door.ask(query)
        except SlowQueryError:
            uncounted += kinds
        else:
            counts |= zip(kinds, numbers, strict=True)
    shown = (*asked["counts"], f"with {EXTRAS[0].what}")
    return {kind: number for kind, number in counts.items() if number or kind in shown}, uncounted


def _of_uncounted(side: str, kinds: Sequence[str]) -> list[Finding]:
    if not kinds:
        return []
    text = f"{side}: the database took too long to count {', '.join(kinds)}: how many there are is not known"
    return [warning(text, hint="auth sync and auth verify count no accounts: they work in parts")]


def _of_triggers(found: list[AccountTrigger]) -> list[Finding]:
    names = [each.name for each in found if not each.guarded]
    if not names:
        return []
    text = f"NEW: {', '.join(names)} would fire for each account that is copied: auth sync does not begin"
    hint = f"paste what {GUARD} prints into NEW's SQL editor"
    return [problem(text, hint=hint, kind="trigger")]


def _of_flaws(old: AccountSide) -> list[Finding]:
    """A finding for each kind of flaw, with the first accounts that have it."""
    try:
        flawed = old.flawed()
    except SlowQueryError:
        text = "OLD: the database took too long to look for accounts that cannot be copied, or cannot sign in"
        return [warning(text, hint="auth sync looks at each account that it copies, and names those")]
    numbers = Counter(name for _, _, names in flawed for name in names)
    findings = []
    for name, number in numbers.items():
        who = [email or account for account, email, names in flawed if name in names][:SHOWN]
        shown = ", ".join(who) + (", ..." if number > SHOWN else "")
        flaw = FLAWS[name]
        text = f"{counted(number, 'account', 'accounts')} of OLD: {flaw.text}: {shown}"
        hint = "not copied until this is corrected in OLD; all other accounts are" if flaw.refused else None
        findings.append(warning(text, hint=hint))
    return findings
