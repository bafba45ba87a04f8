"""The documentation says what is: links, commands, options, hooks and the tutorial's figures."""

import inspect
import json
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import click
import pytest
import yaml

from docs.generate import PAGE, SETTINGS_PAGE, cli_page, commands, settings_page
from supasync_core.api import (
    backend,
    copy_session,
    digesting,
    hookspecs,
    row_formats,
    sql_session,
    state_store,
    strategy,
    switch,
)
from supasync_core.api.plugin_host import Host
from supasync_core.api.table_plugins import transforms_of
from supasync_core.model import errors
from supasync_core.model.report import Report
from supasync_core.model.table import Table
from supasync_core.plugins.new_plugin import KINDS, write
from tests.servers.command import COMMAND, run

ROOT = Path(__file__).parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
PROTOCOL = r"(?m)^\| `([A-Z]\w+)` \| ((?:`\w+` ?)+) \|"
HOW_TO = ROOT / "docs/how-to/write-a-plugin.md"
HOOKS = [hook for name, hook in vars(hookspecs).items() if name.startswith("supasync_")]

pages = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())


def text_of(page: Path) -> str:
    return page.read_text(encoding="utf-8")


@pages
def test_files_that_are_named_exist(page: Path) -> None:
    named = re.findall(
        r"`((?:supasync_core|plugins|examples|tests|docs|benchmarks)/[\w./-]+)`", text_of(page)
    )
    saved = re.findall(r"Save this as `([^`]+)`", text_of(page))  # in a folder of the reader's
    missing = [name for name in named if name not in saved and not (ROOT / name).exists()]
    assert page.name == "CHANGELOG.md" or missing == []


def blocks(text: str, language: str = r"\w*") -> list[str]:
    """The fenced blocks of that language."""
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


