r"""The SQL that a person runs in OLD, made to be pasted into the dashboard's SQL editor.

The editor appends ``limit 100`` to a select that does not end in a limit of its own, so each query ends in
one, with nothing behind it; comments are in ``/* */``, since a line comment swallows what an editor appends.
Functions are those of `pg_catalog`, whatever somebody has planted in the search path.
"""
# ruff: noqa: S608 - names are quoted by sql_name, texts by sql_text

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from supasync_core.gap.csv.where_filter import COMPARED, Condition, conditions
from supasync_core.model.batch import Key, Span
from supasync_core.model.errors import ConfigError
from supasync_core.model.pg_types import is_array
from supasync_core.model.printable import comment, file_name, sql_name, sql_text
from supasync_core.model.table import Shape, Table
from supasync_core.staging.csv.exact_form import SEAL
from supasync_core.staging.csv.find_files import EXACT

LIMIT = 100_000_000
CHUNK = 500
"""Rows under one digest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What of a table has to be exported: the rows of the spans, of the keys, and between keys.

    ``language`` is the source's backend, in whose words the table's ``where`` is written. ``alone``: no other
    table's name differs in the case of letters alone.
    """

    table: Table
    spans: tuple[Span, ...] = ()
    keys: tuple[Key, ...] = ()
    ranges: tuple[tuple[Key, Key], ...] = ()
    shape: Shape = field(default_factory=lambda: Shape(known=False))
    language: str = ""
    alone: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """What a person runs for a table: ``sql`` to paste, the file to save the result under.

    ``copy`` is for a connection; None where a name or a value in it is not printable.
    """

    table: str
    file: str
    sql: str
    copy: str | None
    notes: tuple[str, ...] = ()


def query(wanted: Wanted, *, exact: bool) -> Query:
    """The query of one table: its rows in an order, with their own limit."""
    table = wanted.table
    filtered, notes = _filter(wanted)
    name = f"{sql_name(table.schema)}.{sql_name(table.relation)}"
    rows = f"select {_columns(wanted, exact=exact)} from {name} as t{_where(wanted, filtered)}"
    order = ", ".join(f"t.{sql_name(name)}" for name in table.key)
    text = _exact(wanted, rows) if exact else f"{rows}\norder by {order}"
    sql = f"{text}\nlimit {LIMIT}"
    one_line = " ".join(sql.split("\n"))
    plain = "U&" not in sql and one_line.isprintable()
    file = f"{file_name(table.name, alone=wanted.alone)}.csv"
    return Query(
        table=table.name,
        file=file,
        sql=f"/* {comment(table.name)}: save the result as {comment(file)} */\n{sql};",
        copy=rf"\copy ({one_line}) to {sql_text(file)} with (format csv, header)" if plain else None,
        notes=tuple(notes),
    )


def refuse_same_files(queries: Sequence[Query]) -> None:
    """ConfigError where two tables' rows would be saved under one name, which is how they are told apart."""
    tables: dict[str, str] = {}
    for each in queries:
        other = tables.setdefault(each.file.lower(), each.table)
        if other != each.table:
            problem = f"{each.table} and {other} would both be saved as {each.file}"
            raise ConfigError([problem], hint="export one by hand, and import it with --file TABLE=PATH")


def _columns(wanted: Wanted, *, exact: bool) -> str:
    """What to select: all columns, unless some are left out; arrays as texts, where any damage is to show.

    JSON has no word for an array's lower bound, and none for an array of JSON arrays.
    """
    table = wanted.table
    needed = {*table.key, *table.timestamp}
    known = wanted.shape.columns
    arrays = {c.name for c in known if is_array(c.type or "")} if exact else set()
    names: Sequence[str] = table.columns
    if not names and (arrays or table.exclude):
        names = [c.name for c in known if c.name in needed or c.name not in table.exclude]
    cells = [f"t.{sql_name(n)}::text as {sql_name(n)}" if n in arrays else f"t.{sql_name(n)}" for n in names]
    return ", ".join(cells) or "t.*"


def _where(wanted: Wanted, filtered: str) -> str:
    key = wanted.table.key
    parts = [_span(span, key) for span in wanted.spans]
    if wanted.keys:
        parts.append(f"({_row(key)} in ({', '.join(map(_values, wanted.keys))}))")
    parts += [f"({_row(key)} between {_values(first)} and {_values(last)})" for first, last in wanted.ranges]
    whole = not parts or _everything(wanted.spans)
    conditions = [] if whole else ["(" + "\n    or ".join(parts) + ")"]
    conditions += [f"({filtered})"] if filtered else []
    mark = wanted.table.soft_delete
    conditions += [f"t.{sql_name(mark)} is null"] if mark else []
    return "\nwhere " + "\n  and ".join(conditions) if conditions else ""


