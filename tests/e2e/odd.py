"""Odd values of every type, as the texts that PostgreSQL reads; at least forty where a type has that many."""

from collections.abc import Iterable, Sequence
from itertools import pairwise


def array(items: Iterable[str | None]) -> str:
    """The text of an array; ``"NULL"`` as an item is the word, None is NULL."""
    quoted = ("NULL" if item is None else '"' + _escaped(item) + '"' for item in items)
    return "{" + ",".join(quoted) + "}"


def _escaped(item: str) -> str:
    return item.replace("\\", "\\\\").replace('"', '\\"')


def _arrays(items: Sequence[str], *, two: bool = True) -> tuple[str, ...]:
    """Arrays of one, of three with a NULL, of all, of two dimensions, of none."""
    single = [array([item]) for item in items]
    pairs = [array([left, None, right]) for left, right in pairwise(items)]
    square = ["{" + array(items[:2]) + "," + array(items[2:4]) + "}"] if two else []
    return (*square, "{}", "{NULL}", "{NULL,NULL}", array(items), *single, *pairs)


def _whole(bits: int) -> tuple[str, ...]:
    """Powers of two and ten and their neighbours, and both ends of the type."""
    top = 2 ** (bits - 1)
    edges = [2**n + step for n in (7, 8, 15, 16, 24, 31, 32, 52, 53, 54, 62) for step in (-1, 0, 1)]
    near = {0, 1, -1, top - 1, -top, *(sign * number for number in edges for sign in (1, -1))}
    near |= {sign * 10**n for n in range(19) for sign in (1, -1)} | set(range(-30, 0, 2))
    return tuple(str(number) for number in sorted(near) if -top <= number < top)


TEXTS = (
    "",
    " ",
    "  two  ",
    "null",
    "NULL",
    "undefined",
    "a,b",
    ",",
    '"',
    'say "hi"',
    "'",
    "it's",
    "\\",
    "back\\slash",
    'q"\\"b',
    "\\n",
    "\\x",
    "\\u0000",
    "line1\nline2",
    "line1\r\nline2",
    "line1\rline2",
    "\n",
    "\r\n",
    "\x0b\x0c",
    "\x85 next line",
    "\u2028 line, \u2029 paragraph",
    "a\tb",
    "\x01\x1f\x7f",
    "\x1b[31mred\x1b[0m",
    "{a,b}",
    "(a.b,c)",
    "[1]",
    '{"a": [1, "x"]}',
    "\U0001f600\U0001f469\u200d\U0001f52c",
    "e\u0301 versus \u00e9",
    "a\u200bb\ufeffc",
    "\ufeff",
    "\u202eright to left",
    "\ufffd\uffff",
    "\U0010ffff",
    "100%+1&2=3#4;5/6?7",
    "%00 %2B %",
    "a*b",
    "a%b_c",
    "=1+1",
    "eq.1",
    "not.is.null",
    "<b>&amp;</b>",
    "-0",
    "1e3",
    "true",
    "9007199254740993",
    "2024-03-01T10:00:00+00:00",
    "ß \u0130 \u0131 \u01c5 \ufb01",
    "日本語 العربية עברית ไทย",
    "x" * 20_000,
    "\n" * 300,
)

SHORT_TEXTS = tuple(text for text in TEXTS if len(text) <= 20)
TINY_TEXTS = tuple(text for text in TEXTS if len(text) <= 5)

NUMBERS = (
    "0",
    "-0",
    "0.0",
    "0.00000000000000000000",
    "1.50",
    "1.500000000000000000000000000000",
    "-1.10",
    "100",
    "1e3",
    "1.20e5",
    "0.1",
    "0.30000000000000004",
    "9007199254740991",
    "9007199254740992",
    "9007199254740993",
    "-9007199254740993",
    "9007199254740993.0",
    "9223372036854775808",
    "18446744073709551616",
    "1234567890123456789012345678901234567890",
    "1234567890123456789012345678901234567890.0000",
    "-1234567890123456789012345678901234567890.1234567890123456789012345678901234567890",
    "0.1234567890123456789012345678901234567890",
    "0.0000000000000000000000000000000000000001",
    "0.00000000000000000000000000000000000000010",
    "-99999999999999999999.99999999999999999999",
    "1e-30",
    "1e40",
    "1e-100",
    "1e130",
    "1e1000",
    "-1e-1000",
    "NaN",
    "Infinity",
    "-Infinity",
    "3.14159265358979323846264338327950288419716939937510",
    *(f"{10**n}.{'0' * n}" for n in range(1, 15)),
    *(f"0.{'9' * n}" for n in range(15, 25)),
)

