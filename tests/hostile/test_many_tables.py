"""However many tables a server lists, and whatever it says of them, looking at them ends."""

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import yaml

from supasync_core.api.registration import Context
from supasync_core.init import undecided
from supasync_core.model.cost import Ledger
from supasync_core.project.migration import Migration
from supasync_core.project.session import Session
from supasync_rest.retry_policy import RetryPolicy
from supasync_rest.sink import RestSink
from supasync_rest.source import RestSource
from supasync_rest.store import RestStore
from tests.hostile.server import answer, serving

KEY = "sb_secret_Invented0Invented1Invented2"
MANY = 300
COLUMNS = {"id": {"format": "bigint", "description": "This is a Primary Key.<pk/>"}}
ROOT = json.dumps(
    {"paths": {}, "definitions": {f"t{n}": {"properties": COLUMNS} for n in range(MANY)}}
).encode()


@pytest.mark.slow
@pytest.mark.parametrize(("patience", "most"), [(0.0, 1), (60.0, MANY)])
def test_a_side_that_fails_for_every_table_is_not_asked_for_each(
    patience: float, most: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(undecided, "COUNTING_SECONDS", patience)
    asked: Counter[str] = Counter()

    def said(request: bytes) -> Iterator[bytes]:
        path = request.split(b" ")[1].decode()
        if path.split("?")[0] == "/rest/v1/":
            yield answer(ROOT)
            return
        asked[request.partition(b"Host: ")[2].split(b":")[0].decode()] += "/rest/v1/t" in path
        yield answer(b"", status="502 No")

    with serving(said) as url:
        ends = {"OLD": url, "NEW": url.replace("127.0.0.1", "localhost")}
        old_end, new_end = ({"backend": "rest", "key": "${KEY}", "url": each} for each in ends.values())
        written = {"version": 1, "source": old_end, "sink": new_end, "tables": {"t5": {"key": "id"}}}
        (tmp_path / "tables.yaml").write_text(yaml.safe_dump(written))
        (tmp_path / ".env").write_text(f"KEY={KEY}\n")
        session = Session(config=str(tmp_path / "tables.yaml"))
        contexts = {
            name: Context(settings={"url": each, "key": KEY}, folder=tmp_path, ledger=Ledger(), project=name)
            for name, each in ends.items()
        }
        once = RetryPolicy(attempts=1)
        with (
            closing(RestSource(contexts["OLD"], once)) as old,
            closing(RestSink(contexts["NEW"], once)) as new,
            closing(RestStore(contexts["NEW"], once)) as store,
        ):
            migration = Migration(session.settings, session.host, Ledger(), old, new, store)
            found = undecided.list_undecided(migration)
    assert len(found.tables) == MANY - 1
    assert all("not counted in OLD, not counted in NEW" in each.sentence for each in found.tables)
    assert max(asked.values()) <= most
    assert min(asked.values()) >= min(most, MANY - 1)
