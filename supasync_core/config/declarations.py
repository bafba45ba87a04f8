"""The settings of tables.yaml: how each is read, what it is for, and its default.

The tables of docs/reference/tables-yaml.md, and the schema that editors complete and check with, are made of
these.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from typing import Any, Final

from supasync_core.config.document import Mark, Nothing, Problems, Value, parse
from supasync_core.config.uses import used_names
from supasync_core.config.value_kinds import (
    Kind,
    any_names,
    choice,
    duration,
    flag,
    names,
    optional_section,
    section,
    share,
    size,
    text,
    texts,
    whole,
)


@dataclass(frozen=True, slots=True)
class Field:
    """A setting: how it is parsed, what a value looks like and is for, and its ``default`` as YAML.

    ``form`` and ``meaning`` are Markdown: the reference page and the schema for editors are made of them.
    Without a default no value means the same as leaving the setting out. ``shared``: ``defaults`` may hold
    it, for all tables.
    """

    name: str
    parse: Kind[Any]
    form: str
    meaning: str
    default: str | None = None
    required: bool = False
    shared: bool = False


MINUTE: Final = timedelta(minutes=1)
_DAY: Final = timedelta(days=1)
PERIOD: Final = "a duration of a minute or more, such as 15m, 2h, 1h30m or 90d"

TOP: Final = (
    Field(
        "version",
        whole(1, 1),
        "`1`",
        "the version of this format, 1",
        required=True,
    ),
    Field(
        "source",
        section("settings such as backend: rest"),
        "backend",
        "where rows come from, the OLD project; it is only ever read",
        required=True,
    ),
    Field(
        "sink",
        section("settings such as backend: rest"),
        "backend",
        "where rows go, the NEW project; it also keeps the state",
        required=True,
    ),
    Field(
        "staging",
        section("settings such as backend: duckdb"),
        "backend",
        "the file in which `gap import` checks an export before it is sent",
        default="{backend: duckdb, path: .supasync/staging.duckdb}",
    ),
    Field(
        "plugins",
        names,
        "path or list of paths",
        "plugin files of your own, relative to the folder of tables.yaml",
        default="[]",
    ),
    Field(
        "enabled",
        flag,
        "true or false",
        "whether `sync` does anything; yes, no, on, off, 1 and 0 work as well",
        default="true",
    ),
    Field(
        "interval",
        duration(MINUTE, such_as=PERIOD),
        "duration",
        "the time between two runs that cron is set to",
        default="1h",
    ),
    Field(
        "stale_after",
        duration(MINUTE, such_as=PERIOD),
        "duration",
        "how old the last successful run may be before it counts as stale; default: six intervals",
    ),
    Field(
        "max_runtime",
        duration(MINUTE, such_as=PERIOD),
        "duration",
        "how long a run may take before it stops after the batch in flight; the next one continues",
        default="3h",
    ),
    Field(
        "workers",
        whole(1, 16),
        "whole number, 1 to 16",
        "how many batches are written at once, of one table or of several that are independent; and how "
        "many readers a large first load has",
        default="2",
    ),
    Field(
        "retention",
        duration(_DAY, _DAY, such_as="whole days, such as 90d"),
        "duration in days",
        "how long the sink keeps the records of past runs",
        default="90d",
    ),
    Field(
        "budgets",
        section("settings such as egress: 5GB"),
        "budgets",
        "what each of the two projects may use; warnings come from 60 % (see below)",
    ),
    Field(
        "on_budget",
        choice("warn", "stop"),
        "warn or stop",
        "stop: a `sync` ends with 3 before it exceeds the month's requests or egress",
        default="warn",
    ),
    Field(
        "compare_egress",
        share,
        "percentage or size",
        "how much of a month's egress the comparisons may use a day (see below)",
        default="2%",
    ),
    Field(
        "checks",
        used_names,
        "check or list of checks",
        "checks of your plugins that `check`, `setup` and `cutover` run (see below)",
        default="[]",
    ),
    Field(
        "notify",
        used_names,
        "notifier or list of notifiers",
        "which of your plugins hear how each `sync` ended (see below)",
        default="[]",
    ),
    Field(
        "cutover",
        section("settings such as env: ../app/.env"),
        "switch settings",
        "what `cutover` changes and runs when the app is switched to NEW (see below)",
    ),
    Field(
        "report",
        section("settings such as path: report.html"),
        "report settings",
        "the [report](cli.md#supasync-report) that is written after every `sync` (see below)",
    ),
    Field(
        "defaults",
        optional_section,
        "table settings",
        "settings for every table that does not set them itself",
    ),
    Field(
        "tables",
        section("tables, such as users: {key: id}"),
        "table settings by table",
        "the tables to copy, each with its settings or nothing",
        required=True,
    ),
    Field(
        "undecided",
        any_names,
        "table or list of tables",
        "tables that are not copied because nobody has decided on them yet (see below)",
        default="[]",
    ),
    Field(
        "ignore", any_names, "table or list of tables", "tables that are left out on purpose", default="[]"
    ),
)
BUDGETS: Final = (
    Field("requests", whole(1, 999_999_999), "whole number", "requests in a calendar month (UTC)"),
    Field(
        "egress",
        size("5GB"),
        "size",
        "bytes that the project sends in a calendar month, compressed as they travel",
    ),
    Field("database", size("500MB"), "size", "total size of the database"),
)
REPORT: Final = (
    Field("path", text, "path", "the file, relative to the folder of tables.yaml"),
    Field("url", text, "https address", "where people find that file: notifications link to it"),
)
CUTOVER: Final = (
    Field(
        "env",
        text,
        "path",
        "the app's .env, whose SUPABASE_URL names OLD until the switch; not the one beside tables.yaml",
    ),
    Field(
        "steps",
        texts,
        "command or list of commands",
        "your own commands that `cutover` runs after the switch, in this order, each with consent",
        default="[]",
    ),
)


def defaults_of(fields: Sequence[Field]) -> dict[str, Any]:
    """The value of each field that has a default."""
    return {field.name: field.parse(_literal(field.default)) for field in fields if field.default is not None}


@cache
def _literal(yaml: str) -> Value:
    return parse(yaml, lambda text: (text, []), Problems("")) or Nothing(Mark(1, 1))