FIXED_NUMBERS = (
    "NaN",
    "0",
    "0.0001",
    "-0.0001",
    "99999999.9999",
    "-99999999.9999",
    *(f"{n}.{n:04}" for n in range(1, 9999, 277)),
)

DOUBLES = (
    "0",
    "-0",
    "NaN",
    "Infinity",
    "-Infinity",
    "1.7976931348623157e308",
    "-1.7976931348623157e308",
    "2.2250738585072014e-308",
    "5e-324",
    "-5e-324",
    "0.1",
    "0.30000000000000004",
    "9007199254740993",
    "9007199254740992.5",
    "1e21",
    "1e22",
    "1e23",
    "1e15",
    "1e16",
    "123456789012345678",
    "0.0001",
    "0.00001",
    "1e-7",
    *(repr(1 / n) for n in range(3, 25)),
)

REALS = (
    "0",
    "-0",
    "NaN",
    "Infinity",
    "-Infinity",
    "3.4028235e38",
    "-3.4028235e38",
    "1.1754944e-38",
    "1e-45",
    "16777217",
    "0.1",
    "1e10",
    "1e-7",
    *(repr(1 / n) for n in range(3, 33)),
)

_DAYS = (
    "infinity",
    "-infinity",
    "4713-01-01 BC",
    "0044-03-15 BC",
    "0001-12-31 BC",
    "0005-02-29 BC",
    "0001-01-01",
    "0099-12-31",
    "1582-10-10",
    "1900-02-28",
    "1970-01-01",
    "2000-02-29",
    "9999-12-31",
    "10000-01-01",
    "12000-01-01",
    "99999-12-31",
    "294246-12-31",
    *(f"{year}-07-04" for year in range(1000, 9999, 300)),
)
DATES = (*_DAYS, "294276-12-31", "5874897-12-31", "4714-11-24 BC")

_CLOCKS = (
    "00:00:00",
    "00:00:00.000001",
    "00:00:00.1",
    "10:00:00.120000",
    "12:34:56.789",
    "12:34:56.7890",
    "12:34:56.78901",
    "23:59:59.999999",
)
TIMES = (
    *_CLOCKS,
    "24:00:00",
    *(f"{n % 24:02}:{n % 60:02}:{n % 59:02}.{n * 7919 % 1_000_000:06}" for n in range(1, 34)),
)
TIMES_WITH_ZONES = tuple(
    f"{time}{zone}"
    for time, zone in zip(
        TIMES, ("+00", "-15:59", "+15:59", "+05:30", "-08", "+05:45:30", "-00:00:01") * 9, strict=False
    )
)
TIMESTAMPS = (
    "infinity",
    "-infinity",
    *(
        f"{date.removesuffix(' BC')} {_CLOCKS[n % len(_CLOCKS)]}{' BC' if date.endswith('BC') else ''}"
        for n, date in enumerate(_DAYS[2:])
    ),
)
MOMENTS = (
    "infinity",
    "-infinity",
    *(
        f"{time.removesuffix(' BC')}{zone}{' BC' if time.endswith('BC') else ''}"
        for time, zone in zip(TIMESTAMPS[2:], ("+00", "+05:30", "-08", "+14") * 12, strict=False)
    ),
)
INTERVALS = (
    "0",
    "1 mon",
    "1 day",
    "24:00:00",
    "30 days",
    "00:00:00.000001",
    "-00:00:00.000001",
    "-1 year -2 days +03:04:05.000006",
    "1 year -1 mon 1 day -1 hour",
    "178000000 years 11 mons 30 days 23:59:59.999999",
    "-178000000 years",
    *(f"{n} mons -{n} days {n}:{n % 60:02}:00.{n:06}" for n in range(1, 60, 2)),
)

