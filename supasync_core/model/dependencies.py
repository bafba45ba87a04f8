"""Tables in dependency order: those that others refer to come first."""

import heapq
from collections.abc import Collection, Iterator, Mapping

After = Mapping[str, Collection[str]]
"""The tables in file order, each with the tables that it comes after."""


def parents_first(after: After) -> list[str]:
    """Every table after its parents, otherwise in file order; ValueError where there is a cycle."""
    names, children = list(after), _children(after)
    place = {name: number for number, name in enumerate(names)}
    missing = {name: len(set(parents)) for name, parents in after.items()}
    ready = [place[name] for name in names if not missing[name]]
    done: list[str] = []
    while ready:
        name = names[heapq.heappop(ready)]
        done.append(name)
        for child in children[name]:
            missing[child] -= 1
            if not missing[child]:
                heapq.heappush(ready, place[child])
    if len(done) < len(names):
        waiting = (name for name in names if missing[name])
        raise ValueError(f"these tables wait for each other: {', '.join(waiting)}")
    return done


def cycles(after: After) -> list[list[str]]:
    """Cycles as ``[a, b, a]``: at least one where there is any, and no two share a table."""
    place = {name: number for number, name in enumerate(after)}
    found: list[list[str]] = []
    for group in _groups(after):
        start = min(group, key=place.__getitem__)
        if len(group) > 1 or start in after[start]:
            found.append(_way_back(after, start, group))
    return sorted(found, key=lambda circle: place[circle[0]])


def dependents(after: After, name: str) -> list[str]:
    """The tables that come after this one, directly or through others, in file order."""
    reached = set(_reached(_children(after), name, set()))
    return [table for table in after if table in reached and table != name]


def _children(after: After) -> dict[str, list[str]]:
    """The direct dependents of each table."""
    children: dict[str, list[str]] = {name: [] for name in after}
    for name, parents in after.items():
        for parent in set(parents):
            children[parent].append(name)
    return children


def _groups(after: After) -> Iterator[set[str]]:
    """The strongly connected components, most of them of one table (Kosaraju's algorithm)."""
    seen: set[str] = set()
    left = [each for name in after for each in _reached(after, name, seen)]
    children = _children(after)
    seen = set()
    for name in reversed(left):
        group = set(_reached(children, name, seen))
        if group:
            yield group


def _reached(ways: After, start: str, seen: set[str]) -> Iterator[str]:
    """What is reached from a table, past those that were ``seen``, each once all behind it is done."""
    if start in seen:
        return
    seen.add(start)
    open_: list[tuple[str, Iterator[str]]] = [(start, iter(ways[start]))]
    while open_:
        name, more = open_[-1]
        following = next((each for each in more if each not in seen), None)
        if following is None:
            open_.pop()
            yield name
        else:
            seen.add(following)
            open_.append((following, iter(ways[following])))


def _way_back(after: After, start: str, group: Collection[str]) -> list[str]:
    """The shortest way from a table along its parents to itself, within its group."""
    reached_from: dict[str, str] = {}
    level = [start]
    while start not in reached_from:
        following: list[str] = []
        for name in level:
            for parent in after[name]:
                if parent in group and parent not in reached_from:
                    reached_from[parent] = name
                    following.append(parent)
        level = following
    way = [start]
    while len(way) == 1 or way[-1] != start:
        way.append(reached_from[way[-1]])
    return way[::-1]
