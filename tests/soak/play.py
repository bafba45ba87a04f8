"""Play episodes: ``python -m tests.soak.play --steps 100000 [--memory | --people] [--seed N]``."""

import argparse
import random
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from tests.servers.postgres import Cluster
from tests.soak import memory, people, servers
from tests.soak.episode import Episode
from tests.soak.world import Ground

STEPS = 40
"""Of one episode, before the run that makes all of it good."""
PIECES = {"in memory": 10_000, "on real servers": 2_000, "of people": 2_000}
"""Steps that are played on one ground, and told of."""
_clock = time.monotonic  # the real one, which no ground replaces


def play(ground: Ground, seed: int, steps: int = STEPS) -> int:
    """One episode from a clean start; how many steps it took. What it asserts is in `Episode`."""
    episode = Episode(ground, random.Random(seed))  # noqa: S311 - dice
    try:
        episode.play(steps)
    except BaseException as err:
        err.add_note("\n".join([*episode.log, f"the episode with seed {seed} failed"]))
        raise
    return episode.steps


def piece(ground: Ground, seed: int, steps: int) -> tuple[int, int]:
    """Episodes of consecutive seeds for so many steps: how many there were, and their steps."""
    episodes = played = 0
    while played < steps:
        played += play(ground, seed + episodes)
        episodes += 1
    return episodes, played


def of_people(seed: int, steps: int) -> tuple[int, int]:
    """Schedules of people of consecutive seeds, in the same way."""
    episodes = played = 0
    with tempfile.TemporaryDirectory() as folder, Cluster.start(Path(folder)) as cluster:
        work = Path(folder) / "work"
        work.mkdir()
        with people.ground(cluster, work) as made:
            while played < steps:
                played += people.play(made, seed + episodes)
                episodes += 1
    return episodes, played


@contextmanager
def real() -> Iterator[Ground]:
    """A ground of servers that nobody else uses."""
    with tempfile.TemporaryDirectory() as folder, Cluster.start(Path(folder)) as cluster:
        work = Path(folder) / "work"
        work.mkdir()
        with servers.ground(cluster, work) as made:
            yield made


def main() -> None:
    """Play, and say which seeds; an episode that fails ends it with its log and exit code 1."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=100_000)
    parser.add_argument("--memory", action="store_true", help="in memory instead of on real servers")
    parser.add_argument("--people", action="store_true", help="accounts beside rows, on real servers")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**9))
    options = parser.parse_args()
    where = "of people" if options.people else "in memory" if options.memory else "on real servers"
    seed, left = options.seed, options.steps
    while left > 0:
        began = _clock()
        wanted = min(left, PIECES[where])
        if options.people:
            episodes, played = of_people(seed, wanted)
        else:
            opened: AbstractContextManager[Ground] = memory.ground() if options.memory else real()
            with opened as ground:
                episodes, played = piece(ground, seed, wanted)
        say(
            f"seeds {seed} to {seed + episodes - 1} {where}: {played:,} steps in {_clock() - began:.0f} s, "
            "nothing lost, nothing changed"
        )
        seed, left = seed + episodes, left - played
    say(f"{options.steps:,} steps {where} from seed {options.seed}: nothing lost, nothing changed")


def say(line: str) -> None:
    """Print a line at once, also into a log."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
