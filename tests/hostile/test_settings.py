"""A tables.yaml or .env of somebody else is read in bounded time, and told in a bounded number of lines."""

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from supasync_core.config import load
from supasync_core.config.document import MOST
from supasync_core.model import dependencies
from supasync_core.model.errors import ConfigError
from tests.config.host import ENVIRON, HEAD, KEY, small_host

TABLES = "tables: {users: {}}\n"
POSIX = pytest.mark.skipif(os.name != "posix", reason="FIFOs and devices are POSIX's")
MANY = 20_000


def bomb(kind: str) -> str:
    """Values that are nine times as many in each line."""
    begin, end = kind[0], kind[1]
    lines = [
        f"x{n}: &x{n} {begin}{', '.join(_item(kind, m, n - 1) for m in range(9))}{end}" for n in range(1, 30)
    ]
    return "\n".join([f"x0: &x0 {begin}{end}", *lines])


def _item(kind: str, number: int, line: int) -> str:
    return f"k{number}: *x{line}" if kind == "{}" else f"*x{line}"


ENDLESS = {
    "a bomb of lists": HEAD + TABLES + bomb("[]"),
    "a bomb of settings": HEAD + TABLES + bomb("{}"),
    "a list in each table": HEAD
    + f"tables:\n  t0: &t {{columns: [{', '.join(f'c{n}' for n in range(3_000))}]}}\n"
    + "".join(f"  t{n}: *t\n" for n in range(1, 3_000)),
    "references in references": HEAD + f"tables: {{t: {{where: '{'${A:-' * 50_000}'}}}}\n",
    "references": HEAD + f"tables: {{t: {{where: '{'${A}' * 50_000}'}}}}\n",
    "lists in lists": HEAD + f"tables: {'[' * 20_000}",
    "settings in settings": HEAD + f"tables: {'{a: ' * 20_000}",
    "unknown settings": HEAD + "tables:\n" + "".join(f"  t{n}: {{keyy: id}}\n" for n in range(3_000)),
    "unknown tables": HEAD + "tables:\n" + "".join(f"  t{n}: {{depends_on: [u{n}]}}\n" for n in range(2_000)),
    "a circle of tables": HEAD
    + "tables:\n"
    + "".join(f"  t{n}: {{depends_on: [t{n - 1}]}}\n" for n in range(2_000)),
    "plugins": HEAD + TABLES + f"plugins: [{', '.join(f'p{n}.py' for n in range(3_000))}]\n",
    "a long name": HEAD + f"tables: {{users: {{{'a' * 500}: b}}, '{'b' * 500_000}': {{c: d}}}}\n",
    "a long duration": HEAD + TABLES + f"interval: {'9' * 100_000}h\n",
    "an interval": HEAD + TABLES + "interval: 99999999999999h\n",
    "days": HEAD + TABLES + "retention: 9999999999d\n",
    "a size": HEAD + TABLES + f"budgets: {{egress: {'9' * 400}TB}}\n",
    "a number": HEAD + TABLES + f"workers: {'9' * 5_000}\n",
}


@pytest.mark.slow
@pytest.mark.parametrize("name", ENDLESS)
def test_a_tables_yaml_of_any_make_is_refused_soon_and_in_few_words(name: str, tmp_path: Path) -> None:
    path = tmp_path / "tables.yaml"
    path.write_text(ENDLESS[name])
    began = time.monotonic()
    with pytest.raises(ConfigError) as told:
        load(path, ENVIRON, small_host())
    assert time.monotonic() - began < 20
    assert len(told.value.message.splitlines()) <= MOST + 1
    assert len(told.value.message) < MOST * 1_200


def test_a_key_is_left_out_of_a_problem_that_is_cut_off(tmp_path: Path) -> None:
    path = tmp_path / "tables.yaml"
    path.write_text(HEAD + TABLES + "".join(f"{'x' * length} {KEY}: 1\n" for length in range(980, 1_000)))
    with pytest.raises(ConfigError) as told:
        load(path, ENVIRON, small_host())
    assert KEY[:9] not in told.value.message


