"""One plugin looked at as its users will find it: what it registers, its settings, contracts and import."""

import json
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final, Literal

from supasync_core.api.installed import GROUP, file_of, module_of
from supasync_core.api.plugin_fault import Plugin
from supasync_core.api.plugin_host import Host
from supasync_core.api.registration import Backend, Configured, Context, Setting, made_flaw
from supasync_core.model.cost import Ledger
from supasync_core.model.wording import counted

Result = Literal["ok", "failed", "unchecked"]
CONTRACTS: Final[Mapping[str, str]] = {
    "sources": "SourceContract",
    "sinks": "SinkContract",
    "state_stores": "StateStoreContract",
    "strategies": "StrategyContract",
    "transforms": "TransformContract",
    "checks": "CheckContract",
    "notifiers": "NotifierContract",
}
"""By what a plugin registers, the contract that its tests keep."""
SLOWEST: Final = 0.25
"""Seconds of a processor that an import may take: every command waits for it."""
LONGEST: Final = 1.0
"""Seconds that it may take on a clock: of what it waits for, and not of what else this machine does."""
_PATIENCE: Final = 600
"""Seconds for the tests of a plugin; the contracts take ten."""
_MARK: Final = "a-value-of-a-secret-setting"
_SHOWN: Final = 1000
"""Characters of what an interpreter said."""
_PYTHON: Final = (sys.executable, "-P")
"""A new interpreter that imports nothing from the current folder."""
_TIMED: Final = """\
import importlib, sys, time
import supasync_core.api.plugin_host
begun = time.process_time(), time.perf_counter()
importlib.import_module(sys.argv[1])
print(time.process_time() - begun[0], time.perf_counter() - begun[1])
"""


@dataclass(frozen=True, slots=True)
class Checked:
    """What was looked at, what was found, and what to do about it."""

    name: str
    result: Result
    text: str
    hint: str | None = None


def check(host: Host, plugin: Plugin, tests: Path | None) -> Iterator[Checked]:
    """The protocol, the settings, the contracts and the import of a plugin, one after the other."""
    yield _protocol(host, plugin)
    if plugin.module is None:
        return
    yield _settings(host, plugin)
    yield from _contracts(host, plugin, tests or _tests_of(plugin))
    yield _import(plugin)


def provided(host: Host, plugin: Plugin) -> dict[str, dict[str, Any]]:
    """What the plugin registered, by its kind and name."""
    found = {
        kind: {name: registry.get(name) for name in registry.provided_by(plugin.name)}
        for kind, registry in host.registries.items()
    }
    return {kind: things for kind, things in found.items() if things}


def _protocol(host: Host, plugin: Plugin) -> Checked:
    """Whether it loads, its hooks are hooks, and what it makes has the methods of its protocol."""
    things = provided(host, plugin)
    flaws = [*([plugin.error] if plugin.error else []), *plugin.notes]
    flaws += [
        f"the strategy {name}: {flaw}"
        for name, made in things.get("strategies", {}).items()
        if not isinstance(made, Configured) and (flaw := made_flaw("strategy", made()))
    ]
    flaws += [
        f"the sink {name} has no state store of the same name"
        for name in things.get("sinks", {})
        if name not in host.state_stores
    ]
    if flaws:
        return Checked("protocol", "failed", "; ".join(flaws))
    texts = [f"{kind.replace('_', ' ')}: {', '.join(names)}" for kind, names in things.items()]
    return Checked("protocol", "ok", "; ".join(texts) or "it loads, and registers nothing by name")


def _settings(host: Host, plugin: Plugin) -> Checked:
    """Whether each setting answers to any text, and no secret becomes part of a name that is printed."""
    things = provided(host, plugin)
    flaws: list[str] = []
    names: set[str] = set()
    for kind, named in things.items():
        for name, thing in named.items():
            settings: Mapping[str, Setting] = getattr(thing, "settings", {})
            names |= settings.keys()
            found = [*_setting_flaws(settings), *(_ref_flaws(thing) if isinstance(thing, Backend) else ())]
            flaws += [f"{kind} {name}: {flaw}" for flaw in found]
    if flaws:
        return Checked("settings", "failed", "; ".join(flaws))
    return Checked("settings", "ok", ", ".join(sorted(names)) or "it has none")


def _setting_flaws(settings: Mapping[str, Setting]) -> Iterator[str]:
    for name, setting in settings.items():
        for text in ("", "x", "\u00e9 \u2192"):
            try:
                answer: object = setting.check(text)
            except Exception as err:  # noqa: BLE001 - whatever the plugin raises
                yield f"the check of {name} raises {type(err).__name__} for {text!r}"
                break
            if answer is not None and not isinstance(answer, str):
                yield f"the check of {name} returns {type(answer).__name__}, not a sentence or None"
                break


def _ref_flaws(backend: "Backend[Any]") -> Iterator[str]:
    values = {name: _MARK if setting.secret else "example" for name, setting in backend.settings.items()}
    try:
        found: object = backend.ref(Context(values, Path.cwd(), Ledger(), "OLD"))
    except Exception:  # noqa: BLE001 - such settings need not be those of a project
        return
    if not isinstance(found, str):
        yield f"ref returns {type(found).__name__}, not a text"
    elif _MARK in found:
        yield "ref contains a secret setting, and it is stored and printed"


