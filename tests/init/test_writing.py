"""A drafted tables.yaml is read back as exactly what was proposed, whatever the tables are called."""

import re
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import yaml
from hypothesis import assume, given
from hypothesis import strategies as st

from supasync_core.api.plugin_host import Host
from supasync_core.config import load
from supasync_core.init import render
from supasync_core.init.choose_strategy import Proposal
from supasync_core.model.settings import Settings
from supasync_core.model.table import Table

ENVIRONMENT = {
    "OLD_SUPABASE_URL": "https://old.example.test",
    "OLD_SUPABASE_SERVICE_ROLE_KEY": "sb_secret_for_tests_old",
    "SUPABASE_URL": "https://new.example.test",
    "SUPABASE_SERVICE_ROLE_KEY": "sb_secret_for_tests_new",
}
NAMES = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=20
) | (
    st.sampled_from(
        ["yes", "null", "~", "007", "1e3", "a: b", "# x", "${HOME}", "$${", "<<", "-", "'", '"', "é"]
    )
)


@cache
def host() -> Host:
    """The built-in plugins, looked up once: no text names another."""
    made = Host()
    made.load_installed()
    return made


def read(text: str) -> Settings:
    with TemporaryDirectory() as folder:
        path = Path(folder, "tables.yaml")
        path.write_text(text, encoding="utf-8")
        return load(path, ENVIRONMENT, host())


@given(
    name=NAMES, key=st.lists(NAMES, min_size=1, max_size=3, unique=True), stamp=NAMES, why=NAMES, left=NAMES
)
def test_any_name_is_read_back_as_it_is(name: str, key: list[str], stamp: str, why: str, left: str) -> None:
    assume(name != left)
    table = Table(name=name, key=tuple(key), timestamp=(stamp,))
    text = render.document(
        [
            Proposal(table=table, reasons={"key": why, "timestamp": why}, remarks=(why,)),
            Proposal(table=Table(name=left), refusal=why),
        ],
        [why],
    )
    settings = read(text)
    assert settings.tables == (table,)
    assert [each.name for each in settings.undecided] == [left]


def test_the_example_of_the_repository_is_the_one_that_init_writes() -> None:
    assert Path(".env.example").read_text("utf-8") == render.EXAMPLE


def test_entries_alone_fit_below_tables() -> None:
    proposal = Proposal(table=Table(name="a", key=("x",)), reasons={"key": "the primary key"})
    document = yaml.safe_load("tables:\n" + render.entries([proposal]))
    assert document == {"tables": {"a": {"key": "x"}}}


def test_no_line_is_longer_than_the_page() -> None:
    long = "many words " * 40
    text = render.document([Proposal(table=Table(name="a"), reasons={"key": long}, refusal=None)])
    assert all(len(line) <= 110 for line in text.splitlines())
    assert not re.search(r"[ \t]$", text, re.MULTILINE)
