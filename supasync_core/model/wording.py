"""Parts of sentences: numbers whose words agree with them, and commands that can be pasted into a shell."""

import shlex


def counted(number: int, one: str, more: str) -> str:
    """The number and what there are so many of, as in ``1 row is`` and ``1,200 rows are``."""
    return f"{number:,} {one if number == 1 else more}"


def command(*parts: str) -> str:
    """``supasync`` with these arguments, as a shell takes them, whatever names others have chosen."""
    return " ".join(("supasync", *map(argument, parts)))


def argument(name: str) -> str:
    """One argument of a command, quoted where a shell reads it otherwise; NAME where it is not printable."""
    return shlex.quote(name) if name.isprintable() else "NAME"
