"""Time every compiled pattern of the program on 100 kB of each letter, and each word, that it names.

What takes so little of 10 kB that a square would stay within the limit is not timed on 100 kB.
"""

import importlib
import inspect
import pkgutil
import re
import sys
import time
from collections.abc import Callable
from typing import Any

PACKAGES = (
    "supasync_account",
    "supasync_core",
    "supasync_rest",
    "supasync_csv",
    "supasync_duckdb",
    "supasync_notify",
    "supasync_postgres",
    "supasync_tables",
)
METHODS = "search|match|fullmatch|sub|finditer|findall|split"
SIZE = 100_000
MOST = 0.5
"""Seconds; what takes a square takes minutes."""
FIRST = 10
"""The first look takes this part of the size, and at most the square of this part of the seconds."""


def main() -> None:
    for package in PACKAGES:
        there = importlib.import_module(package)
        for each in pkgutil.walk_packages(there.__path__, f"{package}."):
            if each.name.endswith("__main__"):
                continue
            module = importlib.import_module(each.name)
            source = inspect.getsource(module)
            for name, found in vars(module).items():
                if isinstance(found, re.Pattern) and re.search(rf"^{name}\b.*=", source, re.MULTILINE):
                    used = set(
                        re.findall(
                            rf"\b{name}\s*\.(search|match|fullmatch|sub|finditer|findall|split)\b", source
                        )
                    )
                    timed(f"{each.name}.{name}", found, used or {"search"})


def told(*parts: str) -> None:
    sys.stdout.write(" ".join(map(repr, parts)).replace("'SLOW'", "SLOW") + "\n")
    sys.stdout.flush()


def timed(name: str, pattern: "re.Pattern[str] | re.Pattern[bytes]", used: set[str]) -> None:
    raw = isinstance(pattern.pattern, bytes)
    text = pattern.pattern.decode("latin-1") if isinstance(pattern.pattern, bytes) else pattern.pattern
    letters = {*text, *" 0a\n\r\t", *re.findall("[A-Za-z]{2,}", text)}
    for letter in sorted(letters):
        for before, after in (("", "!"), ("!", "x")):
            for method in sorted(used):
                told(name, letter, method)
                for part in (FIRST, 1):
                    whole = f"{before}{letter * (SIZE // part // len(letter))}{after}"
                    seconds = taken(getattr(pattern, method), method, whole.encode() if raw else whole)
                    if seconds <= MOST / part**2:
                        break
                else:
                    told("SLOW", name, letter, method)


def taken(call: Callable[..., Any], method: str, given: str | bytes) -> float:
    """Seconds of a processor."""
    start = time.process_time()
    if method == "finditer":
        list(call(given))
    elif method == "sub":
        call(given[:0], given)
    else:
        call(given)
    return time.process_time() - start


if __name__ == "__main__":
    main()
    sys.exit(0)
