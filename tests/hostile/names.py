"""Names that whoever may create a table in OLD can give it: each tries to get out of where it is printed."""

import random

ATTACKS = (
    "\nFORGED: everything is equal",
    "\r\nFORGED",
    "\n\\! touch pwned\n",
    "'; create table pwned (); --",
    '"; create table pwned (); --',
    "*/; create table pwned (); /*",
    "$supasync$; create table pwned (); --",
    "\x1b[2J\x1b[8m",
    "\x1b]8;;http://evil.example.test\x07here\x1b]8;;\x07",
    "\x9b31m",
    "\u202egnp.exe",
    "\u2066\u2069\u200b\ufeff",
    "\u2028FORGED\u2029",
    "../../up",
    "/etc/x",
    "a\\..\\b",
    "[red]bold[/red][link=http://evil.example.test]",
    "<!channel> <http://evil.example.test|here>",
    "${HOME} $(touch pwned) `touch pwned`",
    ":name %s {0} {table}",
    "# a: comment\n  - x: &a *a",
    "=cmd|' /C calc'!A0",
    "con",
    "\t\x0b\x0c\x7f\x85",
    "\U000e0041\U0001f600",
    "é ñ 日本",
    "a,b;c\"d'e",
    "?limit=1&offset=2#x",
    "%00%0a%2e",
    "U&'\\0041'",
)


def names(count: int = 300, seed: int = 19) -> list[str]:
    """So many different names of at most 63 bytes, as PostgreSQL allows, the same for each seed."""
    drawn = random.Random(seed)  # noqa: S311 - the same each time
    found: list[str] = []
    while len(found) < count:
        head = f"{len(found)}"
        text = "".join(drawn.sample(ATTACKS, drawn.randint(1, 2)))
        raw = (head + text if drawn.random() < 0.7 else text + head).encode()[:63]
        name = raw.decode(errors="ignore")
        if name not in found:
            found.append(name)
    return found
