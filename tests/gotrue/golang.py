"""What a program in Go does with JSON, numbers, times and durations, as far as an answer shows it."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from typing import Any

INTEGERS = 2.0**53
UNITS = {
    "ns": 1,
    "us": 1_000,
    "µs": 1_000,
    "ms": 1_000_000,
    "s": 1_000_000_000,
    "m": 60_000_000_000,
    "h": 3_600_000_000_000,
}
LONGEST = 2**63 - 1  # nanoseconds


def encoded(value: Any) -> str:
    """JSON as `encoding/json` writes it: numbers of a map are doubles, its keys are sorted."""
    if isinstance(value, dict):
        pairs = (f"{json.dumps(name)}:{encoded(value[name])}" for name in sorted(value))
        return "{" + ",".join(pairs) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(encoded, value)) + "]"
    if isinstance(value, float):
        return number(value)
    return json.dumps(value, ensure_ascii=False).replace("\ud800", "\ufffd")


def number(value: float) -> str:
    """A double in its shortest form."""
    if value == 0:
        return "-0" if str(value).startswith("-") else "0"
    if 1e-6 <= abs(value) < 1e21:
        text = format(Decimal(repr(value)), "f")
        return text.rstrip("0").rstrip(".") if "." in text else text
    digits, _, exponent = repr(value).partition("e")
    return f"{digits.removesuffix('.0')}e{int(exponent):+03d}"


def parsed(text: str) -> Any:
    """JSON as a `map[string]interface{}` holds it; OverflowError where a number is not a double."""
    return json.loads(text, parse_int=double, parse_float=double)


def double(text: str) -> float:
    """A number of JSON."""
    value = float(text)
    if value in (float("inf"), float("-inf")):
        raise OverflowError(text)
    return value


def time(text: str) -> str:
    """A timestamp of PostgreSQL's JSON as RFC 3339 with no more digits than it has."""
    return re.sub(r"(\.\d*?)0+$", r"\1", text.removesuffix("+00:00")).rstrip(".") + "Z"


def duration(text: str) -> int:
    """The nanoseconds of `1h30m15.5s`; ValueError with the words of `time.ParseDuration`."""
    found = re.fullmatch(r"([+-]?)((?:\d+(?:\.\d*)?|\.\d+)[a-zµ]+)+", text)
    if found is None:
        raise ValueError(f'time: invalid duration "{text}"')
    total = 0
    for amount, unit in re.findall(r"(\d+(?:\.\d*)?|\.\d+)([a-zµ]+)", text):
        if unit not in UNITS:
            raise ValueError(f'time: unknown unit "{unit}" in duration "{text}"')
        total += int(Decimal(amount) * UNITS[unit])
    if total > LONGEST:
        raise ValueError(f'time: invalid duration "{text}"')
    return -total if found[1] == "-" else total
