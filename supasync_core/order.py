"""Tables in the order in which their rows can be written: those that are referred to come first."""

from collections.abc import Collection, Mapping

After = Mapping[str, Collection[str]]
"""The tables in file order, each with the tables that it comes after."""


def parents_first(after: After) -> list[str]:
    """Every table after its parents, otherwise as in the file; ValueError where tables wait in a circle."""
    waiting, done = list(after), dict[str, None]()
    while waiting:
        ready = next((name for name in waiting if all(parent in done for parent in after[name])), None)
        if ready is None:
            raise ValueError(f"these tables wait for each other: {', '.join(waiting)}")
        waiting.remove(ready)
        done[ready] = None
    return list(done)


def cycles(after: After) -> list[list[str]]:
    """Circles of tables that wait for each other, ``[a, b, a]``: one at least, and none shares a table."""
    found: list[list[str]] = []
    named: set[str] = set()
    for name in after:
        if name not in named:
            path = _way_back(after, name, named)
            named.update(path)
            found.extend([path] if path else [])
    return found


def dependents(after: After, name: str) -> list[str]:
    """The tables that come after this one, directly or through others, in file order."""
    reached = {name}
    while True:
        more = {table for table, parents in after.items() if not reached.isdisjoint(parents)} - reached
        if not more:
            return [table for table in after if table in reached and table != name]
        reached |= more


def _way_back(after: After, start: str, avoid: Collection[str]) -> list[str]:
    """The shortest way from a table along its parents to itself, past tables to avoid; empty without one."""
    ways = [[start]]
    seen = set(avoid)
    while ways:
        way = ways.pop(0)
        for parent in after[way[-1]]:
            if parent == start:
                return [*way, start]
            if parent not in seen:
                seen.add(parent)
                ways.append([*way, parent])
    return []
