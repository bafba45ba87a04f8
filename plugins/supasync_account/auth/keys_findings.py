"""What `supasync auth check` says where accounts are copied by keys alone."""

from collections.abc import Iterable, Sequence
from typing import Final

from supasync_account.auth.auth_findings import SHOWN, AuthFindings
from supasync_account.auth.keys_account import KeyAccount
from supasync_account.auth.keys_api import KeysApi
from supasync_account.auth.keys_flaws import needs_password, remarks, signs_in_elsewhere, uncopyable
from supasync_account.auth.keys_listing import BYTES, Listing
from supasync_account.auth.keys_records import KeyRecords
from supasync_account.auth.keys_referrers import triggers
from supasync_core.model.errors import SchemaError
from supasync_core.model.finding import Finding, failure, problem, warning
from supasync_core.model.wording import counted

CARRIES: Final = (
    "ids, e-mails, phones, metadata, confirmation, bans, roles",
    (
        "password hashes (people with a password ask for a new one by mail), linked logins (the first OAuth "
        "sign-in links them again by the confirmed e-mail), MFA factors, passkeys, sessions (everybody signs "
        "in again), SSO providers, settings of Auth"
    ),
)
_SIZES: Final = ((1_000_000_000, "GB"), (1_000_000, "MB"), (1000, "kB"))
_HOURS: Final = 730
"""Hours of a month."""


def inspect(new: KeysApi, old_list: Listing, new_list: Listing, *, flag: str | None) -> AuthFindings:
    """What both lists say, and what is in the way of a copy; nothing is written."""
    old = old_list.accounts.values()
    lost, without = _reasons(old), [each for each in old if needs_password(each)]
    elsewhere = [each for each in old if signs_in_elsewhere(each)]
    found = AuthFindings(way="keys", carries=CARRIES)
    found.counts = {
        "OLD": {
            "accounts": old_list.total,
            "with a password, as the provider email or phone suggests": len(without),
            "that sign in by OAuth alone": len(elsewhere),
            "that cannot be copied": sum(map(len, lost.values())),
        },
        "NEW": {"accounts": new_list.total},
    }
    found.said = [_cost(old_list.total + new_list.total)]
    found.people = {
        "cannot_be_copied": [f"{_who(each)}: {why}" for why, them in lost.items() for each in them],
        "need_a_new_password": [_who(each) for each in without],
        "sign_in_by_oauth_as_before": [_who(each) for each in elsewhere],
    }
    found.findings = [
        *_of_lists(old_list, new_list),
        *_of_records(new),
        *_of_triggers(new, flag),
        *(
            warning(f"not copied by keys: {_several(them)}: {why}", hint="by SQL they are copied, too")
            for why, them in lost.items()
        ),
        *_of_passwords(without),
        *_of_remarks(old),
    ]
    return found


def _of_lists(old: Listing, new: Listing) -> Iterable[Finding]:
    for project, listing in (("OLD", old), ("NEW", new)):
        if not listing.whole:
            hint = "; ".join(listing.sick) or "accounts are copied all the same, and none is deleted"
            yield problem(f"{project}: {listing.sentence}", hint=hint)


def _of_records(new: KeysApi) -> Iterable[Finding]:
    try:
        KeyRecords(new).look()
    except SchemaError as err:
        yield failure(err)


def _of_triggers(new: KeysApi, flag: str | None) -> Iterable[Finding]:
    names = triggers(new)
    if names is None:
        text = "NEW: keys do not show whether a trigger makes rows for each new account"
        yield warning(
            text, hint="paste what supasync schema sql prints into NEW's SQL editor, then look again"
        )
    elif names and flag:
        yield warning(
            f"NEW: {', '.join(names)} fires for each new account, with {flag} in its user_metadata until the "
            "account is complete",
            hint=f"its function has to return first where new.raw_user_meta_data ? '{flag}'",
        )
    elif names:
        yield warning(
            f"NEW: {', '.join(names)} fires for each new account: the row that it makes is replaced by OLD's",
            hint="copy its table with every run; or name a flag that it looks for in new.raw_user_meta_data: "
            "flag: under auth: in tables.yaml. By keys a trigger sees nothing else of supasync",
        )


def _of_passwords(them: Sequence[KeyAccount]) -> Iterable[Finding]:
    if them:
        text = f"{_several(them)}: will need a new password in NEW, by a reset mail"
        hint = "a guess by the providers email and phone; supasync auth check --json names all"
        yield warning(text, hint=hint)


def _of_remarks(accounts: Iterable[KeyAccount]) -> Iterable[Finding]:
    found: dict[str, list[KeyAccount]] = {}
    for each in accounts:
        for remark in remarks(each) if uncopyable(each) is None else ():
            found.setdefault(remark, []).append(each)
    return [warning(f"{_several(them)}: {what}") for what, them in found.items()]


def _reasons(accounts: Iterable[KeyAccount]) -> dict[str, list[KeyAccount]]:
    found: dict[str, list[KeyAccount]] = {}
    for each in accounts:
        if reason := uncopyable(each):
            found.setdefault(reason, []).append(each)
    return found


def _several(them: Sequence[KeyAccount]) -> str:
    names = ", ".join(map(_who, them[:SHOWN])) + (", ..." if len(them) > SHOWN else "")
    return f"{counted(len(them), 'account', 'accounts')} of OLD ({names})"


def _who(account: KeyAccount) -> str:
    return account.who or account.id


def _cost(accounts: int) -> str:
    """What looking costs: the list is the only look that keys have."""
    look = accounts * BYTES
    often = f"{_bytes(look * _HOURS)} a month every hour, {_bytes(look * 30)} every 24 hours"
    return f"each look reads both lists, about {_bytes(look)}: {often} (every: under auth:, 24h by default)"


def _bytes(number: int) -> str:
    unit = next((each for each in _SIZES if number >= each[0]), (1, "bytes"))
    return f"{number / unit[0]:,.0f} {unit[1]}"
