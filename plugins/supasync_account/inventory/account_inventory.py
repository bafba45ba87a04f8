"""Both projects side by side: what each holds, what supasync copies of it, and what is left to a person."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from supasync_account.inventory.held_besides_rows import UNKNOWN, HeldBesidesRows, held_by
from supasync_account.inventory.management_api import SETTINGS, ProjectSettings, differing, settings_of
from supasync_core.api.run_step import StepContext
from supasync_core.model.printable import argument, visible
from supasync_core.model.secret import Secret
from supasync_core.model.settings import ACCESS_TOKEN

SHOWN: Final = 10
"""Names of functions or secrets in a line."""
_REF: Final = re.compile(r"https://([a-z]{20})\.supabase\.co")
_DASHBOARD: Final = "https://supabase.com/dashboard/project"
_NO_TOKEN: Final = f"there is no {ACCESS_TOKEN} in .env (Dashboard -> Account -> Access tokens)"
_UNASKED: Final = "not asked"
_NOTHING_SEEN: Final = ("", _UNASKED, UNKNOWN)


@dataclass(frozen=True, slots=True)
class InventoryItem:
    """One thing that a project holds; ``way`` is the command or page by which it reaches NEW."""

    what: str
    old: str
    new: str
    way: str
    copied: bool = False

    @property
    def line(self) -> str:
        """For status, and for the certificate."""
        return f"{self.what}: OLD {self.old}, NEW {self.new}" if self.new else f"{self.what}: {self.old}"


@dataclass(frozen=True, slots=True)
class AccountInventory:
    """Everything that was found. Settings are None without a token, or where no ref is known."""

    old: HeldBesidesRows
    new: HeldBesidesRows
    refs: tuple[str | None, str | None] = (None, None)
    settings: tuple[ProjectSettings, ProjectSettings] | None = None
    why_not: str = _NO_TOKEN

    @classmethod
    def of(cls, context: StepContext) -> "AccountInventory":
        """Ask both projects; nothing is written."""
        old, new = held_by(context, "OLD"), held_by(context, "NEW")
        refs = _ref(context, "OLD"), _ref(context, "NEW")
        token = context.environment.get(ACCESS_TOKEN, "")
        if not token:
            return cls(old, new, refs)
        if refs[0] is None or refs[1] is None:
            return cls(old, new, refs, why_not="an address is not that of a hosted project")
        asked = settings_of(refs[0], Secret(token)), settings_of(refs[1], Secret(token))
        return cls(old, new, refs, asked, "")

    @property
    def flaws(self) -> list[str]:
        """What could not be seen."""
        more = [flaw for each in self.settings for flaw in each.flaws] if self.settings else []
        unasked = [f"functions, their secrets and settings: {self.why_not}"] if self.why_not else []
        return [*self.old.flaws, *self.new.flaws, *more, *unasked]

    @property
    def items(self) -> list[InventoryItem]:
        """Everything, what supasync copies first."""
        auth, files = (
            InventoryItem(what, old, new, f"supasync {way} sync", copied=True)
            for what, old, new, way in (
                ("auth users", self.old.accounts_shown, self.new.accounts_shown, "auth"),
                ("Storage", self.old.files_shown, self.new.files_shown, "storage"),
            )
        )
        return [auth, files, *self._of_settings(), *self._by_hand()]

    @property
    def seen(self) -> list[str]:
        """The lines for status and the certificate: what was counted."""
        return [each.line for each in self.items if each.old not in _NOTHING_SEEN]

    def _of_settings(self) -> Iterator[InventoryItem]:
        old, new = self.refs[0] or "OLD_REF", self.refs[1] or "NEW_REF"
        deploy = f"supabase functions download NAME --project-ref {old}, then supabase functions deploy NAME"
        secret = f"supabase secrets set --env-file FILE --project-ref {new}; OLD shows names alone"
        if self.settings is None:
            for what, way in (("functions", deploy), ("secrets of functions", secret)):
                yield InventoryItem(what, _UNASKED, "", way)
            yield InventoryItem("settings", _UNASKED, "", f"{_DASHBOARD}/{new}")
            return
        mine, its = self.settings
        theirs = its.functions or {}
        names = [
            name for name, sha in (mine.functions or {}).items() if name not in theirs or theirs[name] != sha
        ]
        ways = "; ".join(
            f"supabase functions download {argument(each)} --project-ref {old}" for each in names[:3]
        )
        yield InventoryItem(
            "functions",
            _named(mine.functions),
            _named(its.functions),
            ways and f"{ways}; then deploy them",
        )
        lacking = [each for each in mine.secrets or [] if each not in (its.secrets or [])]
        yield InventoryItem(
            "secrets of functions",
            _named(mine.secrets),
            _named(its.secrets),
            secret if lacking else "",
        )
        for what, fields in differing(mine, its).items():
            shown = f"{len(fields)} differ: {', '.join(fields[:20])}"
            page = f"{_DASHBOARD}/{new}/{SETTINGS[what]}"
            yield InventoryItem(f"settings ({what})", shown, "", page)

    def _by_hand(self) -> Iterator[InventoryItem]:
        """What nobody counts here."""
        new = self.refs[1] or "NEW_REF"
        for what, way in (
            ("tables, policies, functions of SQL, extensions", "supasync schema diff; pg_dump --schema-only"),
            ("cron jobs and database webhooks", f"{_DASHBOARD}/{new}/integrations"),
            ("secrets of Vault", f"{_DASHBOARD}/{new}/integrations/vault/secrets"),
            ("sessions, API keys, domains", f"{_DASHBOARD}/{new}/settings/general"),
        ):
            yield InventoryItem(what, "", "", way)

    def as_json(self) -> dict[str, Any]:
        """For ``--json``."""
        names = ("what", "old", "new", "copied", "way")
        return {
            "old": self.old.as_json(),
            "new": self.new.as_json(),
            "items": [{name: getattr(each, name) for name in names} for each in self.items],
            "not_seen": self.flaws,
        }


def _named(found: Any) -> str:  # noqa: ANN401 - names, or None
    if found is None:
        return UNKNOWN
    names = [visible(name) for name in found]
    more = ", ..." if len(names) > SHOWN else ""
    return f"{len(names)} ({', '.join(names[:SHOWN])}{more})" if names else "none"


def _ref(context: StepContext, project: str) -> str | None:
    access = context.api(project)
    found = _REF.fullmatch(access.url) if access else None
    return found[1] if found else None
