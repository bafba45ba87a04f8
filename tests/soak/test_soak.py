"""A short soak with every run of the suite; schedules that found a defect once stay by their seed."""

import os
import random
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.e2e.workspace import Workspace
from tests.servers.postgres import Cluster
from tests.soak.play import ground, play, play_for

SECONDS = float(os.environ.get("SOAK_SECONDS", "45"))


@pytest.fixture
def space(cluster: Cluster, tmp_path: Path) -> Iterator[Workspace]:
    with ground(cluster, tmp_path) as made:
        yield made


@pytest.mark.timeout(SECONDS + 300)
def test_nothing_is_lost_under_random_schedules(
    space: Workspace, record_property: Callable[[str, object], None]
) -> None:
    seed = random.SystemRandom().randrange(10**9)
    count = play_for(space, SECONDS, seed)
    record_property("summary", f"soak: {count} episodes from seed {seed}, nothing lost")
    assert count


@pytest.mark.parametrize("seed", [1, 2, 3, 305922964])
def test_these_schedules_lose_nothing(space: Workspace, seed: int) -> None:
    play(space, seed)
