"""One random schedule: an app that writes, runs that are disturbed, and in the end one that is not.

Time is virtual: hours pass at once. Every write keeps to what supasync promises: a row's timestamp moves
forward, and a transaction commits within the overlap of its timestamps. Deletes are not promised, so rows
that OLD deleted are left out of every comparison.

What is promised is looked at behind every table that was copied to its end, not only at the end of all: a row
that changed longer ago than the overlap when the run began is in NEW as it is in OLD.
"""

from dataclasses import dataclass, replace
from random import Random

from supasync_core.model.errors import RefusedError, SupasyncError, TransientError
from supasync_core.model.report import Report
from supasync_core.model.table import Table
from tests.soak import keys
from tests.soak.app import App
from tests.soak.world import GROUPS, TABLES, UNSEEN, CutError, KilledError, Setup, Weather, limited

SKEWS = (0, 0, 0, 8 * 3600, -8 * 3600)
ACTS = ("", "", "moves", "moves", "kill", "kill", "kill_late", "fail", "sleep", "rival")
"""What may happen to a run, by the method's name."""
COUNTED = ("moments", "parents", "children", "logs")
"""Tables whose runs send every row that they find: nothing is unchanged there, and nothing waits."""
SLEEP = 700.0
"""Seconds: longer than a lease."""
MONTHS = 200 * 86_400.0
"""Seconds after which a comparison has ended, a few pages in each run."""
LATE = 18.0
"""Seconds within which a write that was sent takes effect or never will."""


class LostError(AssertionError):
    """A row is missing in NEW, or is not as it is in OLD."""


