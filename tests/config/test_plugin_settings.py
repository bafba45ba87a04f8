"""Strategies and transforms have settings, as backends do, and each mistake in one has its place."""

from pathlib import Path

import pytest

from supasync_core.config import load
from supasync_core.model.errors import ConfigError
from supasync_core.model.settings import Settings
from tests.config.host import ENVIRON, HEAD, HEAD_LINES, small_host

LITERAL = 'is secret: put it into .env, and write only the reference "${NAME}" here'
UNSET = "NOT_SET is not set: write NOT_SET=... into the file .env beside tables.yaml"
UNMADE = "the plugin mine (mine.py:11) cannot make the strategy by_column: ValueError: no such thing"
PLUGIN = """
from supasync_core import hookimpl
from supasync_core.api.registration import Configured, Setting
from supasync_core.model.batch import Keyset
from supasync_tables.append import Append

class ByColumn(Append):
    def __init__(self, context):
        self.column = context.settings["column"]
        if self.column == "broken":
            raise ValueError("no such thing")

class ByOrder(Append):
    def __init__(self, context):
        self.by = {"pair": ("a", "b"), "down": "a desc"}[context.settings["by"]]

    def keysets(self, table):
        return (Keyset(self.by),)

def hashed(context):
    salt = context.settings["salt"]
    return lambda row: {**row, "email": salt + context.table.name}

def length(value):
    return None if value.isdigit() else f"expected a number, not {value}"

@hookimpl
def supasync_register_transforms(registry):
    settings = {"salt": Setting(secret=True), "length": Setting(required=False, check=length)}
    registry.add("hash_email", Configured(hashed, settings))

@hookimpl
def supasync_register_strategies(registry):
    registry.add("by_column", Configured(ByColumn, {"column": Setting()}))
    registry.add("by_order", Configured(ByOrder, {"by": Setting()}))
"""
SALT = {"HASH_SALT": "salt-and-pepper-1"}


def loaded(folder: Path, tables: str, environ: dict[str, str], dotenv: str = "") -> Settings:
    (folder / "mine.py").write_text(PLUGIN, encoding="utf-8")
    (folder / ".env").write_text(dotenv, encoding="utf-8")
    (folder / "tables.yaml").write_text(f"{HEAD}plugins: mine.py\n{tables}", encoding="utf-8")
    return load(folder / "tables.yaml", {**ENVIRON, **environ}, small_host())


def flaws(folder: Path, tables: str) -> list[str]:
    with pytest.raises(ConfigError) as found:
        loaded(folder, tables, SALT)
    places = [each.removeprefix(f"{folder}/tables.yaml:").split(":", 2) for each in found.value.problems]
    return [
        f"{int(line) - HEAD_LINES - 1}:{column}:{text.replace(f'{folder}/', '')}"
        for line, column, text in places
    ]


def test_a_transform_and_a_strategy_get_their_settings_from_env(tmp_path: Path) -> None:
    tables = (
        "tables:\n"
        '  users: {transform: [mask_ip, {hash_email: {salt: "${HASH_SALT}"}}]}\n'
        "  jobs: {strategy: {by_column: {column: seq}}}\n"
        "  logs: {strategy: {append: }, transform: {mask_ip: {}, mask_email: }}\n"
    )
    users, jobs, logs = loaded(tmp_path, tables, {}, "HASH_SALT=salt-and-pepper-1\n").tables
    assert users.transform == ("mask_ip", "hash_email")
    assert users.transform_settings["hash_email"]["salt"] == "salt-and-pepper-1"
    assert "pepper" not in repr(users)
    assert (jobs.strategy, jobs.strategy_settings["column"]) == ("by_column", "seq")
    assert (logs.strategy, logs.transform) == ("append", ("mask_ip", "mask_email"))


def test_a_table_replaces_the_default_with_its_settings(tmp_path: Path) -> None:
    tables = (
        'defaults: {transform: {hash_email: {salt: "${HASH_SALT}"}}}\n'
        "tables:\n  users:\n  jobs: {transform: mask_ip}\n"
    )
    users, jobs = loaded(tmp_path, tables, SALT).tables
    assert users.transform_settings["hash_email"]["salt"] == "salt-and-pepper-1"
    assert (jobs.transform, jobs.transform_settings) == (("mask_ip",), {})


@pytest.mark.parametrize(
    ("setting", "flaw"),
    [
        (
            "transform: hash_email",
            '21: tables.t.transform.hash_email.salt: is missing: the transform needs salt: "${NAME}"',
        ),
        (
            "transform: {hash_email: {salt: plain}}",
            f"41: tables.t.transform.hash_email.salt: {LITERAL}",
        ),
        (
            'transform: {hash_email: {salt: "${HASH_SALT}", lenght: 3}}',
            "57: tables.t.transform.hash_email.lenght: unknown setting, did you mean length?",
        ),
        (
            'transform: {hash_email: {salt: "${HASH_SALT}", length: x}}',
            "65: tables.t.transform.hash_email.length: expected a number, not x",
        ),
        (
            'transform: {hash_email: {salt: "${NOT_SET}"}}',
            f"41: tables.t.transform.hash_email.salt: {UNSET}",
        ),
        (
            "transform: {mask_ip: {a: b}}",
            "22: tables.t.transform.mask_ip: the transform mask_ip has no settings",
        ),
        (
            "transform: {hash_mail: {a: b}}",
            "22: tables.t.transform: unknown transform hash_mail, did you mean hash_email?",
        ),
        (
            "transform: {hash_email: 3}",
            '34: tables.t.transform: expected the settings of hash_email, or nothing, not "3"',
        ),
        ("transform: [mask_ip, {mask_ip: }]", "32: tables.t.transform: mask_ip is listed twice"),
        ("strategy: {append: , snapshot: }", "20: tables.t.strategy: expected one name, not 2"),
        ("strategy: [append]", "20: tables.t.strategy: expected one name, not a list"),
        (
            "strategy: {append: {column: a}}",
            "21: tables.t.strategy.append: the strategy append has no settings",
        ),
        ("strategy: {by_column: {column: broken}}", f"10: tables.t.strategy: {UNMADE}"),
    ],
)
def test_each_mistake_is_named_at_its_place(tmp_path: Path, setting: str, flaw: str) -> None:
    assert flaws(tmp_path, f"tables:\n  t:    {{{setting}}}\n") == [f"2:{flaw}"]


def test_settings_in_block_style_have_the_line_of_each(tmp_path: Path) -> None:
    tables = "tables:\n  t:\n    transform:\n    - mask_ip\n    - hash_email:\n        salt: ''\n"
    assert flaws(tmp_path, tables) == [f"6:15: tables.t.transform.hash_email.salt: {LITERAL}"]


@pytest.mark.parametrize(
    ("by", "flaw"),
    [
        ("pair", "by_order: it reads by ('a', 'b'), and rows are read upward by one column, then by the key"),
        ("down", "by_order: it reads by 'a desc', and rows are read upward by one column, then by the key"),
    ],
)
def test_a_strategy_that_wants_another_order_is_refused_at_its_line(
    tmp_path: Path, by: str, flaw: str
) -> None:
    tables = f"tables:\n  t:\n    key: id\n    strategy: {{by_order: {{by: {by}}}}}\n"
    assert flaws(tmp_path, tables) == [f"4:5: tables.t.strategy: {flaw}"]