def _everything(spans: Sequence[Span]) -> bool:
    """Whether the spans are all of a table's keysets, unbounded."""
    bounded = any(span.start or span.after or span.until or span.beyond or span.to for span in spans)
    return bool(spans) and not bounded


def _span(span: Span, key: Sequence[str]) -> str:
    terms = [f"t.{sql_name(name)} is null" for name in span.keyset.nulls]
    column = span.keyset.column
    if span.to:
        terms.append(f"{_row(key)} <= {_values(span.to)}")
    if column is None:
        if span.after and span.after.key:
            terms.append(f"{_row(key)} > {_values(span.after.key)}")
        return f"({' and '.join(terms) or 'true'})"
    name = f"t.{sql_name(column)}"
    bounds = ((">=", span.start), (">", span.beyond), ("<=", span.until))
    terms += [f"{name} {sign} {sql_text(text)}" for sign, text in bounds if text is not None]
    if span.after and span.after.value is not None:
        # from the cursor on, its own row included: ties are safe whatever the order of keys
        terms.append(f"{name} >= {sql_text(span.after.value)}")
    if len(terms) == len(span.keyset.nulls):
        terms.append(f"{name} is not null")
    return f"({' and '.join(terms)})"


def _row(key: Sequence[str]) -> str:
    return "(" + ", ".join(f"t.{sql_name(name)}" for name in key) + ")"


def _values(key: Iterable[str]) -> str:
    return "(" + ", ".join(map(sql_text, key)) + ")"


def _exact(wanted: Wanted, rows: str) -> str:
    """The loss-free form: a column of texts; a head, and before each chunk its keys, count and digest."""
    key = wanted.table.key
    order = ", ".join(f"t.{sql_name(name)}" for name in key)
    texts = ", ".join(f"t.{sql_name(name)}::text" for name in key)
    bounds = {span.keyset.name: lower_bound(span) for span in wanted.spans}
    pairs = ", ".join(
        f"{sql_text(name)}, {sql_text(text) if text else 'null::text'}" for name, text in bounds.items()
    )
    complete = "true" if wanted.spans and not wanted.ranges else "false"
    return (
        f"with picked as ({rows}),\n"
        f"lines as (select (pg_catalog.row_number() over (order by {order}) - 1) as n,\n"
        "  pg_catalog.row_to_json(t.*)::text as line,\n"
        f"  pg_catalog.json_build_array({texts}) as key from picked as t),\n"
        f"chunks as (select n / {CHUNK} as chunk, pg_catalog.count(*) as rows,\n"
        "  pg_catalog.md5(pg_catalog.string_agg(line, E'\\n' order by n)) as md5,\n"
        "  (pg_catalog.array_agg(key order by n))[1] as first,\n"
        "  (pg_catalog.array_agg(key order by n desc))[1] as last\n"
        f"  from lines group by n / {CHUNK})\n"
        f"select text as {EXACT} from (\n"
        "  select -1 as chunk, -1 as n,\n"
        f"    pg_catalog.left(text, -1) || '{SEAL}' || pg_catalog.md5(text) || '\"}}' as text\n"
        "    from (select pg_catalog.json_build_object('supasync', 1,\n"
        f"      'table', {sql_text(wanted.table.name)},\n"
        "      'rows', (select pg_catalog.count(*) from lines),\n"
        "      'chunks', (select pg_catalog.count(*) from chunks), 'at', pg_catalog.now(),\n"
        f"      'complete', {complete}, 'from', pg_catalog.json_build_object({pairs})\n"
        "      )::text as text) as head\n"
        "  union all select chunk, -1, pg_catalog.json_build_object('supasync', 1,\n"
        "    'chunk', chunk, 'rows', rows, 'md5', md5, 'first', first, 'last', last)::text from chunks\n"
        f"  union all select n / {CHUNK}, n, line from lines\n"
        ") as t order by chunk, n"
    )


def lower_bound(span: Span) -> str | None:
    """The text from which a span begins; None for its very beginning."""
    return span.start or span.beyond or (span.after.value if span.after else None)


def _filter(wanted: Wanted) -> tuple[str, list[str]]:
    """The table's ``where`` as PostgreSQL reads it, and what could not be said."""
    where = wanted.table.where
    if not where:
        return "", []
    if wanted.language != "rest":
        return where, []
    filters = conditions(where)
    if filters is None:
        note = "add it by hand, or rows that it excludes are exported too"
        return "", [f"{wanted.table.name}: where: {where} of tables.yaml is not in the query: {note}"]
    return " and ".join(map(_condition, filters)), []


def _condition(condition: Condition) -> str:
    name = f"t.{sql_name(condition.column)}"
    if condition.operator == "is":
        text = f"{name} is {condition.value.lower()}"
    else:
        text = f"{name} {COMPARED[condition.operator]} {sql_text(condition.value)}"
    return f"not ({text})" if condition.negated else text
