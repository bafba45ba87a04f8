"""What belongs to an account and is copied by consent alone, by the setting of ``auth:`` that says so."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Extra:
    """A table of ``auth``: the ``setting`` that copies it, the columns it has to have, and what it holds."""

    setting: str
    table: str
    needed: tuple[str, ...]
    what: str
    query: str
    """The query for how many accounts have any."""
    without: str
    """What becomes of these people where it is not copied."""


EXTRAS: Final = (
    Extra(
        "mfa",
        "mfa_factors",
        ("id", "user_id", "secret"),
        "MFA factors",
        "with_factors",
        "they sign in to NEW by password alone",
    ),
    Extra(
        "passkeys",
        "webauthn_credentials",
        ("id", "user_id", "credential_id", "public_key"),
        "passkeys",
        "with_passkeys",
        "they register them again in NEW",
    ),
)
NAMES: Final[Mapping[str, str]] = {each.table: each.what for each in EXTRAS}
"""What the tables hold, in words."""


def chosen_tables(settings: Mapping[str, str], options: Mapping[str, bool | None]) -> tuple[str, ...]:
    """The tables that are copied: an option says so, and else the section ``auth:``."""
    return tuple(
        each.table
        for each in EXTRAS
        if (settings.get(each.setting) == "copy" if (told := options.get(each.setting)) is None else told)
    )


def words(tables: Sequence[str]) -> list[str]:
    """What these hold."""
    return [each.what for each in EXTRAS if each.table in tables]


def left_out(tables: Sequence[str]) -> list[Extra]:
    """Those that are not among these tables."""
    return [each for each in EXTRAS if each.table not in tables]
