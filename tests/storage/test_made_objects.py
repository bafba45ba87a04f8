"""What tests put into a project is what its server would have made of the same uploads."""

from __future__ import annotations

import json
from base64 import b64encode
from typing import TYPE_CHECKING
from urllib.parse import quote

from tests.servers.hosted import HOSTED, STORAGE
from tests.storage import made_objects, replay
from tests.storage.files import Files
from tests.storage.launch import serve

if TYPE_CHECKING:
    from pathlib import Path

    from tests.servers.postgres import Cluster
    from tests.storage.made_objects import Object

NAMES = 300


def _headers(each: Object) -> dict[str, str]:
    told = {"apikey": replay.SECRET_KEY, "content-type": each.mimetype, "cache-control": each.cache_control}
    if each.user_metadata:
        told["x-metadata"] = b64encode(json.dumps(each.user_metadata).encode()).decode()
    return told | ({"x-robots-tag": each.robots} if each.robots else {})


def test_objects_that_are_put_equal_objects_that_are_sent(cluster: Cluster, tmp_path: Path) -> None:
    cluster.create("made_objects", HOSTED + STORAGE)
    url = cluster.url("made_objects")
    objects = [*made_objects.many(NAMES)]
    assert len({each.name for each in objects}) == NAMES
    files = Files(tmp_path)
    assert made_objects.put(url, files, "put", objects) == NAMES
    with serve(cluster.url("made_objects", "authenticator"), tmp_path, keys=replay.KEYS) as server:
        head = {"apikey": replay.SECRET_KEY, "content-type": "application/json"}
        replay.request(server.url, "POST", "/storage/v1/bucket", head, b'{"name":"sent"}')
        for each in objects:
            path = f"/storage/v1/object/sent/{quote(each.name)}"
            answer = replay.request(server.url, "POST", path, _headers(each), each.body)
            assert answer.status == 200, (each.name, answer.body)
            answer = replay.request(server.url, "GET", path.replace("/sent/", "/put/"), head)
            assert (answer.status, answer.body) == (200, each.body), each.name
    found = made_objects.described(url, files)
    assert [each[1:] for each in found[:NAMES]] == [each[1:] for each in found[NAMES:]]
    cluster.drop("made_objects")