@dataclass
class Episode(App):
    """The state of one schedule; ``log`` tells what happened, for whoever has to find out why."""

    again: float = 0.0
    """How often a run begins a table again."""
    disturbed_at: float = -1.0
    """When a run that had ended, or had lost its lease, last wrote into NEW."""

    def play(self, steps: int) -> None:
        """Run a schedule, then one undisturbed run, and compare all rows."""
        self.begin()
        if self.dice.random() < 0.7:
            for _ in range(self.dice.randint(1, 4)):
                self.write(many=True)
            self.run(Weather())
        while self.steps < steps:
            self.move() if self.dice.random() < 0.6 else self.disturbed()
        self.end()

    def begin(self) -> None:
        """Choose the tables and how they are read."""
        dice = self.dice
        groups = sorted(dice.sample(GROUPS, dice.choice([1, 1, 2, 3])))
        self.names = [name for group in groups for name in group]
        self.other = Random(repr(dice.getstate()))  # noqa: S311 - dice
        if self.other.random() < 0.4:
            self.names.append("facts")
        self.third = Random(repr(self.other.getstate()))  # noqa: S311 - dice
        style = self.third.choice(self.ground.styles)
        self.again = self.third.choice([0, 0, 0.1, 0.4])
        self.overlap, size = dice.choice([6.0, 20.0, 900.0]), dice.choice([2, 3, 5, 50, 1000])
        self.setup = Setup(
            tables=tuple(limited(keyed(style, name), self.overlap, size) for name in self.names),
            keys=style,
            horizon=dice.random() < 0.5,
            checkpoint=dice.choice([1, 8, 10_000, 10_000]),
            versions=self.other.random() < 0.8,
            share=self.other.choice([3, 9, 1_000_000]),
            readers=Random(repr(self.third.getstate())).choice([1, 1, 2, 3]),  # noqa: S311 - dice
        )
        self.skew = dice.choice(SKEWS)
        self.slowest = 5 * 3600.0 if self.setup.horizon and not self.skew else self.overlap
        self.keys = dice.choice([6, 12, 30])
        self.ground.prepare(self.setup)
        self.note(
            f"{self.names} by {style}, pages of {size}, overlap {self.overlap:.0f}, "
            f"horizon {self.setup.horizon}, readers {self.setup.readers}"
        )

    def end(self) -> None:
        """Everything settles; the next run makes all of it good."""
        self.again = 0  # a comparison that is forgotten does not end
        self.ground.time.tick(self.slowest + LATE)
        for name in ("users", "notes"):
            for key in self.known[name]:
                self.account(key)
        self.ground.time.tick(3 * self.overlap + SLEEP)
        report = self.run(Weather())
        self.ground.time.tick(1)
        assert report, "no run"
        if report.status != "success":
            raise LostError(f"{report.status}: {report.error}")
        began = self.ground.time.now
        while any(self.ground.walked(name) < began for name in UNSEEN if name in self.names):
            self.ground.time.tick(6 * 3600)
            if self.ground.time.now > began + MONTHS:
                raise LostError("a comparison does not end")
            self.run(Weather())
        for name in self.names:
            self.compare(name, self.ground.time.now, 0)

    def disturbed(self) -> None:
        """A run to which something happens, or nothing."""
        self.steps += 1
        dice = self.dice
        waiting = [dice.choice(ACTS)]
        at = dice.randint(1, dice.choice([4, 12]))
        stop_at = dice.randint(1, 12) if dice.random() < 0.1 else 0
        seen = 0

        def hook(event: str) -> None:
            nonlocal seen
            seen += 1
            if seen >= at and waiting and fits(waiting[0], event):
                self.act(waiting.pop(), event)

        self.run(
            Weather(
                hook=hook,
                count_fails=dice.random() < 0.1,
                cut=1 if dice.random() < 0.05 else None,
                slow=dice.choice([0.1, 0.1, 1.0, 6.0, 30.0]),
                heavy=dice.choice([0.1, 0.1, 0.1, 5.0, 100.0]),
                stop=lambda: bool(stop_at) and seen >= stop_at,
            )
        )

    def act(self, name: str, event: str) -> None:
        """Let it happen, in the middle of a run."""
        if name:
            self.note(f"{event}: {name}")
            self.depth += 1
            try:
                getattr(self, name)()
            finally:
                self.depth -= 1

    def moves(self) -> None:
        """The app goes on meanwhile."""
        for _ in range(self.dice.randint(1, 4)):
            self.move()

    def kill(self) -> None:
        """The process is gone."""
        raise KilledError

    def kill_late(self) -> None:
        """The process is gone, and what it sent waits in NEW."""
        raise KilledError(late=self.dice.uniform(0.1, LATE))

    def fail(self) -> None:
        """A request fails, once or each time."""
        raise self.dice.choice([CutError, TransientError, RefusedError])("made up")

    def sleep(self) -> None:
        """The machine sleeps longer than its lease; another one runs meanwhile, perhaps twice."""
        self.ground.time.tick(SLEEP)
        for _ in range(self.dice.randint(1, 2)):
            self.moves()
            self.rival()
        self.disturbed_at = self.ground.time.now

    def rival(self) -> None:
        """Another machine tries a run of its own."""
        self.run(Weather(), holder="another machine")

    def run(self, weather: Weather, holder: str = "this machine") -> Report | None:
        """One run, and a look at what it promises where it ended; None where it did not."""
        began = self.ground.time.now
        self.note(f"run of {holder}")
        self.depth += 1
        try:
            report = self.ground.sync(weather, holder, self.whole())
        except KilledError as killed:
            self.disturbed_at = max(self.disturbed_at, self.ground.time.now + (killed.late or 0))
            self.note("killed")
            return None
        except SupasyncError as err:
            self.note(f"{type(err).__name__}: {err}")
            return None
        finally:
            self.depth -= 1
        self.note(f"{report.status}: {', '.join(f'{t.name} {t.synced}/{t.found}' for t in report.tables)}")
        self.look(report, began)
        return report

    def whole(self) -> list[str]:
        """Tables that are read from their beginning, for which a person has asked."""
        tables = [name for name in self.names if name not in ("things", "logs")]
        if not tables or self.third.random() >= self.again:
            return []
        name = self.third.choice(tables)
        self.note(f"{name} again")
        return [name]

    def look(self, report: Report, began: float) -> None:
        """What a table that is said to be copied promises."""
        for result in report.tables:
            if result.exit_code == 1:
                raise LostError(f"{result.error}")
            if result.status != "ok":
                continue
            if result.name == "logs" and result.synced:
                self.logs_read = True
            if not result.refused and result.found != result.synced and result.name in COUNTED:
                raise LostError(
                    f"{result.name}: {result.synced} of {result.found} rows, and it is said to be ok"
                )
            if self.disturbed_at < began:
                self.compare(result.name, began, 0 if result.name == "things" else self.overlap)

    def compare(self, name: str, began: float, overlap: float) -> None:
        """Every row that changed longer ago than the overlap at that moment is in NEW as it is in OLD."""
        known, walked = self.touched[name], self.ground.walked(name) if name in UNSEEN else 0
        wanted = [
            key
            for key, at in self.changed[name].items()
            if at < began - overlap and known.get(key, -1) < max(walked, 0)
        ]
        if not wanted:
            return
        old, new = self.ground.rows("OLD", name), self.ground.rows("NEW", name)
        wrong = [key for key in wanted if new.get(key) != old[key] and not self.waits(name, key, began)]
        if wrong:
            shown = [(key, old[key], new.get(key)) for key in wrong[:3]]
            raise LostError(f"{name}: {len(wrong)} rows lost or wrong: {shown}")

    def waits(self, name: str, key: int, began: float) -> bool:
        """Whether the row's account was not there yet."""
        return name in ("users", "notes") and self.accounts.get(key, began) >= began


def keyed(style: str, name: str) -> Table:
    """The table with a key of that style, where its keys have one."""
    return replace(TABLES[name], key=keys.columns(style, name))


def fits(act: str, event: str) -> bool:
    """Whether it can happen there."""
    return event == "upsert" if act == "kill_late" else event != "survey" or act == "moves"
