"""A damaged file never ends in a traceback, and damage that can be seen never passes in silence."""

import json
from collections.abc import Iterator
from hashlib import md5

import pytest
from hypothesis import HealthCheck, example, given
from hypothesis import strategies as st

from supasync_core.staging.staging_file import Staging
from tests.examples import few
from tests.gap.test_forensics import Bench, text

PLAIN = {"raw": "", "doc": "", "tags": ""}
SOUND = text(
    *({**PLAIN, "id": str(i), "note": f"n{i}", "name": 'a "b", c\r\nd'} for i in range(1, 8))
).encode()
LINES = SOUND.split(b"\r\n")
BYTES = st.binary(max_size=6) | st.sampled_from(
    [b'"', b",", b"\r\n", b"\n", b"\xff", b"\0", b'""', b"\xef\xbb\xbf"]
)
any_damage = few(12, suppress_health_check=list(HealthCheck))


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    folder = tmp_path_factory.mktemp("fuzz")
    staging = Staging(folder / "staging.duckdb")
    yield Bench(folder, staging)
    staging.close()


@pytest.mark.slow
@any_damage
@given(at=st.integers(0, len(SOUND)), cut=st.integers(0, 40), put=BYTES)
def test_any_damage_ends_in_findings_or_in_rows(bench: Bench, at: int, cut: int, put: bytes) -> None:
    body = SOUND[:at] + put + SOUND[at + cut :]
    loaded, found = bench.load(body)
    found += bench.settle()
    assert loaded or found
    for row in bench.rows():
        json.dumps(row)
        assert str(row["id"]).lstrip("-").isdigit()


@pytest.mark.slow
@any_damage
@given(keep=st.integers(1, len(SOUND) - 1))
def test_a_file_that_ends_too_early_in_a_row_is_reported(bench: Bench, keep: int) -> None:
    _, found = bench.load(SOUND[:keep])
    found += bench.settle()
    whole = {str(row["id"]): row for row in bench.rows()}
    bench.load(SOUND)
    sound = {str(row["id"]): row for row in bench.rows()}
    changed = [key for key, row in whole.items() if sound.get(key) != row]
    assert not changed or any(each.level == "error" for each in found), (keep, changed)


EXACT_ROWS = [
    json.dumps({"id": i, "note": f"n{i}", "updated_at": "2024-01-01T00:00:00+00:00"}) for i in range(6)
]


def exact() -> bytes:
    """A file of the exact form, its digests as PostgreSQL makes them."""
    head = {
        "table": "jobs",
        "rows": 6,
        "chunks": 2,
        "at": "2024-02-01T00:00:00+00:00",
        "complete": True,
        "from": {},
    }
    text = _own(head)
    lines = [f'{text[:-1]}, "md5" : "{_md5(text)}"}}']
    for number in range(2):
        rows = EXACT_ROWS[number * 3 : number * 3 + 3]
        own = {"chunk": number, "rows": 3, "md5": _md5("\n".join(rows)), "first": ["x"], "last": ["y"]}
        lines.append(_own(own))
        lines += rows
    quoted = ['"' + line.replace('"', '""') + '"' for line in lines]
    return "\r\n".join(["supasync_exact", *quoted]).encode()


def _md5(text: str) -> str:
    return md5(text.encode(), usedforsecurity=False).hexdigest()


def _own(values: dict[str, object]) -> str:
    return '{"supasync" : 1, ' + json.dumps(values).removeprefix("{")


def test_the_exact_form_is_read(bench: Bench) -> None:
    loaded, found = bench.load(exact())
    assert found == []
    assert loaded[0].proof is not None
    assert len(bench.rows()) == 6


@any_damage
@example(at=88, cut=38, put=b"")
@example(at=95, cut=4, put=b"2025")
@given(at=st.integers(len("supasync_exact\r\n"), len(exact())), cut=st.integers(0, 60), put=BYTES)
def test_no_damage_to_the_exact_form_passes(bench: Bench, at: int, cut: int, put: bytes) -> None:
    """Any change of a row is found; what remains staged is as it was."""
    body = exact()
    damaged = body[:at] + put + body[at + cut :]
    loaded, found = bench.load(damaged)
    sound = {json.loads(row)["id"]: json.loads(row) for row in EXACT_ROWS}
    for row in bench.rows():
        assert {**row, "id": int(str(row["id"]))} == sound[int(str(row["id"]))]
    complete = bool(loaded) and loaded[0].proof is not None
    assert found or (complete and len(bench.rows()) == 6)
