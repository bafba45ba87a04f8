"""Tables in dependency order: those that others refer to come first."""

import heapq
from collections.abc import Collection, Iterator, Mapping
from graphlib import CycleError, TopologicalSorter

Parents = Mapping[str, Collection[str]]
"""The tables in file order, each with the tables that it depends on."""


def parents_first(parents_of: Parents) -> list[str]:
    """Every table after its parents, otherwise in file order; ValueError where there is a cycle."""
    order = TopologicalSorter(parents_of)
    try:
        order.prepare()
    except CycleError as err:
        raise ValueError(f"these tables wait for each other: {', '.join(err.args[1])}") from err
    names = list(parents_of)
    place = {name: number for number, name in enumerate(names)}
    ready: list[int] = []
    done: list[str] = []
    while order.is_active():
        for name in order.get_ready():
            heapq.heappush(ready, place[name])
        done.append(names[heapq.heappop(ready)])
        order.done(done[-1])
    return done


def cycles(parents_of: Parents) -> list[list[str]]:
    """Cycles as ``[a, b, a]``: at least one where there is any, and no two share a table."""
    place = {name: number for number, name in enumerate(parents_of)}
    found: list[list[str]] = []
    for group in _components(parents_of):
        start = min(group, key=place.__getitem__)
        if len(group) > 1 or start in parents_of[start]:
            found.append(_shortest_cycle(parents_of, start, group))
    return sorted(found, key=lambda circle: place[circle[0]])


def dependents(parents_of: Parents, name: str) -> list[str]:
    """The tables that depend on this one, directly or through others, in file order."""
    reached = set(_postorder(_children(parents_of), name, set()))
    return [table for table in parents_of if table in reached and table != name]


def _children(parents_of: Parents) -> dict[str, list[str]]:
    """The direct dependents of each table."""
    children: dict[str, list[str]] = {name: [] for name in parents_of}
    for name, parents in parents_of.items():
        for parent in set(parents):
            children[parent].append(name)
    return children


def _components(parents_of: Parents) -> Iterator[set[str]]:
    """The strongly connected components, most of them of one table (Kosaraju's algorithm)."""
    seen: set[str] = set()
    left = [each for name in parents_of for each in _postorder(parents_of, name, seen)]
    children = _children(parents_of)
    seen = set()
    for name in reversed(left):
        group = set(_postorder(children, name, seen))
        if group:
            yield group


def _postorder(ways: Parents, start: str, seen: set[str]) -> Iterator[str]:
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


def _shortest_cycle(parents_of: Parents, start: str, group: Collection[str]) -> list[str]:
    """The shortest way from a table along its parents to itself, within its group."""
    reached_from: dict[str, str] = {}
    level = [start]
    while start not in reached_from:
        following: list[str] = []
        for name in level:
            for parent in parents_of[name]:
                if parent in group and parent not in reached_from:
                    reached_from[parent] = name
                    following.append(parent)
        level = following
    way = [start]
    while len(way) == 1 or way[-1] != start:
        way.append(reached_from[way[-1]])
    return way[::-1]
