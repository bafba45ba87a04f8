"""An app's variables for Supabase: which of them name the project, and their values for another one."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from supasync_core.api.env_references import REFERENCE, expanded
from supasync_core.api.switch import Ends, Line, Naming
from supasync_core.system.addresses import host_of
from supasync_rest.url_and_key import key_problem, origin, url_problem

ANON_NAMES: Final = (
    "SUPABASE_ANON_KEY",
    "SUPABASE_KEY",
    "SUPABASE_PUBLISHABLE_KEY",
    "SUPABASE_PUBLISHABLE_DEFAULT_KEY",
)
_SECRET_NAMES: Final = ("SUPABASE_SERVICE_ROLE_KEY", "SUPABASE_SERVICE_KEY", "SUPABASE_SECRET_KEY")
_URL: Final = "SUPABASE_URL"
# How frameworks mark what they show to browsers.
_MARKS: Final = "NEXT_PUBLIC_|NUXT_PUBLIC_|EXPO_PUBLIC_|REACT_APP_|GATSBY_|PUBLIC_|VITE_|NUXT_"
_NAME: Final = re.compile(rf"(?:{_MARKS})?({'|'.join((_URL, *ANON_NAMES, *_SECRET_NAMES))})")
_SHORTEST: Final = 8
"""Characters of a project's ref that may be looked for in other values."""


@dataclass
class Names:
    """The app's variables, the last one of each name: that is the one in force.

    ``written`` is by name, ``expanded`` the same with each reference to another variable followed.
    """

    ends: Ends
    lines: Sequence[Line]
    written: dict[str, Line] = field(init=False)
    expanded: dict[str, Line] = field(init=False)

    def __post_init__(self) -> None:
        self.written = {line.name: line for line in self.lines}
        self.expanded = expanded(self.lines)

    @property
    def public(self) -> bool:
        return any(key_problem(line.value) is not None for line in self._of(ANON_NAMES))

    def naming(self) -> Naming:
        """What they name; problems where that is unclear or cannot be changed."""
        hosts: dict[str, str] = {}
        problems = []
        for line in self._of((_URL,)):
            flaw = url_problem(line.value)
            if flaw:
                problems.append(f"{line.name} (line {line.line}) {flaw}{_unknown(line)}")
            else:
                hosts[line.name] = host_of(line.value)
        if not hosts and not problems:
            problems.append(f"it has no {_URL}: is it the app's .env?")
        new = [name for name, place in hosts.items() if place == self.ends.sink.ref]
        for name, place in hosts.items():
            if place not in (self.ends.source.ref, self.ends.sink.ref):
                problems.append(f"{name} names {place}, which is neither OLD nor NEW")
        if problems:
            return Naming(problems=tuple(problems))
        if new and len(new) < len(hosts):
            others = ", ".join(name for name in hosts if name not in new)
            return Naming(problems=(f"{', '.join(new)} names NEW, but {others} names OLD: they must agree",))
        if new:
            return Naming(switched=True, left=tuple(self._left({})))
        return self._wanted(list(hosts))

    def _wanted(self, addresses: Sequence[str]) -> Naming:
        """NEW's values for the addresses and the keys that the app has."""
        secret, problems = self.ends.sink.values["key"], []
        wanted = dict.fromkeys(addresses, origin(self.ends.sink.values["url"]))
        wanted |= {line.name: secret for line in self._of(_SECRET_NAMES)}
        public = []
        for line in self._of(ANON_NAMES):
            if key_problem(line.value) is None:
                wanted[line.name] = secret
            else:
                public.append(line)
        if public:
            key, flaw = anon_key(self.ends.environment)
            if key is None:
                problems.append(f"{public[0].name} (line {public[0].line}) needs NEW's anon key: {flaw}")
            elif key in (line.value for line in public):
                problems.append(f"{public[0].name} holds NEW's key, but the address is OLD's")
            else:
                wanted |= {line.name: key for line in public}
        changed = {name: value for name, value in wanted.items() if not self._refers_to_same(name, wanted)}
        return Naming(wanted=changed, left=tuple(self._left(wanted)), problems=tuple(problems))

    def _refers_to_same(self, name: str, wanted: Mapping[str, str]) -> bool:
        """Whether the variable is nothing but a reference to one that gets the very value."""
        reference = REFERENCE.fullmatch(self.written[name].value)
        leads = REFERENCE.search(self.expanded[name].value) is None
        return leads and reference is not None and wanted.get(reference[1]) == wanted[name]

    def _of(self, names: Sequence[str]) -> Iterator[Line]:
        for name, line in self.expanded.items():
            known = _NAME.fullmatch(name)
            if known and known[1] in names:
                yield line

    def _left(self, wanted: Mapping[str, str]) -> Iterator[str]:
        """Variables that name OLD in another way, or may do so: only a person knows NEW's value."""
        place = self.ends.source.ref
        ref = place.partition(".")[0]
        key = self.ends.source.values.get("key")  # another backend has none
        marks = [place, *([key] if key else []), *([ref] if len(ref) >= _SHORTEST else [])]
        for line in self.written.values():
            if line.name in wanted or line.name.startswith("OLD_"):
                continue
            if any(mark in line.value for mark in marks):
                yield f"{line.name} (line {line.line}) still names OLD"
            elif "SUPABASE" in line.name and not _NAME.fullmatch(line.name) and line.value:
                if any(_NAME.fullmatch(found[1]) for found in REFERENCE.finditer(line.value)):
                    continue  # a variable that is handled by itself gives its value
                yield f"{line.name} (line {line.line}) may belong to OLD: compare it with NEW's settings"


def _unknown(line: Line) -> str:
    """The variables that it refers to, which have no value in the file."""
    names = ", ".join(found[1] for found in REFERENCE.finditer(line.value))
    return f": it refers to {names}, which has no value in this file" if names else ""


def anon_key(environment: Mapping[str, str]) -> tuple[str | None, str]:
    """NEW's anon or publishable key from the variables beside tables.yaml, or None and what to do."""
    values = {name: environment.get(name, "").strip() for name in ANON_NAMES}
    secret = [name for name, value in values.items() if value and key_problem(value) is None]
    for name, value in values.items():
        if value and name not in secret:
            return value, ""
    but = f"; {secret[0]} there is a secret key, which must never reach a browser" if secret else ""
    return None, f"write {ANON_NAMES[0]}=... into the .env beside tables.yaml{but}"
