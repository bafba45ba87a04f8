"""tables.yaml -> settings, or every problem at once."""

from dataclasses import asdict
from datetime import timedelta
from pathlib import Path

import pytest

from supasync_core.config import load
from supasync_core.model.errors import ConfigError
from supasync_core.model.table import Table
from tests.config.host import ENVIRON, HEAD, KEY, problems, read, small_host, table_problems

ROOT = Path(__file__).parents[2]
TABLES = "tables: {t: {}}\n"


def test_what_is_left_out_has_its_default(tmp_path: Path) -> None:
    settings = read(tmp_path, HEAD + "tables:\n  users:\n")
    assert settings.path == tmp_path / "tables.yaml"
    assert settings.folder == tmp_path
    assert settings.enabled
    assert settings.interval == timedelta(hours=1)
    assert settings.stale_after == timedelta(hours=6)
    assert settings.retention == timedelta(days=90)
    assert settings.workers == 2
    assert settings.plugins == ()
    assert settings.tables == (Table(name="users"),)


def test_the_old_names_of_settings_mean_the_new_ones(tmp_path: Path) -> None:
    old = "tables:\n  a: {plugin: append, verify_every: 2h}\n  b: {after: a, plugin: append}\n"
    new = "tables:\n  a: {strategy: append, compare_every: 2h}\n  b: {depends_on: a, strategy: append}\n"
    settings = read(tmp_path, HEAD + old)
    line, path = HEAD.count("\n") + 2, tmp_path / "tables.yaml"
    assert settings.notes == (
        f"{path}:{line}:7: plugin is now called strategy; plugin still works",
        f"{path}:{line}:23: verify_every is now called compare_every; verify_every still works",
        f"{path}:{line + 1}:7: after is now called depends_on; after still works",
    )
    same = read(tmp_path, HEAD + new)
    assert (same.tables, same.notes) == (settings.tables, ())


def test_both_sides_have_their_backend_settings_and_project(tmp_path: Path) -> None:
    settings = read(tmp_path, HEAD + TABLES)
    assert (settings.source.backend, settings.source.ref) == ("rest", "old.supabase.co")
    assert dict(settings.source.values) == {"url": ENVIRON["OLD_SUPABASE_URL"], "key": KEY}
    assert (settings.sink.backend, settings.sink.ref) == ("rest", "new.supabase.co")
    assert dict(settings.sink.values) == {
        "url": ENVIRON["SUPABASE_URL"],
        "key": ENVIRON["SUPABASE_SERVICE_ROLE_KEY"],
    }


def test_everything_that_can_be_said_is_read(tmp_path: Path) -> None:
    settings = read(
        tmp_path,
        HEAD
        + """\
enabled: "${ENABLED:-off}"
interval: 30m
stale_after: 1d
retention: 7d
workers: 5
defaults: {key: uid, timestamp: at, strategy: snapshot, overlap: 1h30m, page_size: 5, transform: mask_ip}
tables:
  child: {schema: app, depends_on: parent, columns: [uid, at], where: "a=eq.1"}
  parent:
    key: [a, b]
    timestamp: [x, y]
    strategy: incremental
    overlap: 0s
    page_size: 100000
    exclude: c
    transform: []
    schema: other
""",
    )
    assert not settings.enabled
    assert settings.interval == timedelta(minutes=30)
    assert settings.stale_after == timedelta(days=1)
    assert settings.retention == timedelta(days=7)
    assert settings.workers == 5
    parent, child = settings.tables
    assert child == Table(
        name="child",
        key=("uid",),
        timestamp=("at",),
        strategy="snapshot",
        overlap=timedelta(minutes=90),
        page_size=5,
        transform=("mask_ip",),
        schema="app",
        depends_on=("parent",),
        columns=("uid", "at"),
        where="a=eq.1",
    )
    assert parent == Table(
        name="parent",
        key=("a", "b"),
        timestamp=("x", "y"),
        overlap=timedelta(0),
        page_size=100_000,
        exclude=("c",),
        schema="other",
    )


@pytest.mark.parametrize(
    ("written", "value"),
    [(word, True) for word in ("true", "True", "1", "yes", "ON", '"on"')]
    + [(word, False) for word in ("false", "FALSE", "0", "no", "off", '"${OFF:-0}"')],
)
def test_enabled_is_understood_in_any_wording(tmp_path: Path, written: str, value: bool) -> None:  # noqa: FBT001
    assert read(tmp_path, f"{HEAD}{TABLES}enabled: {written}\n").enabled is value


@pytest.mark.parametrize(
    ("written", "length"),
    [
        ("30s", timedelta(seconds=30)),
        ("15m", timedelta(minutes=15)),
        ("2h", timedelta(hours=2)),
        ("90d", timedelta(days=90)),
        ("1d2h3m4s", timedelta(days=1, hours=2, minutes=3, seconds=4)),
        ("90m", timedelta(minutes=90)),
        ("0s", timedelta(0)),
    ],
)
def test_durations_are_added_up(tmp_path: Path, written: str, length: timedelta) -> None:
    assert read(tmp_path, f"{HEAD}tables: {{t: {{overlap: {written}}}}}").tables[0].overlap == length


@pytest.mark.parametrize(
    "written", ["15", "1.5h", "-1h", "1h 30m", "30m1h", "1w", "''", "36501d", "9999999999d", "٣m"]
)
def test_no_other_durations_are_understood(tmp_path: Path, written: str) -> None:
    (problem,) = table_problems(tmp_path, f"t: {{overlap: {written}}}")
    assert problem.startswith("2:16: t.overlap: expected a duration, such as 30s, 15m, 2h or 1h30m, not ")


