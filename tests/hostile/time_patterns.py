"""Time every compiled pattern of the program on 100 kB of each letter, and each word, that it names."""

import importlib
import inspect
import pkgutil
import re
import sys
import time

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
        whole = letter * (SIZE // len(letter))
        for given in (f"{whole}!", f"!{whole}x"):
            handed = given.encode() if raw else given
            for method in sorted(used):
                told(name, letter, method)
                start = time.process_time()
                call = getattr(pattern, method)
                list(call(handed)) if method == "finditer" else (
                    call(b"" if raw else "", handed) if method == "sub" else call(handed)
                )
                if time.process_time() - start > MOST:
                    told("SLOW", name, letter, method)


if __name__ == "__main__":
    main()
    sys.exit(0)