DOCUMENTS = (
    "{}",
    "[]",
    " { } ",
    '""',
    '"null"',
    '"a string"',
    '"\\"quoted\\" \\\\ \\/ \\b\\f\\n\\r\\t"',
    '"\\u00e9\\ud83d\\ude00"',
    '"\\u0001\\u001f\\u2028"',
    '"\\\\u0000"',
    "1.0",
    "-0",
    "1e3",
    "1E+3",
    "1.10",
    "0.000",
    "true",
    "false",
    "9007199254740993",
    "123456789012345678901234567890.000000001",
    "[1.10, 1e3, 100000000000000000000000000000.000000001, -0]",
    '{ "b" : 1 ,"a":[ 1,2.10 ], "a":null }',
    '{"a":1,"a":2}',
    '{"a":{"a":1,"a":{"a":2,"a":3}}}',
    '{"":0," ":1}',
    '{"a":null,"b":[null]}',
    "[null]",
    "[[],[[]],[[[]]]]",
    "[[1],[2]]",
    '{\n  "a": 1,\r\n\t"b": 2\n}',
    "\n\t[\n]\r\n",
    '{"z":1,"a":2,"aa":3,"Z":4}',
    '{"emoji \U0001f600":"e\u0301 \u2028"}',
    '"{\\"a\\": 1}"',
    '["a,b", "{c}", "\\\\"]',
    "[" * 60 + "]" * 60,
    *(f'{{"n": {n}.{n}0, "n": {n}e-{n}, "t": "{"x" * n}"}}' for n in range(1, 12)),
)

UUIDS = (
    "00000000-0000-0000-0000-000000000000",
    "ffffffff-ffff-ffff-ffff-ffffffffffff",
    *(f"{n * 0x0123456789ABCDEF0123456789ABCDEF % 2**128:032x}" for n in range(1, 42)),
)
BYTES = (
    r"\x",
    r"\x00",
    r"\x5c78",
    r"\x22",
    r"\x0a0d",
    r"\xfffe",
    "\\x" + bytes(range(256)).hex(),
    *("\\x" + bytes(range(n, n * 3)).hex() for n in range(1, 40)),
)
ADDRESSES = (
    "0.0.0.0/0",
    "::/0",
    "::1",
    "::ffff:192.0.2.1",
    "2001:db8::1/64",
    "255.255.255.255",
    *(f"192.0.2.{n}/{n % 33}" for n in range(0, 256, 7)),
)
NETWORKS = (
    "0.0.0.0/0",
    "::/0",
    "2001:db8::/32",
    "::1/128",
    *(f"10.{n}.0.0/16" for n in range(0, 256, 7)),
)
MACS = tuple(f"{n:02x}:00:{255 - n:02x}:0a:ff:{n // 2:02x}" for n in range(0, 256, 6))


def _ranges(low: Iterable[str], *, quote: str = "") -> tuple[str, ...]:
    """Every kind of bound between neighbours of ascending values."""
    ends = [f"{quote}{value}{quote}" for value in low]
    made = [
        "empty",
        "(,)",
        f"[{ends[0]},)",
        f"(,{ends[-1]}]",
        f"({ends[0]},{ends[0]}]",
        f"[{ends[0]},{ends[0]}]",
    ]
    for n, (left, right) in enumerate(pairwise(ends)):
        made.append(("[{},{}]", "[{},{})", "({},{}]", "({},{})")[n % 4].format(left, right))
    return tuple(made)