def anchors(page: Path) -> set[str]:
    """The headings as they are linked to on GitHub."""
    prose = re.sub(r"^```.*?^```", "", text_of(page), flags=re.DOTALL | re.MULTILINE)
    headings = re.findall(r"^#+ (.*)$", prose, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def calls(text: str) -> Iterator[list[str]]:
    """The arguments of every call of supasync in a code block, or in a span that begins with one."""
    lines = [line for block in blocks(text) for line in block.splitlines()]
    found = [re.search(r"(?:^|&& |\$ |/)supasync ([^>|&]*)", line) for line in lines]
    spans = re.findall(r"(?<!`)`supasync ([^`]*)`", text)
    for call in [match[1] for match in found if match] + spans:
        yield shlex.split(call.replace("...", ""), comments=True)


def tree() -> dict[str, click.Context]:
    """Every command by its full name."""
    return {ctx.command_path: ctx for _, ctx in commands()}


def unknown(call: list[str], known: dict[str, click.Context]) -> str | None:
    """The first word of a call that supasync does not know, or None."""
    name = "supasync"
    words = iter(call)
    for word in words:
        command = known[name].command
        if word.startswith("-"):
            options = {opt: param for param in command.get_params(known[name]) for opt in param.opts}
            param = options.get(word)
            if param is None:
                return f"{name} {word}"
            if not (isinstance(param, click.Option) and param.is_flag):
                next(words, None)
        elif isinstance(command, click.Group):
            others = f"{name} LEFT RIGHT"
            name = f"{name} {word}"
            if name not in known and others in known:
                name = others
            if name not in known:
                return name
    return None


@pages
def test_every_link_between_pages_leads_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", text_of(page)):
        if "://" in target:
            continue
        path, _, anchor = target.partition("#")
        other = (page.parent / path).resolve() if path else page
        assert other.exists(), target
        assert not anchor or anchor in anchors(other), target


@pages
def test_every_command_and_option_exists(page: Path) -> None:
    known = tree()
    if page != PAGE:  # which is compared with the commands as a whole
        assert [wrong for call in calls(text_of(page)) if (wrong := unknown(call, known))] == []


@pages
def test_no_page_mentions_a_path_of_one_machine(page: Path) -> None:
    assert re.findall(r"/(?:root|work|tmp|mnt|Users)/\S*|/home/(?!you\b)\S*", text_of(page)) == []


@pages
def test_the_python_and_yaml_of_every_page_can_be_read(page: Path) -> None:
    for code in blocks(text_of(page), "python"):
        if not code.startswith("def supasync_"):  # a signature alone
            compile(code, str(page), "exec")
    for document in blocks(text_of(page), "yaml"):
        yaml.safe_load(document)


def test_every_page_is_reached_from_the_readme() -> None:
    linked = set(re.findall(r"\((docs/[^)#]+\.md)", text_of(ROOT / "README.md")))
    assert {
        page.relative_to(ROOT).as_posix() for page in PAGES if page.is_relative_to(ROOT / "docs")
    } == linked


def test_the_reference_of_the_command_line_is_current() -> None:
    assert text_of(PAGE) == cli_page(), "run: python docs/generate.py"


def test_the_settings_of_the_reference_are_those_of_the_code() -> None:
    page = text_of(SETTINGS_PAGE)
    assert page == settings_page(page), "run: python docs/generate.py"


def test_every_command_is_in_the_reference() -> None:
    done = subprocess.run([COMMAND, "--help"], capture_output=True, text=True, check=True)
    names = re.findall(r"^  (\w+) ", done.stdout.partition("Commands:")[2], re.MULTILINE)
    assert {f"supasync-{name}" for name in names} <= anchors(PAGE)
    assert {name.replace(" ", "-").lower() for name in tree()} <= anchors(PAGE)


def test_the_files_that_contributing_names_exist() -> None:
    named = re.findall(
        r"`((?:supasync_core|plugins|tests|examples|docs)/[\w/.]+)`", text_of(ROOT / "CONTRIBUTING.md")
    )
    assert len(named) > 20
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_the_readmes_make_targets_exist() -> None:
    targets = set(re.findall(r"^make (\w+)", text_of(ROOT / "README.md"), re.MULTILINE))
    assert targets == {"demo", "test"}
    assert targets <= set(re.findall(r"^(\w+):", text_of(ROOT / "Makefile"), re.MULTILINE))


@pytest.mark.parametrize("hook", HOOKS, ids=lambda hook: hook.__name__)
def test_every_hook_is_documented_with_its_exact_signature(hook: object) -> None:
    assert inspect.isfunction(hook)
    signature = f"def {hook.__name__}{inspect.signature(hook)}".replace("'", "")
    assert f"## {hook.__name__}\n\n```python\n{signature}\n```\n" in text_of(ROOT / "docs/reference/hooks.md")


def test_every_error_is_documented_with_its_exit_code() -> None:
    documented = text_of(ROOT / "docs/reference/exit-codes.md")
    assert [int(code) for code in re.findall(r"^\| (\d+) \|", documented, re.MULTILINE)] == list(
        errors.ExitCode
    )
    for name, error in vars(errors).items():
        if inspect.isclass(error) and not error.__subclasses__() and issubclass(error, errors.SupasyncError):
            row = next(line for line in documented.splitlines() if f"`{name}`" in line)
            assert row.startswith(f"| {error.exit_code} |"), name


def test_every_backend_of_ours_is_documented_with_its_settings() -> None:
    host = Host()
    host.load_installed()
    section = text_of(ROOT / "docs/reference/tables-yaml.md").partition("### source and sink")[2]
    rows = dict(re.findall(r"^\| `(\w+)` \| (.*) \|$", section.partition("\n### ")[0], re.MULTILINE))
    assert set(rows) == {*host.sources, *host.sinks}
    for name, row in rows.items():
        assert all(f"`{setting}" in row for setting in host.sources.get(name).settings)


def how_to(part: str) -> str:
    """The one block of Python of the page on plugins that has this in it."""
    (found,) = [text for text in blocks(text_of(HOW_TO), "python") if part in text]
    return found


def test_the_how_tos_transform_loads(tmp_path: Path) -> None:
    path = tmp_path / "my_transforms.py"
    path.write_text(how_to("def mask_ip"), encoding="utf-8")
    host = Host()
    host.load_file(path)
    transforms = dict(transforms_of(host, Table(name="t", transform=("mask_ip", "no_trials"))))
    assert transforms["mask_ip"]({"ip": "192.0.2.7"}) == {"ip": "192.0.2.0"}
    assert transforms["no_trials"]({"plan": "trial"}) is None


def test_the_how_tos_transform_with_settings_sees_them(tmp_path: Path) -> None:
    path = tmp_path / "hashing.py"
    path.write_text(how_to("def hash_email"), encoding="utf-8")
    host = Host()
    host.load_file(path)
    table = Table(name="t", transform=("hash_email",), transform_settings={"hash_email": {"salt": "s"}})
    [(_, change)] = transforms_of(host, table)
    assert change({"email": "a"}) == {"email": sha256(b"s a").hexdigest()}


def test_the_how_tos_examples_are_the_packages_that_are_tested() -> None:
    """All of the first but a file's first lines, as it stands in `examples/`; of the second its source."""
    example = ROOT / "examples" / "supasync_sqlite"
    shown = [text for text in blocks(text_of(HOW_TO), "python") if "transform" not in text]
    for file in ("supasync_sqlite/__init__.py", "supasync_sqlite/backend.py", "tests/test_contract.py"):
        text = text_of(example / file)
        mine = [block for block in shown if block.strip() in text]
        shown = [block for block in shown if block not in mine]
        bare = sum(len(block.split()) for block in mine)
        assert bare > 0.85 * len(text.split()), file
    lines = text_of(ROOT / "examples/supasync_jsonl/supasync_jsonl/backend.py")
    assert [block for block in shown if block.strip() not in lines] == []


def test_the_how_to_counts_the_lines_of_each_kind(tmp_path: Path) -> None:
    counts = dict(re.findall(r"^\| `(\w+)` \| (\d+) \|", text_of(HOW_TO), re.MULTILINE))
    assert list(counts) == list(KINDS)
    for kind, count in counts.items():
        files = write(kind, "m", tmp_path / kind)
        code = [file for file in files if file.parent.name == "supasync_m"]
        assert sum(len(text_of(file).splitlines()) for file in code) == int(count), kind


@pytest.mark.parametrize("hook", HOOKS, ids=lambda hook: hook.__name__)
def test_every_hook_has_an_example_that_works(hook: object, tmp_path: Path) -> None:
    assert inspect.isfunction(hook)
    name = hook.__name__
    page = text_of(ROOT / "docs/reference/hooks.md").partition(f"## {name}\n")[2].partition("\n## ")[0]
    _, example = blocks(page, "python")
    path = tmp_path / "mine.py"
    path.write_text(f"HOOKS = 1\n{example}", encoding="utf-8")
    host = Host()
    host.load_file(path)
    (plugin,) = host.loaded
    assert (plugin.error, plugin.notes) == (None, [])
    registry = host.registries.get(name.removeprefix("supasync_register_"))
    if registry is not None:
        assert len(list(registry)) == 1
    elif name == "supasync_register_commands":
        host.call(name, cli=(group := click.Group()))
        assert list(group.commands) == ["tables"]
    elif name == "supasync_check_environment":
        (answer,) = host.call(name, folder=tmp_path, environment={"PAGER_URL": "ftp://pager.example.test"})
        assert [each.text for each in answer.value] == ["PAGER_URL must begin with https://"]
    else:
        end = {"report": Report(command="sync", run="", tables=()), "exit_code": 0}
        host.call(name, folder=tmp_path, environment={}, shows_message=True, **end)
        assert (tmp_path / "runs.log").read_text("utf-8") == "success 0 rows 0 requests\n"
    assert host.faults == []


def test_every_protocol_is_documented_with_its_methods() -> None:
    page = text_of(ROOT / "docs/reference/hooks.md")
    documented = {name: set(re.findall(r"`(\w+)`", text)) for name, text in re.findall(PROTOCOL, page)}
    modules = (backend, copy_session, digesting, row_formats, sql_session, state_store, strategy, switch)
    found = {
        name: {each for each in dir(thing) if not each.startswith("_")}
        for module in modules
        for name, thing in vars(module).items()
        if getattr(thing, "_is_protocol", False) and thing.__module__ == module.__name__
    }
    assert documented == {name: methods for name, methods in found.items() if name not in {"Side", "Person"}}


@pytest.mark.slow
def test_the_tutorials_figures_are_those_of_the_demo(tmp_path: Path) -> None:
    tutorial = text_of(ROOT / "docs/tutorial/first-sync.md")
    folder = tmp_path / "try-supasync"
    done = run(tmp_path, "demo", "--folder", str(folder))
    done.check_returncode()
    printed = re.sub(
        r"\d+\.\d s$", "... s", done.stdout.replace(str(folder), folder.name), flags=re.MULTILINE
    )
    (documented,) = blocks(tutorial, "demo")
    assert documented.strip() in printed
    assert "NEW has everything up to" in text_of(folder / "supasync-demo.html")
    (change, look, export) = blocks(tutorial, "python")
    outputs = blocks(tutorial)
    subprocess.run([sys.executable, "-c", change], cwd=folder, check=True)
    assert run(folder, "sync", "--dry-run").stdout in outputs
    run(folder, "sync").check_returncode()
    seen = subprocess.run(
        [sys.executable, "-c", look], cwd=folder, capture_output=True, text=True, check=True
    )
    assert seen.stdout.startswith("('user1@example.test', 'gold', '")
    subprocess.run([sys.executable, "-c", export], cwd=folder, check=True)
    looked = run(folder, "gap", "import", "export", "--dry-run", "--dialect", "psql", "--json")
    for table in json.loads(looked.stdout)["tables"].values():
        assert (table["new"], table["changed"], table["older"]) == (0, 0, 0)
    assert json.loads(looked.stdout)["findings"] == []
    rehearsal = ("--sink", "duckdb:rehearsal.duckdb", "--dialect", "psql", "--yes")
    rehearsed = run(folder, "gap", "import", "export", *rehearsal)
    assert "success: " in rehearsed.stdout
