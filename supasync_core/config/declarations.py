"""The settings of tables.yaml: name, kind, default, and what each is for.

The reference page's tables are these declarations, word for word; a test compares them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from supasync_core.config.document import Mark, Nothing, Problems, Value, parse
from supasync_core.config.value_kinds import (
    Parser,
    any_names,
    choice,
    duration,
    duration_or_never,
    flag,
    names,
    optional_section,
    section,
    share,
    some_names,
    text,
    whole,
)
from supasync_core.model.table import DELETES, UPDATES


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """A setting: how it is parsed, and what the reference page says about it.

    ``default`` is YAML; None where no value means the same as leaving the setting out.
    """

    name: str
    parse: Parser
    kind: str
    doc: str
    default: str | None = None
    required: bool = False
    shared: bool = False
    """Whether ``defaults`` may hold it, for all tables."""


_MINUTE: Final = timedelta(minutes=1)
_DAY: Final = timedelta(days=1)
_PERIOD: Final = "a duration of a minute or more, such as 15m, 2h, 1h30m or 90d"

TOP: Final = (
    Field(
        name="version",
        parse=whole(1, 1),
        kind="`1`",
        required=True,
        doc="the version of this format, 1",
    ),
    Field(
        name="source",
        parse=section("settings such as backend: rest"),
        kind="backend",
        required=True,
        doc="where rows come from, the OLD project; it is only ever read",
    ),
    Field(
        name="sink",
        parse=section("settings such as backend: rest"),
        kind="backend",
        required=True,
        doc="where rows go, the NEW project; it also keeps the state",
    ),
    Field(
        name="staging",
        parse=section("settings such as backend: duckdb"),
        kind="backend",
        default="{backend: duckdb, path: .supasync/staging.duckdb}",
        doc="the file in which `gap import` checks an export before it is sent",
    ),
    Field(
        name="plugins",
        parse=names,
        kind="path or list of paths",
        default="[]",
        doc="plugin files of your own, relative to the folder of tables.yaml",
    ),
    Field(
        name="enabled",
        parse=flag,
        kind="true or false",
        default="true",
        doc="whether `sync` does anything; yes, no, on, off, 1 and 0 work as well",
    ),
    Field(
        name="interval",
        parse=duration(_MINUTE, such_as=_PERIOD),
        kind="duration",
        default="1h",
        doc="the time between two runs that cron is set to",
    ),
    Field(
        name="stale_after",
        parse=duration(_MINUTE, such_as=_PERIOD),
        kind="duration",
        doc="how old the last successful run may be before it counts as stale; default: six intervals",
    ),
    Field(
        name="max_runtime",
        parse=duration(_MINUTE, such_as=_PERIOD),
        kind="duration",
        default="3h",
        doc="how long a run may take before it stops after the batch in flight; the next one continues",
    ),
    Field(
        name="workers",
        parse=whole(1, 16),
        kind="whole number, 1 to 16",
        default="2",
        doc="how many batches are written at once, of one table or of several that are independent",
    ),
    Field(
        name="retention",
        parse=duration(_DAY, _DAY, such_as="whole days, such as 90d"),
        kind="duration in days",
        default="90d",
        doc="how long the sink keeps the records of past runs",
    ),
    Field(
        name="budgets",
        parse=section("settings such as egress: 5GB"),
        kind="budgets",
        doc="what each of the two projects may use; warnings come from 60 % (see below)",
    ),
    Field(
        name="on_budget",
        parse=choice("warn", "stop"),
        kind="warn or stop",
        default="warn",
        doc="stop: a `sync` ends with 3 before it exceeds the month's requests or egress",
    ),
    Field(
        name="compare_egress",
        parse=share,
        kind="percentage or size",
        default="2%",
        doc="how much of a month's egress the comparisons may use a day (see below)",
    ),
    Field(
        name="cutover",
        parse=section("settings such as env: ../app/.env"),
        kind="switch settings",
        doc="what `cutover` changes and runs when the app is switched to NEW (see below)",
    ),
    Field(
        name="defaults",
        parse=optional_section,
        kind="table settings",
        doc="settings for every table that does not set them itself",
    ),
    Field(
        name="tables",
        parse=section("tables, such as users: {key: id}"),
        kind="table settings by table",
        required=True,
        doc="the tables to copy, each with its settings or nothing",
    ),
    Field(
        name="undecided",
        parse=any_names,
        kind="table or list of tables",
        default="[]",
        doc="tables that are not copied because nobody has decided on them yet (see below)",
    ),
    Field(
        name="ignore",
        parse=any_names,
        kind="table or list of tables",
        default="[]",
        doc="tables that are left out on purpose",
    ),
)

TABLE: Final = (
    Field(
        name="key",
        parse=some_names("name the columns that identify a row"),
        kind="column or list of columns",
        default="[id]",
        shared=True,
        doc="the columns that identify a row: the primary key, or another unique index on NOT NULL columns",
    ),
    Field(
        name="timestamp",
        parse=names,
        kind="column or list of columns",
        default="[updated_at]",
        shared=True,
        doc="the column that moves forward on each change; where it is NULL, the next one of the list counts",
    ),
    Field(
        name="updates",
        parse=choice(*UPDATES),
        kind="seen or unseen",
        doc="whether the timestamp moves when a row is updated; default: as its name says (see below)",
    ),
    Field(
        name="depends_on",
        parse=names,
        kind="table or list of tables",
        default="[]",
        doc="the tables that this one refers to by foreign keys; they are copied first",
    ),
    Field(
        name="strategy",
        parse=text,
        kind="strategy",
        default="incremental",
        shared=True,
        doc="how the table is read",
    ),
    Field(
        name="overlap",
        parse=duration(timedelta(0), such_as="a duration, such as 30s, 15m, 2h or 1h30m"),
        kind="duration",
        default="15m",
        shared=True,
        doc="how far behind the newest row a run reads again; longer than any transaction of the app",
    ),
    Field(
        name="page_size",
        parse=whole(1, 100_000),
        kind="whole number, 1 to 100000",
        default="1000",
        shared=True,
        doc="how many rows one request asks for, and one write sends",
    ),
    Field(
        name="where",
        parse=text,
        kind="filter",
        doc="only the rows that pass this filter, in the language of the source backend (see below)",
    ),
    Field(
        name="columns",
        parse=some_names("leave it out to copy all columns"),
        kind="column or list of columns",
        doc="only these columns; default: all of them",
    ),
    Field(
        name="exclude",
        parse=names,
        kind="column or list of columns",
        default="[]",
        doc="all columns but these",
    ),
    Field(
        name="transform",
        parse=names,
        kind="transform or list of transforms",
        default="[]",
        shared=True,
        doc="functions of your plugins that change or leave out rows, in this order",
    ),
    Field(
        name="deletes",
        parse=choice(*DELETES),
        kind="ignore, report or mirror",
        default="ignore",
        shared=True,
        doc="what happens to rows that were deleted in OLD: nothing, report them, or remove them from NEW",
    ),
    Field(
        name="compare_every",
        parse=duration_or_never(_MINUTE, such_as=f"never, or {_PERIOD}"),
        kind="duration or never",
        shared=True,
        doc="how often `sync` compares the whole table with OLD (see below)",
    ),
    Field(
        name="refused_per_run",
        parse=whole(0, 100_000),
        kind="whole number, 0 to 100000",
        default="20",
        shared=True,
        doc="how many rows that NEW refuses a run quarantines before the table stops",
    ),
    Field(
        name="refused_in_all",
        parse=whole(0, 100_000),
        kind="whole number, 0 to 100000",
        default="100",
        shared=True,
        doc="how many refused rows may be quarantined in all; rows that wait for a parent do not count",
    ),
    Field(
        name="table",
        parse=text,
        kind="table",
        doc="the table's name on both sides, where the entry has another name",
    ),
    Field(
        name="schema",
        parse=text,
        kind="schema",
        default="public",
        shared=True,
        doc="the PostgreSQL schema of the table, the same on both sides",
    ),
)

OLD_NAMES: Final = {"after": "depends_on", "plugin": "strategy", "verify_every": "compare_every"}
"""Settings of a table by the name that they had; files with the old names still work."""
DEFAULTS: Final = tuple(field for field in TABLE if field.shared)


def defaults_of(fields: Sequence[Field]) -> dict[str, Any]:
    """The value of each field that has a default."""
    return {field.name: field.parse(_literal(field.default)) for field in fields if field.default is not None}


def _literal(yaml: str) -> Value:
    return parse(yaml, lambda text: (text, []), Problems("")) or Nothing(Mark(1, 1))