INT_RANGES = _ranges(str(n * n * n - 5) for n in range(40))
BIG_RANGES = _ranges(str(9007199254740993 + n * n) for n in range(40))
NUMERIC_RANGES = _ranges(f"{n}.{n:02}0" for n in range(40))
DATE_RANGES = ("(-infinity,infinity)", *_ranges(f"20{n:02}-01-01" for n in range(40)))
MOMENT_RANGES = (
    "(-infinity,infinity)",
    '["0044-03-15 12:00:00.5+00 BC","12000-01-01 00:00:00.000001+00")',
    *_ranges((f"2024-01-01 00:00:{n:02}.{n:06}+05:30" for n in range(40)), quote='"'),
)
MULTIRANGES = (
    "{}",
    "{(,)}",
    "{[1,2),[5,9007199254740993)}",
    *(f"{{[{n},{n + 2}),[{n + 5},{n + 9}),[{n + 20},)}}" for n in range(40)),
)
MONEY = (
    "92233720368547758.07",
    "-92233720368547758.08",
    "0",
    "-0.01",
    "1234567.89",
    *(f"{n * n * n}.{n:02}" for n in range(1, 40)),
)
FOUR_BITS = tuple(f"{n:04b}" for n in range(16))
BITS = ("", *(f"{n:b}" for n in range(0, 4000, 97)), "01" * 100)
POINTS = (
    "(1e300,-0)",
    "(NaN,Infinity)",
    "(0,-Infinity)",
    "(0.1,0.30000000000000004)",
    *(f"({n / 7!r},{-n / 3!r})" for n in range(40)),
)
BOXES = tuple(f"({n + 1}.5,{n / 7!r}),({n},-{n})" for n in range(40))
PATHS = (
    "[(0,0)]",
    "((0,0))",
    *(f"[(0,{n}),(1.5,{n / 3!r})]" for n in range(20)),
    *(f"((0,{n}),(1,2))" for n in range(20)),
)
CIRCLES = tuple(f"<({n},{n / 3!r}),{n / 7!r}>" for n in range(40))
VECTORS = tuple(
    f"'{word}':{n},{n + 2}A 'it''s':{n + 3}B" for n, word in enumerate(["a b", "c,d", "\\\\", "é"] * 10, 1)
)
MOODS = ("sad", "ok", "happy", 'so "so", ok')


def _row(*fields: str | None) -> str:
    return "(" + ",".join("" if field is None else '"' + _escaped(field) + '"' for field in fields) + ")"


COMPOSITES = (
    "(,,)",
    _row("", "", None),
    _row("NULL", "null", "NaN"),
    *(
        _row(text, None if n % 5 else "", number)
        for n, (text, number) in enumerate(zip(SHORT_TEXTS, NUMBERS, strict=False))
    ),
)

ODD: dict[str, tuple[str, ...]] = {
    "smallint": _whole(16),
    "integer": _whole(32),
    "bigint": _whole(64),
    "numeric": NUMBERS,
    "numeric(12,4)": FIXED_NUMBERS,
    "real": REALS,
    "double precision": DOUBLES,
    "boolean": ("t", "f"),
    "text": TEXTS,
    "character varying(20)": SHORT_TEXTS,
    "character(5)": TINY_TEXTS,
    "bytea": BYTES,
    "date": DATES,
    "time without time zone": TIMES,
    "time with time zone": TIMES_WITH_ZONES,
    "timestamp without time zone": TIMESTAMPS,
    "timestamp with time zone": MOMENTS,
    "interval": INTERVALS,
    "uuid": UUIDS,
    "json": DOCUMENTS,
    "jsonb": DOCUMENTS,
    "text[]": _arrays(TEXTS),
    "integer[]": _arrays(_whole(32)),
    "bigint[]": _arrays(_whole(64)),
    "numeric[]": _arrays(NUMBERS),
    "jsonb[]": _arrays([text for text in DOCUMENTS if not text.strip().startswith("[")], two=False),
    "inet": ADDRESSES,
    "cidr": NETWORKS,
    "macaddr": MACS,
    "int4range": INT_RANGES,
    "tstzrange": MOMENT_RANGES,
    "money": MONEY,
    "bit(4)": FOUR_BITS,
    "point": POINTS,
    "mood": MOODS,
    "address": COMPOSITES,
    "positive_int": tuple(number.removeprefix("-") for number in _whole(32)[1:] if number != "0"),
    "boolean[]": _arrays(["t", "f", "t", "f"]),
    "bytea[]": _arrays(BYTES),
    "uuid[]": _arrays(UUIDS),
    "date[]": _arrays(DATES),
    "timestamp with time zone[]": _arrays(MOMENTS),
    "mood[]": _arrays(MOODS),
    "address[]": _arrays(COMPOSITES, two=False),
    "int8range": BIG_RANGES,
    "numrange": NUMERIC_RANGES,
    "daterange": DATE_RANGES,
    "int8multirange": MULTIRANGES,
    "bit varying": BITS,
    "box": BOXES,
    "path": PATHS,
    "circle": CIRCLES,
    "tsvector": VECTORS,
}
"""The values of each type, by the name that PostgreSQL's ``format_type`` gives it."""
