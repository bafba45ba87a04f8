"""A backend that is not `parallel` is used by one thread at a time, whatever the engine does meanwhile."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from supasync_core.concurrency.one_at_a_time import one_at_a_time


@dataclass(frozen=True, slots=True)
class Connection:
    """Notes how many are in it at once."""

    seen: list[int] = field(default_factory=list)
    inside: list[None] = field(default_factory=list)

    def read(self) -> int:
        self.inside.append(None)
        time.sleep(0.001)
        self.seen.append(len(self.inside))
        self.inside.pop()
        return 1

    def rows(self) -> Iterator[int]:
        for _ in range(3):
            yield self.read()

    @staticmethod
    def name() -> str:
        return "connection"


def test_threads_take_turns() -> None:
    side = one_at_a_time(Connection())
    assert isinstance(side, Connection)
    assert side.name() == "connection"
    with ThreadPoolExecutor(4) as pool:
        reads = [pool.submit(side.read) for _ in range(20)]
        rows = [pool.submit(lambda: sum(side.rows())) for _ in range(5)]
        assert sum(each.result() for each in reads) == 20
        assert [each.result() for each in rows] == [3] * 5
    assert set(side.seen) == {1}
