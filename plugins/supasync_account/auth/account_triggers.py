"""NEW's own triggers on accounts, such as `handle_new_user`: whether they fire for what supasync writes."""

from dataclasses import dataclass
from typing import Final

from supasync_account.auth.account_columns import AccountColumns
from supasync_core.api.sql_session import SqlSession
from supasync_core.model.errors import RefusedError

GUARD: Final = "supasync schema sql --triggers guard"
_TRIGGERS: Final = r"""
select g.tgname, c.relname, code.nspname || '.' || p.proname, g.tgtype & 8 <> 0,
    exists (select from pg_catalog.pg_depend d where d.classid = 'pg_catalog.pg_trigger'::pg_catalog.regclass
            and d.objid = g.oid and d.refclassid = 'pg_catalog.pg_proc'::pg_catalog.regclass
            and d.refobjid = pg_catalog.to_regprocedure('public.supasync_writes()'))
        or pg_catalog.pg_get_triggerdef(g.oid) ~ $re$ WHEN \(.*current_setting\('supasync\.writes'$re$
        or p.prosrc ~* $re$^\s*begin\s+if\s+(pg_catalog\.)?current_setting\s*\(\s*'supasync\.writes'$re$
from pg_catalog.pg_trigger g
join pg_catalog.pg_class c on c.oid = g.tgrelid and c.relname = any(%s::text[])
join pg_catalog.pg_namespace n on n.oid = c.relnamespace and n.nspname = 'auth'
join pg_catalog.pg_proc p on p.oid = g.tgfoid
join pg_catalog.pg_namespace code on code.oid = p.pronamespace
where not g.tgisinternal and g.tgenabled in ('O', 'A') and g.tgtype & (4 + 8 + 16) <> 0 order by 2, 1
"""


@dataclass(frozen=True, slots=True)
class AccountTrigger:
    """A trigger on a table of accounts; ``guarded``: it does not fire for supasync."""

    name: str
    table: str
    function: str
    on_delete: bool
    guarded: bool

    @property
    def sentence(self) -> str:
        """The trigger in a line."""
        guarded = "yes" if self.guarded else "no"
        return f"{self.name} on auth.{self.table} runs {self.function}; guarded: {guarded}"


def triggers(new: SqlSession, columns: AccountColumns) -> list[AccountTrigger]:
    """Those of NEW that are enabled, on the tables that are copied."""
    tables = ["users", *(table.name for table in columns.owned)]
    return [AccountTrigger(*row) for row in new.query(_TRIGGERS, [tables])]


def refuse_unguarded(found: list[AccountTrigger]) -> None:
    """RefusedError where a trigger would fire for accounts that are copied."""
    names = [f"{each.name} (auth.{each.table})" for each in found if not each.guarded]
    if names:
        raise RefusedError(
            f"NEW: {', '.join(names)} would fire for each account that is copied: it could make rows "
            "that are copied too, or send mails",
            hint=f"paste what {GUARD} prints into NEW's SQL editor; or let it fire: supasync auth sync "
            "--accept triggers",
        )