def test_the_process_environment_wins_over_the_file(tmp_path: Path) -> None:
    dotenv = "OLD_SUPABASE_URL=https://file\nOLD_SUPABASE_SERVICE_ROLE_KEY=k\nSUPABASE_URL=https://n\n"
    environ = {"SUPABASE_SERVICE_ROLE_KEY": "p", "SUPABASE_URL": "https://process"}
    settings = read(tmp_path, HEAD + TABLES, environ, dotenv)
    assert settings.source.values["url"] == "https://file"
    assert settings.sink.values["url"] == "https://process"


def test_a_byte_order_mark_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "tables.yaml").write_text(HEAD + TABLES, encoding="utf-8-sig")
    assert load(tmp_path / "tables.yaml", ENVIRON, small_host()).tables


def test_no_key_shows_in_the_settings(tmp_path: Path) -> None:
    settings = read(tmp_path, HEAD + TABLES)
    shown = f"{settings} {settings!r} {settings.source.values} {asdict(settings)}"
    assert "https://old.supabase.co" in shown
    for name in ("OLD_SUPABASE_SERVICE_ROLE_KEY", "SUPABASE_SERVICE_ROLE_KEY"):
        assert ENVIRON[name] not in shown
        assert ENVIRON[name] in [secret.reveal() for secret in settings.secrets]


def test_the_worked_example_holds_the_five_tables_of_the_guide() -> None:
    settings = load(ROOT / "tables.yaml", ENVIRON, small_host())
    after = {table.name: table.depends_on for table in settings.tables}
    assert after == {
        "users": (),
        "jobs": ("users",),
        "sessions": ("users",),
        "usage_logs": ("users", "jobs"),
        "ad_sessions": ("users",),
    }
    assert settings.tables[0].timestamp == ("updated_at", "created_at")
    assert settings.enabled
    assert not load(ROOT / "tables.yaml", {**ENVIRON, "ENABLE_HOURLY_SYNC": "false"}, small_host()).enabled


def test_the_env_example_has_a_place_for_all_that_the_worked_example_needs(tmp_path: Path) -> None:
    dotenv = (ROOT / ".env.example").read_text(encoding="utf-8")
    text = (ROOT / "tables.yaml").read_text(encoding="utf-8")
    missing = problems(tmp_path, text, {}, dotenv)
    assert [problem.split(": ", 1)[1] for problem in missing] == [
        f"{side}.key: {name} is empty: write {name}=... into the file .env beside tables.yaml"
        for side, name in (
            ("source", "OLD_SUPABASE_SERVICE_ROLE_KEY"),
            ("sink", "SUPABASE_SERVICE_ROLE_KEY"),
        )
    ]


def test_a_plugin_file_brings_its_transforms(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(
        "from supasync_core import hookimpl\n"
        "@hookimpl\n"
        "def supasync_register_transforms(registry):\n"
        "    registry.add('shout', lambda row: row)\n"
    )
    settings = read(tmp_path, HEAD + "plugins: ./mine.py\ntables: {t: {transform: [shout, mask_ip]}}")
    assert settings.plugins == ("./mine.py",)
    assert settings.tables[0].transform == ("shout", "mask_ip")


def test_a_plugin_file_that_fails_is_the_only_thing_blamed(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("1 / 0")
    text = HEAD + "plugins: [mine.py, gone.py]\ntables: {t: {transform: shout, strategy: mine}}"
    mine, gone = problems(tmp_path, text)
    assert mine.startswith("tables.yaml:4:11: plugins: mine.py:1: ")
    assert "ZeroDivisionError" in mine
    assert gone.startswith("tables.yaml:4:20: plugins: gone.py: ")


OTHER = "name another file with --config PATH"
NO_FILE = (
    f": no such file: supasync init writes one; or run supasync in the folder of tables.yaml, or {OTHER}"
)
EMPTY = (
    ":1:1: is empty: write version, source, sink and tables into it, "
    f"or delete it and run supasync init, or {OTHER}"
)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (None, NO_FILE),
        (b"a: \xff", f": is not UTF-8 text (byte 4): save it as UTF-8, or {OTHER}"),
        (b"", EMPTY),
        (b"# only words\n", EMPTY),
        (b"\n- a", f":2:1: expected settings such as version: 1, not a list; {OTHER}"),
        (b"hello", f':1:1: expected settings such as version: 1, not "hello"; {OTHER}'),
        (b"~", f":1:1: expected settings such as version: 1, not nothing; {OTHER}"),
    ],
)
def test_a_file_that_is_none_says_what_to_do(tmp_path: Path, content: bytes | None, sentence: str) -> None:
    path = tmp_path / "t.yaml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        load(path, {}, small_host())
    assert str(caught.value) == f"{path}{sentence}"


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="is a folder: name the file in it with --config PATH"):
        load(tmp_path, {}, small_host())


def test_a_file_that_cannot_be_read_says_why(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match=r"cannot be read \(Not a directory\): fix that, or name another"):
        load(tmp_path / "file" / "tables.yaml", {}, small_host())


def test_an_optional_setting_that_is_empty_counts_as_not_given(tmp_path: Path) -> None:
    source = "source: {backend: file, path: x, dialect: '${NONE:-}'}"
    text = HEAD.replace(HEAD.splitlines()[1], source)
    assert dict(read(tmp_path, text + TABLES).source.values) == {"path": "x"}
