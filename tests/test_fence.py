"""Every built-in sink asks the fence before it writes or deletes, and writes nothing where it is refused."""

from contextlib import closing
from pathlib import Path

import pytest

from supasync_core.api.backend import Buffered
from supasync_core.api.plugin_host import Host
from supasync_core.api.registration import Context, Fence
from supasync_core.model.batch import Batch
from supasync_core.model.cost import Ledger
from supasync_core.model.errors import LockedError
from supasync_core.model.table import Table

TABLE = Table(name="jobs")
ROW = Batch(b'[{"id":1}]')


class Shut:
    """A lease that has ended."""

    asked = 0

    def ask(self) -> None:
        self.asked += 1
        raise LockedError("another run has it")


@pytest.mark.parametrize("backend", ["csv", "duckdb"])
def test_a_file_is_not_written_under_a_lease_that_has_ended(tmp_path: Path, backend: str) -> None:
    host = Host()
    host.load_installed()
    shut, fence = Shut(), Fence()
    place = tmp_path / "new"
    context = Context({"path": str(place)}, tmp_path, Ledger(), "NEW", fence)
    with closing(host.sinks.get(backend).open(context)) as sink:
        assert sink.upsert(TABLE, ROW) == 1
        assert isinstance(sink, Buffered)
        sink.flush()
        fence.ask = shut.ask
        with pytest.raises(LockedError):
            sink.upsert(TABLE, Batch(b'[{"id":2}]'))
        with pytest.raises(LockedError):
            sink.delete(TABLE, [("1",)])
        assert (sink.count(TABLE), shut.asked) == (1, 2)


@pytest.mark.parametrize("backend", ["csv", "duckdb"])
def test_what_waits_when_the_lease_ends_is_not_written(tmp_path: Path, backend: str) -> None:
    host = Host()
    host.load_installed()
    context = Context({"path": str(tmp_path / "new")}, tmp_path, Ledger(), "NEW", Fence())
    sink = host.sinks.get(backend).open(context)
    assert isinstance(sink, Buffered)
    sink.upsert(TABLE, ROW)
    context.fence.ask = Shut().ask
    for write in (sink.flush, sink.close):
        with pytest.raises(LockedError):
            write()
    context.fence.ask = lambda: None
    with closing(host.sinks.get(backend).open(context)) as again:
        assert again.count(TABLE) == 0
