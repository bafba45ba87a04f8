"""An app's variables that name a database: those of OLD, and their values for NEW.

Whatever names OLD's database and cannot be given NEW's place here stops the switch: rows that a part of the
app goes on writing to OLD would never reach NEW.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from supasync_core.api.env_references import REFERENCE, expanded
from supasync_core.api.switch import Ends, Line, Naming
from supasync_core.system.addresses import LOOPBACK
from supasync_postgres.app_strings import DEFAULT_PORT, Form, Piece, form_of
from supasync_postgres.database_marks import Marks, same_host
from supasync_postgres.database_url import POOLER, parse

_BY_REST: Final = (
    "name NEW by its API for the switch, which gives the app NEW's address and keys: "
    'sink: {backend: rest, url: "${SUPABASE_URL}", key: "${SUPABASE_SERVICE_ROLE_KEY}"}'
)
_BY_HAND: Final = "change it by hand, and run this again"
_SHORTEST: Final = 8
"""Characters of a password that may be looked for in other values."""
_TRANSACTIONS: Final = "6543"
"""The port at which Supabase's pooler gives each transaction another connection."""
_MEMBER: Final = re.compile(
    r"(?P<prefix>.*?)(?:(?P<host>HOST|HOSTNAME|SERVER|ENDPOINT)|(?P<address>HOSTADDR)|(?P<port>PORT)|"
    r"(?P<database>DATABASE|DBNAME|NAME|DB)|(?P<user>USER|USERNAME)|(?P<password>PASSWORD|PASS|PASSWD|PWD))",
    re.IGNORECASE,
)
"""A variable with one part of a place: ``PGHOST``, ``DB_PASSWORD``; those of one prefix belong together."""


