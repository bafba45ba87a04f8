"""The section ``auth:`` of tables.yaml: accounts are copied before the tables, in every run."""

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from supasync_account.auth import POLICIES, Deletes
from supasync_account.auth.account_extras import chosen_tables
from supasync_account.auth.account_report import AccountReport
from supasync_account.auth.account_way import Choices
from supasync_account.auth.chosen_way import chosen
from supasync_account.auth.keys_listing import accounts_of
from supasync_account.auth.session_copy import offered
from supasync_core.api.run_step import ProposalContext, StepContext
from supasync_core.model.finding import Finding, note, problem
from supasync_core.model.quantities import format_duration, parse_duration
from supasync_core.model.report import StepResult
from supasync_core.model.wording import counted
from supasync_core.project.sql_sessions import VARIABLES

SHOWN: Final = 10
REMOVE: Final = (
    "after the switch paste into OLD what supasync schema sql --auth --old --uninstall prints, and into NEW "
    "that of supasync schema sql --auth --uninstall"
)
PROPOSED: Final = {
    True: """\
# OLD has {accounts}. They are copied before the tables in every run, with passwords and linked logins, by
# both connection strings: see supasync auth check. Without this section, rows wait for their accounts.
auth: {{}}
""",
    False: """\
# OLD has {accounts}. They are copied before the tables by the secret keys, without passwords: see
# supasync auth check. With OLD_DATABASE_URL and NEW_DATABASE_URL in .env passwords come along, and every: can
# go. By keys, each look reads the whole list of both. Without this section, rows wait for their accounts.
auth: {{every: 24h}}
""",
}
"""The section of tables.yaml as `init` writes it: whether accounts can be copied by SQL."""
SESSIONS: Final = "sessions: cutover's last step copies them, if you agree; else everybody signs in again"
SIGNED_OUT: Final = "sessions: everybody signs in to NEW again; only both connection strings carry them"
USUAL: Final = "24h"
"""How often a run looks by keys alone, where every look reads both lists."""


def run(context: StepContext) -> StepResult:
    """Copy what is new and changed; the accounts that a person is needed for are named."""
    with chosen(context) as way:
        every = parse_duration(context.settings.get("every", USUAL if way.name == "keys" else "0s"))
        if every and not context.due(every):
            return StepResult(status="not due", summary=f"not due: every {format_duration(every)}")
        return _result(way.copying(_choices(context)).run(context.fence, context.go_on))


def plan(context: StepContext) -> str:
    """What a run would copy."""
    with chosen(context) as way:
        return way.copying(_choices(context)).planned().sentence


def check(context: StepContext) -> Iterator[Finding]:
    """What is in the way of a copy."""
    with chosen(context) as way:
        found = way.inspect(_choices(context))
    for each in found.findings:
        if not (each.kind == "trigger" and context.settings.get("triggers") == "fire"):
            yield each


def prove(context: StepContext) -> Iterator[Finding]:
    """Whether NEW has OLD's accounts, by digests; what was not compared is said."""
    with chosen(context) as way:
        found, by = way.compare(_choices(context)), way.name
    differ = len(found.missing) + len(found.extra) + len(found.changed)
    if differ:
        what = counted(differ, "account differs", "accounts differ")
        numbers = f"{len(found.missing):,} missing in NEW, {len(found.extra):,} only there"
        yield problem(
            f"{what}: {numbers}", hint="copy them: supasync auth sync; list them: supasync auth verify"
        )
    else:
        accounts = counted(found.old, "account", "accounts")
        yield note(f"{accounts} compared {found.by}: equal", "")
    for sentence in found.uncompared:
        yield note(f"not compared: {sentence}", "")
    yield note(SESSIONS if by == "sql" else SIGNED_OUT, "")
    if by == "functions":
        yield note(f"the functions for accounts read hashes of passwords: {REMOVE}", "")


def finish(context: StepContext, confirm: Callable[[str], bool]) -> str | None:
    """Sessions are copied, if a person agrees, and both sides can be asked by SQL."""
    with context.sql("OLD") as old, context.sql("NEW") as new:
        return offered(old, new, confirm) if old and new else None


def propose(context: ProposalContext) -> str:
    """The section, where OLD has accounts."""
    old = context.api("OLD")
    accounts = accounts_of(old, context.ledger) if old else 0
    if not accounts:
        return ""
    by_sql = all(context.environment.get(name) for name in VARIABLES.values())
    return PROPOSED[by_sql].format(accounts=counted(accounts, "account", "accounts"))


def deletes_problem(value: str) -> str | None:
    """What is wrong with ``deletes:``."""
    return None if value in POLICIES else f"must be one of {', '.join(POLICIES)}"


def triggers_problem(value: str) -> str | None:
    """What is wrong with ``triggers:``."""
    return None if value in ("refuse", "fire") else "must be refuse or fire"


def every_problem(value: str) -> str | None:
    """What is wrong with ``every:``."""
    return None if parse_duration(value) else "must be a duration, such as 24h or 1h30m"


def flag_problem(value: str) -> str | None:
    """What is wrong with ``flag:``."""
    return None if value.isidentifier() and value.isascii() else "must be a name of letters, digits and _"


def extra_problem(value: str) -> str | None:
    """What is wrong with ``mfa:`` or ``passkeys:``."""
    return None if value in ("copy", "leave") else "must be copy or leave"


def policy(settings: Mapping[str, str]) -> Deletes:
    """What is done about accounts that OLD deleted."""
    return next((each for each in POLICIES if each == settings.get("deletes")), "report")


def _choices(context: StepContext) -> Choices:
    settings = context.settings
    accepted = ("triggers",) if settings.get("triggers") == "fire" else ()
    return Choices(accepted=accepted, deletes=policy(settings), extras=chosen_tables(settings, {}))


def _result(report: AccountReport) -> StepResult:
    named = [f"{'not copied: ' if each.refused else ''}{each.sentence}" for each in report.named[:SHOWN]]
    more = len(report.named) - SHOWN
    notes = [
        *named,
        *([f"... and {more:,} more: supasync auth sync --json"] if more > 0 else []),
        *report.remarks,
    ]
    counts = {name: value for name, value in report.as_json().items() if name != "named"}
    left = len(report.refused) + report.withheld
    error = None
    if left:
        what = counted(left, "account was", "accounts were")
        error = f"auth: {what} not copied: supasync auth sync names all"
    return StepResult(
        status="interrupted" if report.interrupted else "failed" if left else "ok",
        summary=report.sentence,
        notes=tuple(notes),
        error=error,
        exit_code=0 if report.interrupted else report.exit_code,
        details={"accounts": counts},
    )
