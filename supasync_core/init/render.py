"""Proposals as the text of tables.yaml: every setting with its reason as a comment."""

import re
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta

import yaml

from supasync_core.config.json_schema import FIRST_LINE
from supasync_core.init.choose_strategy import Proposal
from supasync_core.init.undecided import written
from supasync_core.model.printable import visible
from supasync_core.model.table import Table

_WIDTH = 110
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_ORDER = ("strategy", "key", "timestamp", "updates", "compare_every", "deletes", "depends_on")

HEAD = (
    f"{FIRST_LINE}\n"
    """\
# What supasync copies, and from where to where. Written by supasync init: read it through; it is yours now.
#
# Names in ${...} come from the environment, or from the file .env beside this one: copy .env.example to .env
# and fill it in. A key is never written here, so this file can be committed.
version: 1

# Where rows come from: the OLD project. It is only ever read.
source:
  backend: rest
  url: "${OLD_SUPABASE_URL}"
  key: "${OLD_SUPABASE_SERVICE_ROLE_KEY}"

# Where rows go: the NEW project. It also keeps the record of what has been copied.
sink:
  backend: rest
  url: "${SUPABASE_URL}"
  key: "${SUPABASE_SERVICE_ROLE_KEY}"

# ENABLE_HOURLY_SYNC=false in .env turns the hourly run off; without that line it is on.
enabled: "${ENABLE_HOURLY_SYNC:-true}"

# What each project may use in a month, and in total: warnings begin at 60 %, on_budget: stop ends a run.
budgets: {requests: 50000, egress: 5GB, database: 500MB}

"""
)

_UNDECIDED = """\
# Not copied, each for the reason given. Decide on each one: fix the reason, remove its name and run
# supasync init again, which prints its entry; or move its name to a list called ignore:
undecided:
"""

EXAMPLE = """\
# Copy this file to .env beside tables.yaml and fill it in. Keep .env out of git: the keys open everything.
# A variable that is set in the process environment wins over this file.

# OLD: the project that rows come from. In its dashboard: Project Settings -> API.
OLD_SUPABASE_URL=https://your-old-project.supabase.co
# The service_role key, or a secret key (sb_secret_...). An anon or publishable key sees no rows.
OLD_SUPABASE_SERVICE_ROLE_KEY=

# NEW: the project that rows go to.
SUPABASE_URL=https://your-new-project.supabase.co
SUPABASE_SERVICE_ROLE_KEY=
# The anon or publishable key: your app gets it when supasync cutover switches it to NEW.
SUPABASE_ANON_KEY=

# false turns the hourly run off.
ENABLE_HOURLY_SYNC=true

# Where to send notifications, and where to ping after each run; see docs/how-to/get-notified.md.
# SUPASYNC_WEBHOOK_URL=
# SUPASYNC_NOTIFY_URLS=
# SUPASYNC_PING_URL=
"""


def document(proposals: Sequence[Proposal], notes: Iterable[str] = (), sections: Sequence[str] = ()) -> str:
    """All of tables.yaml; the ``notes`` are above the tables, and ``sections`` of plugins above those."""
    left = [proposal for proposal in proposals if proposal.refusal]
    lines = [_UNDECIDED.rstrip(), *undecided(left), ""] if left else []
    lines += [*(line for note in notes for line in _comment(note, "")), "tables:"]
    for proposal in proposals:
        if not proposal.refusal:
            lines += [*_entry(proposal), ""]
    before = "".join(f"{section}\n\n" for section in sections)
    return HEAD + before + "\n".join(lines).rstrip() + "\n"


def undecided(left: Iterable[Proposal]) -> list[str]:
    """Lines for the list of tables that are not copied, each name with the reason behind it."""
    return [line for proposal in left for line in _left_out(proposal)]


def entries(proposals: Iterable[Proposal]) -> str:
    """Entries alone, ready to be pasted below ``tables:``."""
    return "\n\n".join("\n".join(_entry(proposal)) for proposal in proposals)


def is_commented(text: str, name: str) -> bool:
    """Whether the entry of that table is a comment in tables.yaml: somebody has decided on it."""
    written = rf"^\s*#\s*(?:{re.escape(_name(name))}|{re.escape(name)}):"
    return re.search(written, text, re.MULTILINE) is not None


def _entry(proposal: Proposal) -> Iterator[str]:
    yield f"  {_name(proposal.table.name)}:"
    for remark in proposal.remarks:
        yield from _comment(remark, "    ")
    for setting in (each for each in _ORDER if each in proposal.reasons):
        line, reason = f"    {setting}: {_value(proposal.table, setting)}", proposal.reasons[setting]
        if len(line) + len(reason) + 4 <= _WIDTH:
            yield f"{line}  # {_one_line(reason)}"
        else:
            yield from [*_comment(reason, "    "), line]
    if proposal.table.schema != "public":
        yield f"    schema: {_text(proposal.table.schema)}"
    if proposal.table.table is not None:
        yield f"    table: {_text(proposal.table.table)}"


def _left_out(proposal: Proposal) -> list[str]:
    """The name and the reason behind it; below it where the name takes half of the line."""
    line = f"  - {_text(written(proposal.table.schema, proposal.table.name))}"
    if len(line) > _WIDTH // 2:
        return [line, *_comment(proposal.refusal or "", " " * 6)]
    first, *others = _comment(proposal.refusal or "", " " * (len(line) + 2))
    return [f"{line}  {first.lstrip()}", *others]


def _value(table: Table, setting: str) -> str:
    value: str | timedelta | tuple[str, ...] = getattr(table, setting)
    if isinstance(value, timedelta):
        return f"{value // timedelta(hours=1)}h"
    if isinstance(value, str):
        return _text(value)
    return _text(value[0]) if len(value) == 1 else f"[{', '.join(map(_text, value))}]"


def _comment(text: str, indent: str) -> list[str]:
    mark = f"{indent}# "
    return textwrap.wrap(
        _one_line(text), _WIDTH, initial_indent=mark, subsequent_indent=mark, break_on_hyphens=False
    )


def _one_line(text: str) -> str:
    """No name of a table may end the comment that it stands in."""
    return " ".join(visible(text).split())


def _text(value: str) -> str:
    """A value, in which ``${`` would be a reference."""
    return _name(value.replace("${", "$${"))


def _name(name: str) -> str:
    """The name as YAML that is read as exactly this text: in quotes where it is not plain."""
    if _PLAIN.fullmatch(name) and isinstance(yaml.safe_load(name), str):
        return name
    quoted: str = yaml.safe_dump(name, default_style='"', allow_unicode=name.isprintable(), width=1 << 30)
    return quoted.rstrip("\n")