@dataclass
class Databases:
    """The app's variables, the last one of each name: that is the one in force."""

    ends: Ends
    lines: Sequence[Line]
    _wanted: dict[str, str] = field(default_factory=dict)
    _problems: dict[str, str] = field(default_factory=dict)
    """By the name of the variable."""
    _new: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._old = Marks.of(self.ends.source)
        self._sink = Marks.of(self.ends.sink)
        self._into = parse(self.ends.sink.values["url"])
        own = self._old.own
        one = own is not None and same_host(own.host, self._into.host)
        self._shared = one or (own is not None and own.host in LOOPBACK)
        self._shared_new = one or self._into.host in LOOPBACK
        self._written = {
            line.name: line for line in self.lines if line.value and not line.name.startswith("OLD_")
        }
        self.in_force = {name: line for name, line in expanded(self.lines).items() if name in self._written}

    def naming(self) -> Naming:
        """What they name; problems where one that names OLD cannot be given NEW's value."""
        self._decide()
        self._look_again()
        if self._wanted and self._new:
            texts = (", ".join(sorted(self._new)), ", ".join(sorted(self._wanted)))
            self._problems[""] = "{} names NEW, but {} names OLD: they must agree".format(*texts)
        if not (self._wanted or self._new or self._problems):
            self._problems[""] = "no variable names OLD's database: is it the app's .env?"
        if self._problems:
            order = sorted(self._problems, key=lambda name: self.in_force[name].line if name else 0)
            return Naming(problems=tuple(self._problems[name] for name in order))
        order = sorted(self._wanted, key=lambda name: self.in_force[name].line)
        return Naming(wanted={name: self._wanted[name] for name in order}, switched=not self._wanted)

    def _decide(self) -> None:
        members = set(self._groups())
        for name in self._written.keys() - members:
            self._single(self.in_force[name])

    def _groups(self) -> Iterator[str]:
        """Decide over variables that name a database together; the names of those that do."""
        groups: dict[str, dict[str, list[Line]]] = {}
        for name, line in self.in_force.items():
            if found := _MEMBER.fullmatch(name):
                roles = groups.setdefault(found["prefix"].lower(), {})
                roles.setdefault(str(found.lastgroup), []).append(line)
        for roles in groups.values():
            hosts = [*roles.get("host", []), *roles.get("address", [])]
            if not hosts or form_of(hosts[0].value) or "://" in hosts[0].value:
                continue
            form = Form(
                [Piece(each.value, role) for role, lines in roles.items() for each in lines], has_port=False
            )
            if self._old.is_place(form.parts, shared=self._shared):
                self._move(hosts[0], form.parts, roles)
                yield from (line.name for lines in roles.values() for line in lines)
            elif self._sink.is_place(form.parts, shared=self._shared_new):
                self._new += [line.name for line in hosts]
                yield from (line.name for line in hosts)

    def _move(self, host: Line, parts: Mapping[str, str], roles: Mapping[str, Sequence[Line]]) -> None:
        to = self._parts(parts)
        if flaw := self._flaw(parts, to):
            self._problem(host, flaw)
            return
        for role, lines in roles.items():
            self._wanted |= {line.name: to[role] for line in lines if not _refers(self._written[line.name])}

    def _single(self, line: Line) -> None:
        value, form = line.value, form_of(line.value)
        if re.match(r"https?://", value, re.IGNORECASE) and self._old.in_text(value):
            self._problems[line.name] = f"{line.name} (line {line.line}) names OLD's API: {_BY_REST}"
        elif form and self._old.is_place(form.parts, shared=self._shared):
            self._rewrite(line, form)
        elif form and self._sink.is_place(form.parts, shared=self._shared_new):
            self._new.append(line.name)
        elif self._old.in_text(value) or (
            form is None and self._old.is_mentioned(value, shared=self._shared)
        ):
            self._problem(line, "it names OLD in a form that supasync does not write")
        elif self._holds_password(value):
            self._problem(line, "it is the password of OLD's database")

    def _holds_password(self, value: str) -> bool:
        own = self._old.own
        known = own is not None and value in own.passwords and value != self._into.password
        return known and len(value) >= _SHORTEST

    def _rewrite(self, line: Line, form: Form) -> None:
        if _refers(self._written[line.name]):
            return  # the variables that it refers to are changed
        to = self._parts(form.parts)
        flaw = self._flaw(form.parts, to)
        text = None if flaw else form.to(to)
        if text is None or self._old.in_text(text):
            self._problem(line, flaw or "supasync cannot write NEW's place in this form")
        else:
            self._wanted[line.name] = text

    def _look_again(self) -> None:
        """A problem for what would still name OLD, or NEW in part, once the other variables are changed."""
        later = [replace(line, value=self._wanted.get(line.name, line.value)) for line in self.lines]
        after = Databases(self.ends, later)
        after._decide()
        for name in after._wanted.keys() | after._problems.keys() | self._half(after):
            if name not in self._problems:
                self._problem(self.in_force[name], "what it refers to cannot all be changed here")

    def _half(self, after: "Databases") -> set[str]:
        """The variables that refer to others, named OLD by them, and would not be NEW's in all parts."""
        found = set()
        for name in filter(lambda each: _refers(self._written[each]), self._written):
            before = form_of(self.in_force[name].value)
            if before is None or not self._old.is_place(before.parts, shared=self._shared):
                continue
            now, to = form_of(after.in_force[name].value), self._parts(before.parts)
            if now is None or now.parts != {role: to.get(role, text) for role, text in before.parts.items()}:
                found.add(name)
        return found

    def _parts(self, parts: Mapping[str, str]) -> dict[str, str]:
        """NEW's place for what named OLD's; a pooler of transactions stays one."""
        into = self._into
        pooled = all(host.endswith(POOLER) for host in (parts.get("host", ""), into.host))
        port = _TRANSACTIONS if pooled and parts.get("port") == _TRANSACTIONS else str(into.port)
        return {
            "host": into.host,
            "port": port,
            "database": into.database,
            "user": into.user,
            "password": into.password,
        }

    def _flaw(self, parts: Mapping[str, str], to: Mapping[str, str]) -> str | None:
        """Why these parts cannot be NEW's: it connects as another user, or lacks what differs."""
        if "address" in parts:
            return "it gives an IP address"
        user, own = parts.get("user"), self._old.own
        users = {_role_of(each.user) for each in (own, self._into) if each}
        if user is not None and _role_of(user) not in users:
            return f"it connects as {_role_of(user)}, and NEW's connection string as {_role_of(to['user'])}"
        before = {
            "port": str(own.port) if own else DEFAULT_PORT,
            "database": own.database if own else "",
            "user": own.user if own else "",
            "password": own.password if own else "",
        }
        lacking = [role for role, text in before.items() if role not in parts and text != to[role]]
        return f"it gives no {lacking[0]} while NEW's differs from OLD's" if lacking else None

    def _problem(self, line: Line, why: str) -> None:
        self._problems[line.name] = (
            f"{line.name} (line {line.line}) names OLD's database, and {why}: {_BY_HAND}"
        )


def _refers(line: Line) -> bool:
    return REFERENCE.search(line.value) is not None


def _role_of(user: str) -> str:
    """The role in the database: the pooler's user has the project behind it."""
    return user.partition(".")[0]
