"""One bad plugin harms nobody else: it is named with its package, version, file and line."""

import json
from pathlib import Path

import pytest

from tests.packages import Site
from tests.supasync_notify.listener import listening

FAILING = """
import sys
print("at import")

@hookimpl
def supasync_run_finished(report):
    print("on its way")
    sys.stdout.flush()
    {body}
"""
FAILURES = {
    "value": ("raise ValueError('https://hooks.example.test/T00/secret')", "ValueError"),
    "leave": ("raise SystemExit(7)", "SystemExit"),
    "cancel": ("import asyncio; raise asyncio.CancelledError", "CancelledError"),
    "later": ("yield 1 / 0", "ZeroDivisionError"),
}
WITHOUT_HELP = """
import click

class Command(click.Command):
    def get_short_help_str(self, limit=45):
        return 1 / 0

@hookimpl
def supasync_register_commands(cli):
    cli.add_command(Command("x.y"))
"""
LAZY = """
import click

class Lazy(click.Group):
    def list_commands(self, ctx):
        return ["second"]

    def get_command(self, ctx, name):
        return click.Command(name, callback=lambda: click.echo(f"this is {name}"))

@hookimpl
def supasync_register_commands(cli):
    cli.add_command(Lazy("tools"))
"""
LOGGING = """
@hookimpl
def supasync_run_finished(report):
    open("log", "w").write(report.status)
"""
COMMAND = """
import click

@click.command()
def {name}():
    "Say {name}."
    click.echo("this is {name} of {package}")

@click.group()
def {group}():
    "A group."

{group}.add_command({name})

@hookimpl
def supasync_register_commands(cli):
    cli.add_command({added})
"""


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site.at(tmp_path)


def command(name: str, package: str, *, group: str = "tools", alone: bool = False) -> str:
    return COMMAND.format(name=name, package=package, group=group, added=name if alone else group)


def test_a_failing_end_of_a_run_is_a_note_and_the_run_ended_as_it_ended(site: Site) -> None:
    for name, (body, _) in FAILURES.items():
        site.install(name, FAILING.format(body=body))
    site.local("good", LOGGING)
    site.configure("plugins: good.py\n")
    site.run("setup").check_returncode()
    with listening() as heard:
        done = site.run("sync", "--json", environment={"SUPASYNC_PING_URL": f"{heard.url}/uuid"})
        assert heard.take()[0] == ["/uuid"]
    for name, (body, kind) in FAILURES.items():
        file = site.packages / f"supasync_{name}.py"
        line = file.read_text().splitlines().index(f"    {body}") + 1
        origin = f"supasync-{name} 1.2.0, {file}:{line}"
        assert f"note: the plugin {name} ({origin}) failed in supasync_run_finished: {kind}\n" in done.stderr
    assert (done.returncode, json.loads(done.stdout)["records"]) == (0, 2)
    assert (site.project / "log").read_text() == "success"
    assert "T00" not in done.stderr
    assert done.stderr.count("at import") == done.stderr.count("on its way") == len(FAILURES)


def test_a_plugin_that_does_not_load_is_named_in_each_run_and_not_in_its_result(site: Site) -> None:
    site.install("bad", "1 / 0")
    site.run("setup").check_returncode()
    done = site.run("sync", "--json")
    assert (done.returncode, json.loads(done.stdout)["records"]) == (0, 2)
    place = f"{site.packages / 'supasync_bad.py'}:3"
    sentence = f"note: the plugin bad (supasync-bad 1.2.0, {place}) cannot be loaded: ZeroDivisionError"
    assert done.stderr.count(sentence) == 1
    assert site.run("plugins").stderr == ""


def test_the_exit_code_is_that_of_the_run_that_failed(site: Site) -> None:
    site.install("bad", FAILING.format(body="1 / 0"))
    done = site.run("sync")
    assert done.returncode == 3
    assert "the plugin bad" in done.stderr
    assert "error: " in done.stderr


