"""The statements that write accounts to NEW: set-based, values passed on as the texts that OLD printed."""

# ruff: noqa: S608 - names are quoted, values are parameters

from collections.abc import Iterable
from dataclasses import dataclass

from supasync_account.auth.account_columns import DATES, AccountColumns, AccountTable, named, quoted

WRITES = "select pg_catalog.set_config('supasync.writes', 'on', true)"
"""What guards of triggers ask for, until the transaction ends."""
GIVE_UP_EMAIL = (
    "update auth.users u set email = null from unnest(%s::uuid[], %s::text[]) x (id, email) "
    "where u.id = x.id and u.email is distinct from x.email"
)
GIVE_UP_PHONE = (
    "update auth.users u set phone = null from unnest(%s::uuid[], %s::text[]) x (id, phone) "
    "where u.id = x.id and u.phone is distinct from x.phone"
)
"""What an account has another of is given up before anyone takes it: two accounts may swap theirs."""


@dataclass(frozen=True, slots=True)
class AccountStatements:
    """The statements for the columns that both sides have; each takes accounts as one JSON array."""

    columns: AccountColumns

    @property
    def users(self) -> str:
        """Write the accounts; in one that is there, what NEW's own mails wait for stays."""
        table, tokens = self.columns.users, self.columns.tokens
        values = [*_values(table), *("''" for _ in tokens)]
        names = [*table.written, *tokens]
        kept = [each for each in table.dates if each != "last_sign_in_at"]
        changes = [
            f"{quoted(each)} = excluded.{quoted(each)}" for each in (*table.compared, *kept) if each != "id"
        ]
        changes += [f"{quoted(each)} = coalesce({named('t', each)}, '')" for each in tokens]
        return (
            f"insert into auth.users as t ({_names(names)}) select {', '.join(values)} "
            "from pg_catalog.jsonb_array_elements(%s::jsonb) j (e) "
            f"on conflict (id) do update set {', '.join(changes)}"
        )

    def lost(self, table: AccountTable) -> str:
        """Remove the rows of these accounts that OLD has not; takes ids, then a list of rows for each."""
        return f"delete from auth.{table.name} d where {self.is_lost(table)}"

    def is_lost(self, table: AccountTable) -> str:
        """Whether the row ``d`` is one of those."""
        at = table.written.index("id")
        return (
            "d.user_id = any(%s::uuid[]) and not exists ("
            "select from pg_catalog.jsonb_array_elements(%s::jsonb) x (rows), "
            f"lateral pg_catalog.jsonb_array_elements(x.rows) j (e) where (j.e->>{at})::uuid = d.id)"
        )

    def taken(self, table: AccountTable) -> str:
        """The accounts of rows that others have in NEW, each with who has it; takes rows, then ids."""
        place = {name: at for at, name in enumerate(table.written)}
        same = [f"d.id = (j.e->>{place['id']})::uuid"]
        if "provider_id" in place:
            pair = f"(j.e->>{place['provider_id']}, j.e->>{place['provider']})"
            same.append(f"(d.provider_id, d.provider) = {pair}")
        return " union ".join(
            f"select j.e->>{place['user_id']}, d.user_id::text "
            "from pg_catalog.jsonb_array_elements(%s::jsonb) x (rows), "
            f"lateral pg_catalog.jsonb_array_elements(x.rows) j (e) join auth.{table.name} d on {each} "
            "where d.user_id <> all(%s::uuid[])"
            for each in same
        )

    def owned(self, table: AccountTable) -> str:
        """Write rows that belong to accounts; takes lists of them."""
        changes = [
            f"{quoted(each)} = excluded.{quoted(each)}"
            for each in table.written
            if each not in ("id", *DATES) or each == "updated_at"
        ]
        compared = [each for each in table.compared if each != "id"]
        mine, theirs = (", ".join(named(alias, each) for each in compared) for alias in ("t", "excluded"))
        return (
            f"insert into auth.{table.name} as t ({_names(list(table.written))}) "
            f"select {', '.join(_values(table))} from pg_catalog.jsonb_array_elements(%s::jsonb) x (rows), "
            "lateral pg_catalog.jsonb_array_elements(x.rows) j (e) "
            f"on conflict (id) do update set {', '.join(changes)} "
            f"where ROW({mine}) is distinct from ROW({theirs})"
        )


def together(texts: Iterable[str]) -> str:
    """JSON texts as one array, none of them decoded."""
    return f"[{','.join(texts)}]"


def _values(table: AccountTable) -> list[str]:
    """SQL for each column, out of the JSON array ``e`` of texts; types have no length, so nothing is cut."""
    return [f"(j.e->>{place})::{table.types[each]}" for place, each in enumerate(table.written)]


def _names(columns: list[str]) -> str:
    return ", ".join(map(quoted, columns))
