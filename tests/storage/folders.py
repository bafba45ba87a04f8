"""Names of one folder, as the server's search finds them: in batches, between which names are lost.

At the end of a batch the search goes on behind `name/`. So it passes over what sorts between the two, such as
`p-0500-thumb` after `p-0500`: a name before whose end comes one of ` !"#$%&'()*+,-.`.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass

Entry = tuple[str, str | None]
"""What is shown, and the whole name; of a folder there is none."""


@dataclass(frozen=True)
class Level:
    """A folder, and what the names in it begin with; `folded` is blind to capitals."""

    folder: str
    search: str
    folded: bool

    @property
    def prefix(self) -> str:
        """What all names of interest begin with."""
        return self.folder + self.search

    def key(self, name: str) -> str:
        """What a name is compared by."""
        return name.lower() if self.folded else name

    def page(
        self, names: list[str], limit: int, offset: int, *, after: str = "", descending: bool = False
    ) -> list[Entry]:
        """So many entries behind the first ones, by name."""
        wanted = self.key(self.prefix)
        ordered = sorted((self.key(name), name) for name in names if self.key(name).startswith(wanted))
        most = limit + offset
        walk = _Walk(self, [key for key, _ in ordered], [name for _, name in ordered], limit)
        found = walk.backward(most) if descending else walk.forward(most, after)
        return found[offset:]

    def folders_first(self, names: list[str], *, descending: bool) -> list[Entry]:
        """All entries: folders by name, and then the names in the order that they come in."""
        wanted = self.key(self.prefix)
        inside = [name for name in names if self.key(name).startswith(wanted)]
        folders = {self.shown(name): None for name in inside if self.within(name) is not None}
        files: list[Entry] = [(self.shown(name), name) for name in inside if self.within(name) is None]
        return [*((each, None) for each in sorted(folders, reverse=descending)), *files]

    def within(self, name: str) -> str | None:
        """The folder below this one that a name is in, with its slash."""
        at = name.find("/", len(self.prefix))
        return None if at < 0 else name[: at + 1]

    def shown(self, name: str) -> str:
        """A name, or the folder that it is in, without the folder that is listed."""
        return (self.within(name) or name).rstrip("/" if self.within(name) else "")[len(self.folder) :]


@dataclass(frozen=True)
class _Walk:
    level: Level
    keys: list[str]
    names: list[str]
    limit: int

    @property
    def batch(self) -> int:
        return min(max(self.limit * 2, 100), 1000)

    def forward(self, most: int, after: str) -> list[Entry]:
        found: list[Entry] = []
        seek = _behind(self.level.key(after)) if after else self.level.key(self.level.prefix)
        while len(found) < most:
            at = bisect_left(self.keys, seek)
            if at == len(self.keys):
                break
            folder = self.level.within(self.keys[at])
            if folder is not None:
                found.append((self.level.shown(self.names[at]), None))
                seek = folder[:-1] + chr(ord("/") + 1)
                continue
            for each in range(at, min(at + self.batch, len(self.keys))):
                if self.level.within(self.keys[each]) is not None:
                    seek = self.keys[each]
                    break
                found.append((self.level.shown(self.names[each]), self.names[each]))
                seek = self.keys[each] + "/"
                if len(found) >= most:
                    break
        return found

    def backward(self, most: int) -> list[Entry]:
        found: list[Entry] = []
        at = len(self.keys) - 1
        while at >= 0 and len(found) < most:
            folder = self.level.within(self.keys[at])
            name = None if folder is not None else self.names[at]
            found.append((self.level.shown(self.names[at]), name))
            at = (at if folder is None else bisect_left(self.keys, folder)) - 1
        return found


def _behind(name: str) -> str:
    return name[:-1] + chr(ord("/") + 1) if name.endswith("/") else name + "/"
