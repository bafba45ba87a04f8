"""A short soak with every run of the suite; schedules that found a defect once stay by their seed."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.servers.postgres import Cluster
from tests.soak import memory, people, servers
from tests.soak.memory import MemoryGround
from tests.soak.people import PeopleGround
from tests.soak.play import play
from tests.soak.servers import ServerGround


@pytest.fixture
def in_memory() -> Iterator[MemoryGround]:
    with memory.ground() as made:
        yield made


@pytest.fixture
def on_servers(cluster: Cluster, tmp_path: Path) -> Iterator[ServerGround]:
    with servers.ground(cluster, tmp_path) as made:
        yield made


SEEDS = (0, 4, 6, 7, 8, 10, 13, 18, 20, 21, 22, 26, 28, 29, 31, 32, 33, 35, 39, 41, 43, 46, 48, 49, 53, 54)
FOUND = (5001269, 11003296)
"""Of a clock behind OLD's: a late write, and a commit behind the place of a long read."""


@pytest.mark.slow
def test_these_schedules_lose_nothing_in_memory(in_memory: MemoryGround) -> None:
    for seed in (*SEEDS, *FOUND):
        play(in_memory, seed)


def test_these_schedules_lose_nothing_on_real_servers(on_servers: ServerGround) -> None:
    for seed in SEEDS[:12]:
        play(on_servers, seed)


@pytest.fixture
def with_people(cluster: Cluster, tmp_path: Path) -> Iterator[PeopleGround]:
    with people.ground(cluster, tmp_path) as made:
        yield made


def test_no_person_is_lost_and_nobody_is_let_in_who_was_banned(with_people: PeopleGround) -> None:
    people.play(with_people, 100)
    people.play(with_people, 103, ways=["keys"])
