"""The app that writes to OLD: what it commits, what it holds open, what it remembers of that."""

import random
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.soak.world import SECOND, UNSEEN, Cells, Ground, Setup

YEAR = 365 * 86_400
RENAMED = 0.05


@dataclass
class App:
    """Writes as supasync's promise supposes; ``log`` tells what happened, for whoever has to find out why."""

    ground: Ground
    dice: random.Random
    steps: int = 0
    log: list[str] = field(default_factory=list)
    held: dict[str, set[int]] = field(default_factory=lambda: defaultdict(set))
    """The keys of rows that may not be touched: of open transactions, and of rows from the future."""
    known: dict[str, dict[int, Cells]] = field(default_factory=lambda: defaultdict(dict))
    """What OLD has committed."""
    changed: dict[str, dict[int, float]] = field(default_factory=lambda: defaultdict(dict))
    """When it did."""
    touched: dict[str, dict[int, float]] = field(default_factory=lambda: defaultdict(dict))
    """When OLD committed an update that leaves the timestamp alone."""
    other: random.Random = field(default_factory=random.Random)
    """Dice for what only some episodes have, so that a seed plays the others as ever."""
    third: random.Random = field(default_factory=random.Random)
    """The same, for keys and reads from the beginning."""
    before: list[Cells] = field(default_factory=list)
    """The rows that the last write to the snapshot changed, as they were."""
    accounts: dict[int, float] = field(default_factory=dict)
    """When each account came into being in NEW."""
    drawn: int = 0
    """The highest key of a log so far."""
    logs_read: bool = False
    """Whether the first load is over: behind it, keys are read again by their number alone."""
    depth: int = 0
    setup: Setup = field(init=False)
    names: list[str] = field(init=False)
    overlap: float = 0.0
    skew: int = 0
    """Seconds by which the clock that stamps rows is ahead of OLD's."""
    slowest: float = 0.0
    """Seconds for which a transaction may be open."""
    keys: int = 0

    def note(self, what: str) -> None:
        """Put it into the log."""
        self.log.append(f"{'  ' * self.depth}{self.ground.time.now:.1f} {what}")

    def move(self) -> None:
        """The app does something, or time passes."""
        self.steps += 1
        moves: list[Callable[[], None]] = [
            self.write, self.write, self.write, self.hold, self.hold, self.delete, self.future, self.advance,
            self.advance, self.arrive, self.back, self.back,
        ]  # fmt: skip
        if self.third.random() < RENAMED:
            self.rename()
        self.dice.choice(moves)()

    def write(self, *, many: bool = False) -> None:
        """Some rows are inserted or updated and committed at once."""
        name = self.dice.choice(self.names)
        rows = self.rows_of(
            name, self.keys // 2 if many or self.dice.random() < 0.1 else self.dice.randint(1, 4)
        )
        if any(rows.values()):
            self.committed(rows, self.ground.begin(rows))
            self.note(f"write {told(rows)}")

    def back(self) -> None:
        """What changed last in the snapshot becomes what it was before."""
        rows: dict[str, list[Cells]] = {
            "things": [row for row in self.before if row["id"] not in self.held["things"]]
        }
        if rows["things"]:
            self.committed(rows, self.ground.begin(rows))
            self.note(f"back {told(rows)}")

    def hold(self) -> None:
        """A transaction stamps rows now and commits later, within the overlap."""
        name = self.dice.choice(self.names)
        if name == "logs" and not self.logs_read:
            return
        rows = self.rows_of(name, self.dice.randint(1, 3))
        if not any(rows.values()):
            return
        seconds = self.dice.choice([0.05, 0.4, 0.9, 0.999]) * self.slowest
        for each, cells in rows.items():
            self.held[each] |= {row["id"] for row in cells}
        commit = self.ground.begin(rows)
        self.note(f"hold {told(rows)} for {seconds:.1f}")

        def due() -> None:
            for each, cells in rows.items():
                self.held[each] -= {row["id"] for row in cells}
            self.committed(rows, commit)
            self.note(f"commit {told(rows)}")

        self.ground.time.at(self.ground.time.now + seconds, due)

    def committed(self, rows: dict[str, list[Cells]], commit: Callable[[], None]) -> None:
        """Commit, and remember what OLD holds from now on."""
        commit()
        if rows.get("things"):
            known = self.known["things"]
            self.before = [known[row["id"]] for row in rows["things"] if row["id"] in known]
        for name, cells in rows.items():
            for row in cells:
                before, self.known[name][row["id"]] = self.known[name].get(row["id"]), row
                if name in UNSEEN and before:
                    self.touched[name][row["id"]] = self.ground.time.now
                else:
                    self.changed[name][row["id"]] = self.ground.time.now

    def rename(self) -> None:
        """A row gets another key, before or behind the place of whoever reads by key, and a new timestamp."""
        if "moments" not in self.names:
            return
        known, held = self.known["moments"], self.held["moments"]
        old = [key for key in sorted(known) if key not in held]
        new = [key for key in range(1, self.keys + 1) if key not in known and key not in held]
        if len(old) < 2 or not new:
            return
        key, at = self.third.choice(old), self.ground.time.instant + self.skew * SECOND
        row = {
            "id": self.third.choice(new),
            "version": self.third.randint(0, 10**9),
            "a": at,
            "b": None,
            "c": at,
        }
        self.committed({"moments": [row]}, self.ground.begin({"moments": [row]}))
        self.ground.delete("moments", key)
        del known[key], self.changed["moments"][key]
        self.note(f"rename moments {key} to {row['id']}")

    def delete(self) -> None:
        """A row that no other refers to goes; one stays, for a table that is emptied is an alarm."""
        names = [name for name in self.names if name not in ("parents", "users")]
        if not names:
            return
        name = self.dice.choice(names)
        free = sorted(self.known[name].keys() - self.held[name])
        if len(free) > 1:
            key = self.dice.choice(free)
            self.ground.delete(name, key)
            del self.known[name][key], self.changed[name][key]
            self.touched[name].pop(key, None)
            self.note(f"delete {name} {key}")

    def future(self) -> None:
        """A row is stamped a year ahead; nobody touches it again, for its timestamp could only fall."""
        names = [name for name in self.names if name in ("moments", "children")]
        if not names or self.dice.random() < 0.7:
            return
        rows = self.rows_of(self.dice.choice(names), 1, ahead=YEAR)
        if any(rows.values()):
            self.committed(rows, self.ground.begin(rows))
            for name, cells in rows.items():
                self.held[name] |= {row["id"] for row in cells}
            self.note(f"future {told(rows)}")

    def advance(self) -> None:
        """Time passes."""
        self.ground.time.tick(self.dice.choice([1.0, 5.0, 30.0, 600.0, 3600.0]))

    def arrive(self) -> None:
        """Somebody who has signed up in OLD has an account in NEW."""
        if keys := sorted(self.known["users"].keys() - self.accounts.keys()):
            self.account(self.dice.choice(keys))

    def account(self, key: int) -> None:
        """An account in NEW."""
        if key not in self.accounts:
            self.accounts[key] = self.ground.time.now
            self.ground.account(key)
            self.note(f"account {key}")

    def rows_of(self, name: str, count: int, ahead: int = 0) -> dict[str, list[Cells]]:
        """New versions of some rows, by table: parents along with their children."""
        dice, at = self.dice, self.ground.time.instant + (self.skew + ahead) * SECOND
        if name == "logs" and self.known[name] and self.other.random() < 0.3:
            free = sorted(self.known[name].keys() - self.held[name])
            keys = self.other.sample(free, min(count, len(free)))
            return {name: [{"id": key, "version": self.other.randint(10, 19)} for key in keys]}
        if name == "logs":
            return {name: [self.log_row() for _ in range(count)]}
        if name == "facts":
            return {name: [self.fact(key, at) for key in self.free([name], count)]}
        if name == "things":
            return {name: [{"id": key, "version": dice.randint(0, 2)} for key in self.free([name], count)]}
        version = dice.randint(0, 10**9)
        if name == "moments":
            return {name: [self.moment(key, version, at) for key in self.free([name], count)]}
        parent, child = ("parents", "children") if name in ("parents", "children") else ("users", "notes")
        keys = self.free([parent, child], count)
        first = [self.parent(parent, key, version, at) for key in keys]
        column = {"children": "parent_id", "notes": "user_id"}[child]
        second: list[Cells] = [{"id": key, column: key, "version": version, "updated_at": at} for key in keys]
        return {parent: first, child: second if dice.random() < 0.7 or name == child else []}

    def free(self, names: list[str], count: int) -> list[int]:
        held = set[int]().union(*(self.held[name] for name in names))
        free = [key for key in range(1, self.keys + 1) if key not in held]
        return sorted(self.dice.sample(free, min(count, len(free))))

    def log_row(self) -> Cells:
        """Keys grow, with gaps, since a sequence counts what was rolled back as well."""
        self.drawn += self.dice.choice([1, 1, 1, 400, 700])
        return {"id": self.drawn, "version": self.dice.randint(0, 9)}

    def fact(self, key: int, at: int) -> Cells:
        """Its timestamp stays what it was when the row was inserted; its value may go back."""
        created = self.known["facts"][key]["created_at"] if key in self.known["facts"] else at
        return {"id": key, "version": self.dice.randint(0, 3), "created_at": created}

    def moment(self, key: int, version: int, at: int) -> Cells:
        """The first column that is not NULL is stamped; those behind it hold anything."""
        first = self.dice.choice("abccd")
        behind = {name: self.dice.choice([None, at, at - 5 * SECOND]) for name in "abc" if name > first}
        before = {name: None for name in "abc" if name < first}
        return {"id": key, "version": version, **before, **behind, **({first: at} if first in "abc" else {})}

    def parent(self, name: str, key: int, version: int, at: int) -> Cells:
        """A parent is created without an update; a user is always stamped."""
        row = {"id": key, "version": version}
        if name == "users":
            return {**row, "updated_at": at}
        if key not in self.known[name]:
            return {**row, "created_at": at, "updated_at": None}
        return {**row, "created_at": self.known[name][key]["created_at"], "updated_at": at}


def told(rows: dict[str, list[Cells]]) -> str:
    """The rows by table, for the log."""
    return ", ".join(f"{name} {[row['id'] for row in cells]}" for name, cells in rows.items() if cells)