def test_the_traceback_is_that_of_the_plugin(site: Site) -> None:
    site.install("bad", FAILING.format(body="1 / 0"))
    done = site.run("sync", environment={"SUPASYNC_DEBUG": "1"})
    assert f'File "{site.packages / "supasync_bad.py"}"' in done.stderr
    assert "1 / 0" in done.stderr
    assert "1 / 0" not in site.run("sync").stderr


@pytest.mark.parametrize("args", [("--help",), ("help",), ("hello",), ("schema", "--help"), ("plugins",)])
def test_a_plugin_that_fails_to_add_commands_takes_none_from_others(
    site: Site, args: tuple[str, ...]
) -> None:
    site.install("bad", "@hookimpl\ndef supasync_register_commands(cli):\n    cli.add_command(supasync_hi)\n")
    site.install("good", command("hello", "good", alone=True))
    done = site.run(*args)
    sentence = f"the plugin bad (supasync-bad 1.2.0, {site.packages / 'supasync_bad.py'}:5) failed in"
    assert sentence in done.stderr or "supasync_bad.py:5" in done.stdout
    assert "NameError" in done.stdout + done.stderr
    assert done.returncode == (2 if args == ("plugins",) else 0)
    assert "defect" not in done.stderr


def test_an_unknown_command_is_a_usage_error_whatever_plugins_do(site: Site) -> None:
    site.install("bad", "@hookimpl\ndef supasync_register_commands(cli):\n    1 / 0\n")
    done = site.run("syn")
    assert done.returncode == 2
    assert "unknown command syn, did you mean sync?" in done.stderr


def test_two_packages_that_add_to_one_group_both_appear(site: Site) -> None:
    site.install("one", command("first", "one"))
    site.install("two", command("second", "two"))
    rows = json.loads(site.run("plugins", "--json").stdout)
    provided = {row["name"]: row["provides"] for row in rows}
    assert provided["one"] == {"commands": ["tools first"]}
    assert provided["two"] == {"commands": ["tools second"]}
    hooks = ["supasync_check_environment", "supasync_run_finished"]
    assert provided["notify"] == {"commands": ["notify"], "hooks": hooks}
    assert site.run("tools", "first").stdout == "this is first of one\n"
    assert site.run("tools", "second").stdout == "this is second of two\n"
    listed = site.run("tools", "--help")
    assert "Say first." in listed.stdout
    assert "Say second." in listed.stdout
    assert listed.stderr == ""


def test_a_group_that_finds_its_commands_itself_is_not_joined_in_part(site: Site) -> None:
    site.install("one", command("first", "one"))
    site.install("two", LAZY)
    done = site.run("tools", "first")
    assert done.stdout == "this is first of one\n"
    assert "the command tools is already registered by one (supasync-one 1.2.0)" in done.stderr
    (alone,) = site.packages.glob("supasync_one-*.dist-info/entry_points.txt")
    alone.unlink()
    assert site.run("tools", "second").stdout == "this is second\n"


def test_two_packages_that_add_to_a_built_in_group_both_appear(site: Site) -> None:
    site.install("one", command("first", "one", group="schema"))
    site.install("two", command("second", "two", group="schema"))
    listed = site.run("schema", "--help").stdout
    assert all(name in listed for name in ("diff", "sql", "first", "second"))
    assert site.run("schema", "second").stdout == "this is second of two\n"


@pytest.mark.parametrize(
    ("code", "args", "refusal"),
    [
        (command("sync", "bad", alone=True), ("--help",), "the command sync is built in"),
        (command("x", "bad", group="sync"), ("plugins",), "the command sync is built in"),
        (command("diff", "bad", group="schema"), ("schema", "--help"), "the command schema diff is built in"),
        (
            command("demo", "bad", alone=True),
            ("demo", "--help"),
            "the command demo is already registered by duckdb",
        ),
    ],
)
def test_a_command_that_would_replace_another_is_refused_by_name(
    site: Site, code: str, args: tuple[str, ...], refusal: str
) -> None:
    site.install("bad", code)
    plain = site.run(*args)
    assert refusal in plain.stderr + plain.stdout
    done = site.run("plugins", "--json")
    (row,) = (row for row in json.loads(done.stdout) if row["name"] == "bad")
    assert refusal in row["error"]
    assert "supasync_bad.py:" in row["error"]
    assert done.returncode == 2
    assert "this is" not in site.run("sync", "--help").stdout