def _tests_of(plugin: Plugin) -> Path | None:
    """The folder ``tests`` of the project that the plugin is in, or of the one in this folder.

    None for the plugins that come with supasync: its own tests hold them to their contracts.
    """
    if plugin.ours:
        return None
    if isinstance(plugin.found, Path):
        beside = plugin.found.with_name(f"test_{plugin.found.name}")
        return beside if beside.is_file() else None
    file = file_of(module_of(plugin.found))
    for folder in [*(list(file.parents)[:3] if file else []), Path.cwd()]:
        project = folder / "pyproject.toml"
        if project.is_file() and (folder / "tests").is_dir() and _names(project, plugin.name):
            return folder / "tests"
    return None


def _names(project: Path, name: str) -> bool:
    """Whether this pyproject.toml has the plugin's entry point."""
    try:
        described = tomllib.loads(project.read_text("utf-8"))
    except (OSError, ValueError):
        return False
    return name in described.get("project", {}).get("entry-points", {}).get(GROUP, {})


def _contracts(host: Host, plugin: Plugin, tests: Path | None) -> Iterator[Checked]:
    """How its own tests went, and whether they hold a contract for all that it registers."""
    if tests is None:
        yield Checked("contract", "unchecked", "its tests were not found", "--tests PATH names their folder")
        return
    if find_spec("pytest") is None:
        yield Checked("contract", "unchecked", "pytest is not installed", "pip install pytest")
        return
    found, said = _run_tests(tests)
    if found is None:
        yield Checked("contract", "failed", f"the tests in {tests} could not be run", said)
        return
    wanted = {CONTRACTS[kind] for kind in provided(host, plugin) if kind in CONTRACTS} or {"PluginContract"}
    for contract in sorted({*wanted, *found}):
        yield _contract(contract, found.get(contract, {}), tests)


def _contract(contract: str, found: Mapping[str, Any], tests: Path) -> Checked:
    skipped, passed = found.get("skipped", []), found.get("passed", 0)
    if failed := found.get("failed", {}):
        why = [f"{name}: {line}" for name, line in failed.items()]
        hint = "\n".join([*why, f"run pytest in {_project_of(tests).resolve()} for more"])
        return Checked(contract, "failed", f"{counted(len(failed), 'test', 'tests')} failed", hint)
    if not passed:
        hint = f"write a class that inherits from supasync_core.testing.{contract}"
        return Checked(contract, "failed", f"no test in {tests} keeps it", hint)
    if left_out := found.get("left_out"):
        hint = "a contract holds as a whole: remove what replaces its tests"
        return Checked(contract, "failed", f"left out or replaced: {', '.join(left_out)}", hint)
    more = f"; skipped: {', '.join(skipped)}" if skipped else ""
    return Checked(contract, "ok", f"{counted(passed, 'test', 'tests')} passed{more}")


def _project_of(tests: Path) -> Path:
    """Where its tests are run."""
    return tests.parent if tests.parent.is_dir() else Path.cwd()


def _run_tests(tests: Path) -> tuple[dict[str, Any] | None, str]:
    """The results by contract, None where there are none; and the end of what pytest printed."""
    with TemporaryDirectory(prefix="supasync-") as folder:
        place = Path(folder) / "results.json"
        options = [
            "-q",
            "--tb=short",
            "-p",
            "no:cacheprovider",
            "-p",
            "supasync_core.testing.contract_results",
        ]
        command = [
            *_PYTHON,
            "-m",
            "pytest",
            *options,
            f"--contract-results={place}",
            str(tests.resolve()),
        ]
        try:
            done = subprocess.run(  # noqa: S603 - our own command
                command,
                cwd=_project_of(tests),
                capture_output=True,
                text=True,
                check=False,
                timeout=_PATIENCE,
            )
        except subprocess.TimeoutExpired:
            return None, f"they did not end within {_PATIENCE} s"
        said = "\n".join((done.stdout + done.stderr).splitlines()[-20:])
        results = json.loads(place.read_text("utf-8")) if place.is_file() else None
    return (results or None), said


def _import(plugin: Plugin) -> Checked:
    """How long a new interpreter takes to import it, the least of three times."""
    if isinstance(plugin.found, Path):
        return Checked("import", "ok", f"{plugin.seconds * 1000:.0f} ms")
    command = [*_PYTHON, "-c", _TIMED, module_of(plugin.found)]
    runs = [subprocess.run(command, capture_output=True, text=True, check=False) for _ in range(3)]  # noqa: S603 - ours
    times = [_two_numbers(run.stdout) for run in runs if run.returncode == 0]
    if None in times or len(times) < len(runs):
        return Checked("import", "failed", "a new interpreter cannot import it", runs[-1].stderr[-_SHOWN:])
    busy, waited = (min(each) for each in zip(*filter(None, times), strict=True))
    slow = busy > SLOWEST or waited > LONGEST
    hint = "import what is slow inside the function that uses it" if slow else None
    took = max(busy, waited if slow else 0)
    return Checked("import", "failed" if slow else "ok", f"{took * 1000:.0f} ms", hint)


def _two_numbers(printed: str) -> tuple[float, float] | None:
    """The last two words, as numbers; None where they are none, since a plugin prints what it likes."""
    try:
        busy, waited = map(float, printed.split()[-2:])
    except ValueError:
        return None
    return busy, waited
