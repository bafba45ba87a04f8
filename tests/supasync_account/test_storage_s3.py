"""The same as hosted, where files are in S3: ETags of large files are of parts, and 416 is an error."""

from collections.abc import Iterator

import pytest

from tests.servers.postgres import Cluster
from tests.supasync_account.storages import Storages, storages

LARGE = bytes(range(256)) * 70_000
"""17.9 MB: two parts of S3."""
BY_COPY = "MD5 taken while copying, unchanged in NEW since"


@pytest.fixture
def hosted(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Storages]:
    with storages(cluster, tmp_path_factory.mktemp("s3"), s3=True) as found:
        yield found


@pytest.mark.slow
def test_what_cannot_be_proven_by_etags_is_said(hosted: Storages) -> None:
    hosted.old.bucket("docs")
    for name, body in (("large", LARGE), ("cut", LARGE), ("empty", b""), ("small", b"1")):
        hosted.old.put("docs", name, body, cache_control="max-age=1")
    cut = {"kind": "reset", "method": "POST", "path": "/storage/v1/object/docs/cut"}
    hosted.space.new.server.misbehave(cut)
    assert "4 objects copied" in hosted.run("sync").out
    old, new = (
        {name: (size, mimetype, cache) for _, name, size, _, mimetype, cache, _ in side.objects()}
        for side in (hosted.old, hosted.new)
    )
    assert new == old
    etags = {name: etag.strip('"') for _, name, _, etag, *_ in hosted.new.objects()}
    assert [name for name, etag in etags.items() if "-" in etag] == ["cut", "large"]
    assert hosted.run("sync", "--json").json["copied"] == 0
    found = hosted.run("verify", "--json").json
    assert found["methods"] == {"MD5 of both sides": 2, BY_COPY: 2}
    for staging in hosted.space.folder.rglob("*.duckdb*"):
        staging.unlink()
    found = hosted.run("verify", "--json").json
    assert found["methods"] == {"MD5 of both sides": 2, "size alone": 2}
    done = hosted.run("sync", code=3)
    assert "docs/large: NEW has another object of this name" in done.err
    hosted.new.put("docs", "large", LARGE[:-1] + b"x", cache_control="max-age=1")
    found = hosted.run("verify", "--exact", "--json", code=1).json
    assert found["changed"] == {"docs/large": ["bytes"]}
    assert found["methods"] == {"all bytes read on both sides": 4}