def test_what_is_no_command_is_refused(site: Site) -> None:
    site.install("bad", "@hookimpl\ndef supasync_register_commands(cli):\n    cli.commands['x'] = print\n")
    assert "the command x must be a click command" in site.run("--help").stderr


def test_a_command_without_a_usable_help_is_refused(site: Site) -> None:
    site.install("bad", WITHOUT_HELP)
    done = site.run("--help")
    assert (done.returncode, "x.y" in done.stdout) == (0, False)
    assert "failed in supasync_register_commands: ZeroDivisionError" in done.stderr


def test_a_plugin_that_takes_the_streams_and_the_folder_leaves_them_to_others(site: Site) -> None:
    site.install("bad", "import io, os, sys\nsys.stdout.close()\nsys.stdout = io.StringIO()\nos.chdir('/')\n")
    site.local("good", LOGGING)
    site.configure("plugins: good.py\n")
    listed = json.loads(site.run("plugins", "--json").stdout)
    assert "good" in [row["name"] for row in listed]


def test_what_a_program_prints_that_a_hook_starts_goes_to_stderr(site: Site) -> None:
    site.install("loud", "import os\n@hookimpl\ndef supasync_run_finished(): os.system('echo loud')")
    done = site.run("sync", "--json")
    assert json.loads(done.stdout)["exit_code"] == 3
    assert "loud" in done.stderr


DAMAGES = {
    "entry_points.txt": b"[supasync]\nno value\n",
    "METADATA": b"\xff\xfe no text",
}


@pytest.mark.parametrize("file", DAMAGES)
def test_a_damaged_package_hides_no_other(site: Site, file: str) -> None:
    site.install("good", command("hello", "good", alone=True))
    site.install("bad", command("hi", "bad", alone=True))
    (info,) = site.packages.glob("supasync_bad-*.dist-info")
    (info / file).write_bytes(DAMAGES[file])
    assert site.run("hello").stdout == "this is hello of good\n"
    listed = json.loads(site.run("plugins", "--json").stdout)
    names = {row["name"]: row["error"] for row in listed if row["error"] or row["name"] == "good"}
    assert names["good"] is None
    if file == "entry_points.txt":
        assert names["supasync-bad"] == "cannot be loaded: its entry_points.txt is damaged: install it again"


def test_an_entry_point_that_is_no_module_is_named(site: Site) -> None:
    site.install("bad", "")
    (info,) = site.packages.glob("supasync_bad-*.dist-info")
    (info / "entry_points.txt").write_text("[supasync]\nbad = supasync bad!\n")
    done = site.run("plugins", "--json")
    (error,) = (row["error"] for row in json.loads(done.stdout) if row["name"] == "bad")
    assert error.startswith("cannot be loaded: ")
    assert site.run("--help").returncode == 0


HANGING = """
import time

@hookimpl
def supasync_run_finished():
    time.sleep(60)
"""
IMPATIENT = """
import threading
timer = threading.Timer
threading.Timer = lambda seconds, *rest: timer(0.2 if seconds == 10800 else seconds, *rest)
"""


@pytest.mark.parametrize("baseline", [True, False])
def test_a_plugin_that_hangs_is_left_behind_with_the_code_of_the_run(site: Site, *, baseline: bool) -> None:
    site.install("bad", HANGING)
    if baseline:
        site.run("setup").check_returncode()
    done = site.run("sync", "--json", before=IMPATIENT)
    assert "note: the plugin bad (supasync-bad 1.2.0) hangs at the end of the run" in done.stderr
    assert done.returncode == (0 if baseline else 3)
    assert json.loads(done.stdout)["records"] == 2 if baseline else "no baseline" in done.stderr
