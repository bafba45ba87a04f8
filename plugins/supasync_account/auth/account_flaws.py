"""Accounts that would harm NEW, or that cannot sign in there: found by OLD's own server, and named.

What answers for OLD may leave one out, so NEW's server judges by the same conditions what it was handed, and
keeps none that is refused.

What a sick account does was recorded from the real server: one whose ban ends after 9999, whose metadata is
not an object, or that has no role makes every list of accounts fail that would show it, the dashboard's too.
Go prints no other time of such a year either.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

DEEPEST: Final = 2000
"""Levels of metadata. Auth reads 10,000, and shows no list with an account that has more. PostgreSQL searches
about as many, and answers nothing about an account with more (54001)."""
_HASH: Final = "u.encrypted_password"
_BCRYPT: Final = "^[$]2[abxy]?[$][0-9][0-9][$]"
_BCRYPT_LENGTH: Final = 60
_TIMES: Final = (
    "created_at",
    "updated_at",
    "email_confirmed_at",
    "phone_confirmed_at",
    "invited_at",
    "last_sign_in_at",
    "deleted_at",
)
_SOUND: Final = (
    "^[$]argon2id?[$]v=19[$]m=[0-9]+,t=[0-9]+,p=[0-9]+[$][^$]+[$][^$]+$",
    "^[$]fbscrypt[$]v=1,n=[0-9]+,r=[0-9]+,p=[0-9]+,",
)


@dataclass(frozen=True, slots=True)
class Flaw:
    """What may be wrong with an account: the condition in SQL, and the sentence.

    ``needs`` are the columns that the condition is about. A ``refused`` account is not copied.
    """

    needs: tuple[str, ...]
    condition: str
    text: str
    refused: bool


def _has(column: str, path: str) -> str:
    return f"pg_catalog.jsonb_path_exists(u.{column}, '{path}')"


def _unfit(column: str) -> Flaw:
    """Metadata that is not an object, holds a number beyond a double, or has too many levels."""
    kind = f"pg_catalog.jsonb_typeof(u.{column}) not in ('object', 'null')"
    numbers = f'$.**{{0 to {DEEPEST}}} ? (@.type() == "number" && (@ > 1.8e308 || @ < -1.8e308))'
    text = (
        f"{column} is not a JSON object, holds a number that Auth cannot read, or is nested more deeply than "
        f"{DEEPEST:,} levels"
    )
    deeper = f"$.**{{{DEEPEST}}}"
    return Flaw(
        (column,), f"({kind} or {_has(column, numbers)} or {_has(column, deeper)})", text, refused=True
    )


def _missing(column: str) -> Flaw:
    return Flaw((column,), f"u.{column} is null", f"{column} is NULL", refused=True)


def _no_year(column: str) -> str:
    """Whether the time is of no year that Go prints: then each answer that shows the account fails."""
    return f"(u.{column} < '0001-01-01 00:00:00+00' or u.{column} >= '10000-01-01 00:00:00+00')"


def _unreadable(column: str) -> Flaw:
    text = f"{column} is a time that Auth cannot read: it must lie in the years 1 to 9999"
    return Flaw((column,), _no_year(column), text, refused=True)


FLAWS: Final[Mapping[str, Flaw]] = {
    "ban": Flaw(
        ("banned_until",),
        _no_year("banned_until"),
        "banned_until is later than Auth can read: a ban must end before the year 9999",
        refused=True,
    ),
    "user_metadata": _unfit("raw_user_meta_data"),
    "app_metadata": _unfit("raw_app_meta_data"),
    **{name: _missing(name) for name in ("aud", "role", "created_at", "updated_at")},
    **{f"time_{name}": _unreadable(name) for name in _TIMES},
    "cut_hash": Flaw(
        ("encrypted_password",),
        f"(pg_catalog.octet_length({_HASH}::text) < {_BCRYPT_LENGTH} and {_HASH} ~ '{_BCRYPT}')",
        "its bcrypt hash is cut short: the password never signs in, a reset by mail does",
        refused=False,
    ),
    "odd_hash": Flaw(
        ("encrypted_password",),
        f"({_HASH} <> '' and {_HASH} !~ '{_BCRYPT}'"
        + "".join(f" and {_HASH} !~ '{each}'" for each in _SOUND)
        + ")",
        "its password hash is one that NEW's Auth does not accept (another kind, or encrypted by OLD's "
        "server): the password does not sign in there, a reset by mail does",
        refused=False,
    ),
    "factor": Flaw(
        ("mfa_factors",),
        "exists (select from auth.mfa_factors f where f.user_id = u.id "
        "and pg_catalog.left(f.secret, 1) = '{')",
        "its MFA factor is encrypted by OLD's server: nobody could sign in by it in NEW",
        refused=True,
    ),
}
