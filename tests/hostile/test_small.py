"""Small doors: spreadsheets, filters, encodings, plugins, variables, keys and webhooks."""

import base64
import csv
import importlib.util
import io
import json
import os
import py_compile
import struct
import time
from pathlib import Path

import pytest

from supasync_core.api.plugin_host import Host
from supasync_core.api.registration import Context
from supasync_core.config.environment import Environment, read_dotenv
from supasync_core.model.cost import Ledger
from supasync_core.model.errors import PluginError, SchemaError, SupasyncError
from supasync_core.model.report import Report, TableResult
from supasync_core.model.table import Table
from supasync_core.staging.csv.file_format import examine
from supasync_core.staging.csv.packed import UnreadableFileError
from supasync_core.system.files import defused
from supasync_notify.run_changes import changes, plain
from supasync_rest.query import user_filter
from supasync_rest.source import RestSource

FORMULAS = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20")

UNSEEN = ("\0", "\x01", "\x7f", "\x9f", "\u061c", "\u115f", "\u180e", "\u202a", "\u2066", "\u2800", "\u3164")


@pytest.mark.parametrize(
    "before", ["", "\n", "a\n", " ", "\ufeff", "\u200b", "\u00a0", "1;", "\ufeff \u200b", *UNSEEN]
)
@pytest.mark.parametrize("mark", FORMULAS)
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_no_part_of_a_cell_is_a_formula(before: str, mark: str, delimiter: str) -> None:
    out = io.StringIO()
    csv.writer(out).writerow([defused(f"{before}{mark}1+1"), defused("-1.5"), "x"])
    for row in csv.reader(io.StringIO(out.getvalue(), newline=""), delimiter=delimiter):
        for cell in row:
            for line in cell.split("\n"):
                bare = line.strip().strip("".join(("\ufeff\u200b\u00a0 ", *UNSEEN)))
                assert not bare.startswith(FORMULAS) or bare.startswith("-1.5"), (row, cell)


def test_a_number_stays_a_number() -> None:
    assert [defused(text) for text in ("-1.5", "+3", "7", "a=b", None)] == ["-1.5", "+3", "7", "a=b", None]


@pytest.mark.parametrize(
    "where", ["%6Fffset=40", "id=gt.1&%6cimit=1", "o%66fset=1", "%73elect=id", "+limit=1"]
)
def test_no_spelling_of_a_filter_pages(where: str) -> None:
    with pytest.raises(SchemaError, match="is not a filter"):
        user_filter(Table(name="users", where=where))


@pytest.mark.parametrize("name", ["rot13", "base64", "zlib", "hex", "bz2"])
def test_an_encoding_is_one_of_text(tmp_path: Path, name: str) -> None:
    path = tmp_path / "users.csv"
    path.write_text("id\n1\n")
    with pytest.raises(UnreadableFileError, match="unknown encoding"):
        examine(path, name, tmp_path / "draft", frozenset({"id"}))


@pytest.mark.skipif(os.name != "posix", reason="FIFOs and rights are POSIX's")
def test_a_fifo_is_no_file(tmp_path: Path) -> None:
    for name in ("users.csv", ".env"):
        os.mkfifo(tmp_path / name)
    with pytest.raises(UnreadableFileError, match="regular"):
        examine(tmp_path / "users.csv", None, tmp_path / "draft", frozenset())
    assert read_dotenv(tmp_path / ".env") == ({}, [(1, "cannot be read: it is not a regular file")])


def test_references_without_an_end_are_read_at_once() -> None:
    began = time.monotonic()
    value, flaws = Environment({}, {}).expand("${A:-" * 20_000)
    assert value is None
    assert flaws
    assert time.monotonic() - began < 5


@pytest.mark.skipif(os.name != "posix", reason="rights are POSIX's")
def test_a_plugin_is_a_file_of_the_folder_that_others_may_not_write(tmp_path: Path) -> None:
    folder = tmp_path / "project"
    folder.mkdir()
    for place in (tmp_path / "outside.py", folder / "own.py", folder / "open.py"):
        place.write_text("")
    (folder / "open.py").chmod(0o666)
    (folder / "link.py").symlink_to(tmp_path / "outside.py")
    host = Host()
    host.load_file(folder / "own.py", folder)
    for name in ("../outside.py", str(tmp_path / "outside.py"), "link.py"):
        with pytest.raises(PluginError, match="is not in"):
            host.load_file(folder / name, folder)
    with pytest.raises(PluginError, match="anyone can write"):
        host.load_file(folder / "open.py", folder)
    (folder / "own2.py").write_text("")
    folder.chmod(0o777)
    with pytest.raises(PluginError, match="project: anyone can write"):
        host.load_file(folder / "own2.py", folder)


@pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="files are given away by root")
@pytest.mark.parametrize(
    ("user", "group", "mode", "flaw"),
    [
        (0, 0, 0o664, None),
        (0, 1, 0o664, "its group can write"),
        (0, 1, 0o644, None),
        (0, 0, 0o666, "anyone can write"),
        (1, 0, 0o644, "belongs to another user"),
        (0, 54321, 0o664, "its group can write"),
    ],
)
def test_a_plugin_that_others_may_write_is_refused(
    user: int, group: int, mode: int, flaw: str | None, tmp_path: Path
) -> None:
    path = tmp_path / "own.py"
    path.write_text("")
    os.chown(path, user, group)
    path.chmod(mode)
    if flaw is None:
        Host().load_file(path, tmp_path)
        return
    with pytest.raises(PluginError, match=flaw):
        Host().load_file(path, tmp_path)


@pytest.mark.parametrize("where", ["id=gt.1;offset=40", "id=gt.1#&offset", "id=in.(1;limit=1)"])
def test_what_parts_parameters_for_servers_stays_in_its_value(where: str) -> None:
    """PostgREST's parser takes a semicolon for an ampersand."""
    try:
        told = user_filter(Table(name="users", where=where))
    except SchemaError:
        return
    assert not set(";#") & set(told)


def test_a_legacy_key_of_another_project_is_refused(tmp_path: Path) -> None:
    def key(ref: str) -> str:
        claims = base64.urlsafe_b64encode(json.dumps({"role": "service_role", "ref": ref}).encode())
        return f"eyJhbGciOiJIUzI1NiJ9.{claims.decode().rstrip('=')}.c2lnbmF0dXJl"

    settings = {"url": "https://abcdefgh.supabase.co", "key": key("zyxwvuts")}
    with pytest.raises(SupasyncError, match="the key belongs to the project zyxwvuts"):
        RestSource(Context(settings=settings, folder=tmp_path, ledger=Ledger(), project="OLD"))
    own = {**settings, "key": key("abcdefgh")}
    RestSource(Context(settings=own, folder=tmp_path, ledger=Ledger(), project="OLD")).close()


def test_a_webhook_hears_names_and_codes_alone() -> None:
    name = "<!channel> <http://evil.example.test|here> @everyone\x1b[2J"
    result = TableResult(name=name, status="failed", error=f"{name}: NEW refuses (value of a cell)")
    report = Report(command="sync", run="1", tables=(result,), stopped=SupasyncError("a cell's value"))
    text = plain("".join(change.text for change in changes({}, report, 3)))
    assert "value" not in text
    assert "failed" in text
    assert not any(mark in text for mark in ("<", ">", "@", "|", "://", "\x1b"))


@pytest.mark.parametrize("checked", [True, False])
def test_a_plugin_is_its_text_and_not_the_bytecode_beside_it(tmp_path: Path, *, checked: bool) -> None:
    """An archive that is unpacked brings both, and people read the text."""
    path, ran = tmp_path / "own.py", tmp_path / "ran"
    planted = tmp_path / "planted.py"
    planted.write_text(f"open({str(ran)!r}, 'w').close()")
    path.write_text("NAME = 1\n")
    cached = importlib.util.cache_from_source(str(path))
    mode = py_compile.PycInvalidationMode
    py_compile.compile(
        str(planted), cached, invalidation_mode=mode.TIMESTAMP if checked else mode.UNCHECKED_HASH
    )
    raw = bytearray(Path(cached).read_bytes())
    if checked:
        found = path.stat()
        raw[8:16] = struct.pack("<II", int(found.st_mtime), found.st_size)
    Path(cached).write_bytes(raw)
    Host().load_file(path, tmp_path)
    assert not ran.exists()


@pytest.mark.parametrize("name", ["own.pyc", "own.so", "own"])
def test_a_plugin_that_nobody_can_read_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"\0")
    with pytest.raises(PluginError, match="not a Python file"):
        Host().load_file(tmp_path / name, tmp_path)