def test_aliases_are_for_settings_that_tables_share(tmp_path: Path) -> None:
    path = tmp_path / "tables.yaml"
    lines = "".join(f"  t{n}: *t\n" for n in range(1, 200))
    path.write_text(f"{HEAD}tables:\n  t0: &t {{key: [id, no], where: 'a=eq.1'}}\n{lines}")
    assert len(load(path, ENVIRON, small_host()).tables) == 200


def test_half_a_character_is_no_part_of_a_name_and_two_halves_are_one(tmp_path: Path) -> None:
    path = tmp_path / "tables.yaml"
    path.write_text(HEAD + 'tables: {"a\\ud83d\\ude00": {where: "b=eq.\\ud83d\\ude00"}}\n')
    (table,) = load(path, ENVIRON, small_host()).tables
    assert (table.name, table.where) == ("a\U0001f600", "b=eq.\U0001f600")
    for text in ('"a\\ud83d": {}', 'users: {where: "b=eq.\\ude00"}', 'users: {"\\udc00": 1}'):
        path.write_text(HEAD + f"tables: {{{text}}}\n")
        with pytest.raises(ConfigError, match="half of a character"):
            load(path, ENVIRON, small_host())


@POSIX
@pytest.mark.parametrize("name", [".env", "tables.yaml"])
@pytest.mark.parametrize(
    "made",
    [
        os.mkfifo,
        lambda path: path.symlink_to("/dev/zero"),
        lambda path: os.truncate(os.open(path, os.O_CREAT | os.O_WRONLY), 10**11),
    ],
)
def test_what_is_not_a_file_of_a_sound_size_is_not_read(
    name: str, made: Callable[[Path], object], tmp_path: Path
) -> None:
    (tmp_path / "tables.yaml").write_text(HEAD + TABLES)
    (tmp_path / name).unlink(missing_ok=True)
    made(tmp_path / name)
    with pytest.raises(ConfigError, match=r"not a regular file|more than [15],000,000 bytes"):
        load(tmp_path / "tables.yaml", ENVIRON, small_host())


@POSIX
def test_links_to_tables_yaml_and_to_env_are_followed(tmp_path: Path) -> None:
    (tmp_path / "real.yaml").write_text(HEAD + TABLES)
    (tmp_path / "tables.yaml").symlink_to("real.yaml")
    (tmp_path / "real.env").write_text("".join(f"{name}={value}\n" for name, value in ENVIRON.items()))
    (tmp_path / ".env").symlink_to("real.env")
    assert load(tmp_path / "tables.yaml", {}, small_host()).tables


SHAPES = {
    "a chain": {f"t{n}": [f"t{n + 1}"] if n + 1 < MANY else [] for n in range(MANY)},
    "a circle": {f"t{n}": [f"t{(n + 1) % MANY}"] for n in range(MANY)},
    "circles": {f"t{n}": [f"t{n ^ 1}"] for n in range(MANY)},
    "a star": {f"t{n}": ["t0"] if n else [f"t{m}" for m in range(1, MANY)] for n in range(MANY)},
    "circles with a chain between": {
        f"t{n}": [f"t{n - 1}" if n else "t1"] + ([f"t{MANY - 1}"] if n == MANY - 2 else [])
        for n in range(MANY)
    },
}


@pytest.mark.parametrize("name", SHAPES)
def test_the_order_of_20_000_tables_takes_no_time(name: str) -> None:
    began = time.monotonic()
    circles = dependencies.cycles(SHAPES[name])
    assert bool(circles) is (name != "a chain")
    if not circles:
        assert dependencies.parents_first(SHAPES[name])[0] == f"t{MANY - 1}"
    assert len(dependencies.dependents(SHAPES[name], "t1")) < MANY
    assert time.monotonic() - began < 8
