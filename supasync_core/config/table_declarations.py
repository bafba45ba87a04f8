"""The settings of a table in tables.yaml, as `supasync_core.config.declarations` has those of the file."""

from typing import Final

from supasync_core.config.declarations import MINUTE, PERIOD, Field
from supasync_core.config.row_filter import row_filter
from supasync_core.config.uses import used_name, used_names
from supasync_core.config.value_kinds import choice, duration, names, optional_text, some_names, text, whole
from supasync_core.model.table import DELETES, UPDATES

TABLE: Final = (
    Field(
        "key",
        some_names("name the columns that identify a row"),
        "column or list of columns",
        "the columns that identify a row: the primary key, or another unique index on NOT NULL columns",
        default="[id]",
        shared=True,
    ),
    Field(
        "timestamp",
        names,
        "column or list of columns",
        "the column that moves forward on each change; where it is NULL, the next one of the list counts",
        default="[updated_at]",
        shared=True,
    ),
    Field(
        "updates",
        choice(*UPDATES),
        "seen or unseen",
        "whether the timestamp moves when a row is updated; default: as its name says (see below)",
    ),
    Field(
        "depends_on",
        names,
        "table or list of tables",
        "the tables that this one refers to by foreign keys; they are copied first",
        default="[]",
    ),
    Field("strategy", used_name, "strategy", "how the table is read", default="incremental", shared=True),
    Field(
        "overlap",
        duration(such_as="a duration, such as 30s, 15m, 2h or 1h30m"),
        "duration",
        "how far behind the newest row a run reads again; longer than any transaction of the app",
        default="15m",
        shared=True,
    ),
    Field(
        "page_size",
        whole(1, 100_000),
        "whole number, 1 to 100000",
        "how many rows one request asks for, and one write sends",
        default="1000",
        shared=True,
    ),
    Field(
        "every",
        duration(MINUTE, such_as=PERIOD),
        "duration",
        "how often hourly runs read the table; default: each of them (see below)",
        shared=True,
    ),
    Field(
        "where",
        row_filter,
        "filter",
        "only the rows that pass this filter, in the language of the source backend (see below)",
    ),
    Field(
        "columns",
        some_names("leave it out to copy all columns"),
        "column or list of columns",
        "only these columns; default: all of them",
    ),
    Field("exclude", names, "column or list of columns", "all columns but these", default="[]"),
    Field(
        "transform",
        used_names,
        "transform or list of transforms",
        "functions of your plugins that change or leave out rows, in this order",
        default="[]",
        shared=True,
    ),
    Field(
        "deletes",
        choice(*DELETES),
        "ignore, report or mirror",
        "what happens to rows that were deleted in OLD: nothing, report them, or remove them from NEW",
        default="ignore",
        shared=True,
    ),
    Field(
        "soft_delete",
        optional_text,
        "column",
        "the column that is not NULL in a row that the app has deleted: such a row is not copied, and "
        "removed from NEW (see below)",
        shared=True,
    ),
    Field(
        "compare_every",
        duration(MINUTE, such_as=f"never, or {PERIOD}", never=True),
        "duration or never",
        "how often `sync` compares the whole table with OLD (see below)",
        shared=True,
    ),
    Field(
        "refused_per_run",
        whole(0, 100_000),
        "whole number, 0 to 100000",
        "how many rows that NEW refuses a run quarantines before the table stops",
        default="20",
        shared=True,
    ),
    Field(
        "refused_in_all",
        whole(0, 100_000),
        "whole number, 0 to 100000",
        "how many refused rows may be quarantined in all; rows that wait for a parent do not count",
        default="100",
        shared=True,
    ),
    Field("table", text, "table", "the table's name on both sides, where the entry has another name"),
    Field(
        "schema",
        text,
        "schema",
        "the PostgreSQL schema of the table, the same on both sides",
        default="public",
        shared=True,
    ),
    Field(
        "was",
        text,
        "table",
        "the name that this table had in `tables.yaml` before: it keeps the state that is stored under it"
        " (see [changing the file](../how-to/change-tables-yaml.md))",
    ),
)

OLD_NAMES: Final = {"after": "depends_on", "plugin": "strategy", "verify_every": "compare_every"}
"""Settings of a table by the name that they had; files with the old names still work."""
DEFAULTS: Final = tuple(field for field in TABLE if field.shared)
