"""The settings of tables.yaml: how each is read, and its default.

What each is for is on the reference page, docs/reference/tables-yaml.md; a test holds the two together.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from supasync_core.config.document import Mark, Nothing, Problems, Value, parse
from supasync_core.config.row_filter import row_filter
from supasync_core.config.uses import used_name, used_names
from supasync_core.config.value_kinds import (
    Parser,
    any_names,
    choice,
    duration,
    flag,
    names,
    optional_section,
    optional_text,
    section,
    share,
    size,
    some_names,
    text,
    texts,
    whole,
)
from supasync_core.model.table import DELETES, UPDATES


@dataclass(frozen=True, slots=True)
class Field:
    """A setting: how it is parsed, and its ``default`` as YAML.

    Without a default no value means the same as leaving the setting out; ``required`` is what the message
    about a missing one says. ``shared``: ``defaults`` may hold it, for all tables.
    """

    name: str
    parse: Parser
    default: str | None = None
    required: str | None = None
    shared: bool = False


_MINUTE: Final = timedelta(minutes=1)
_DAY: Final = timedelta(days=1)
_PERIOD: Final = "a duration of a minute or more, such as 15m, 2h, 1h30m or 90d"
_OLD: Final = "where rows come from, the OLD project; it is only ever read"
_NEW: Final = "where rows go, the NEW project; it also keeps the state"
_TABLES: Final = "the tables to copy, each with its settings or nothing"

TOP: Final = (
    Field("version", whole(1, 1), required="the version of this format, 1"),
    Field("source", section("settings such as backend: rest"), required=_OLD),
    Field("sink", section("settings such as backend: rest"), required=_NEW),
    Field(
        "staging",
        section("settings such as backend: duckdb"),
        "{backend: duckdb, path: .supasync/staging.duckdb}",
    ),
    Field("plugins", names, "[]"),
    Field("enabled", flag, "true"),
    Field("interval", duration(_MINUTE, such_as=_PERIOD), "1h"),
    Field("stale_after", duration(_MINUTE, such_as=_PERIOD)),
    Field("max_runtime", duration(_MINUTE, such_as=_PERIOD), "3h"),
    Field("workers", whole(1, 16), "2"),
    Field("retention", duration(_DAY, _DAY, such_as="whole days, such as 90d"), "90d"),
    Field("budgets", section("settings such as egress: 5GB")),
    Field("on_budget", choice("warn", "stop"), "warn"),
    Field("compare_egress", share, "2%"),
    Field("checks", used_names, "[]"),
    Field("notify", used_names, "[]"),
    Field("cutover", section("settings such as env: ../app/.env")),
    Field("defaults", optional_section),
    Field("tables", section("tables, such as users: {key: id}"), required=_TABLES),
    Field("undecided", any_names, "[]"),
    Field("ignore", any_names, "[]"),
)
BUDGETS: Final = (
    Field("requests", whole(1, 999_999_999)),
    Field("egress", size("5GB")),
    Field("database", size("500MB")),
)
CUTOVER: Final = (Field("env", text), Field("steps", texts, "[]"))
TABLE: Final = (
    Field("key", some_names("name the columns that identify a row"), "[id]", shared=True),
    Field("timestamp", names, "[updated_at]", shared=True),
    Field("updates", choice(*UPDATES)),
    Field("depends_on", names, "[]"),
    Field("strategy", used_name, "incremental", shared=True),
    Field("overlap", duration(such_as="a duration, such as 30s, 15m, 2h or 1h30m"), "15m", shared=True),
    Field("page_size", whole(1, 100_000), "1000", shared=True),
    Field("every", duration(_MINUTE, such_as=_PERIOD), shared=True),
    Field("where", row_filter),
    Field("columns", some_names("leave it out to copy all columns")),
    Field("exclude", names, "[]"),
    Field("transform", used_names, "[]", shared=True),
    Field("deletes", choice(*DELETES), "ignore", shared=True),
    Field("soft_delete", optional_text, shared=True),
    Field("compare_every", duration(_MINUTE, such_as=f"never, or {_PERIOD}", never=True), shared=True),
    Field("refused_per_run", whole(0, 100_000), "20", shared=True),
    Field("refused_in_all", whole(0, 100_000), "100", shared=True),
    Field("table", text),
    Field("schema", text, "public", shared=True),
    Field("was", text),
)

OLD_NAMES: Final = {"after": "depends_on", "plugin": "strategy", "verify_every": "compare_every"}
"""Settings of a table by the name that they had; files with the old names still work."""
DEFAULTS: Final = tuple(field for field in TABLE if field.shared)


def defaults_of(fields: Sequence[Field]) -> dict[str, Any]:
    """The value of each field that has a default."""
    return {field.name: field.parse(_literal(field.default)) for field in fields if field.default is not None}


def _literal(yaml: str) -> Value:
    return parse(yaml, lambda text: (text, []), Problems("")) or Nothing(Mark(1, 1))
