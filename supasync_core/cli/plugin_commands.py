"""The commands that plugins add: each plugin's apart, then joined; what clashes is refused by name."""

from collections.abc import Callable, Collection, Iterator, MutableMapping
from copy import copy
from dataclasses import dataclass, field
from functools import partial

import click

from supasync_core.api.plugin_fault import Plugin, PluginFault, attempt, blamed, line_of
from supasync_core.api.plugin_host import Host
from supasync_core.cli.command_help import prepare
from supasync_core.model.errors import PluginError

HOOK = "supasync_register_commands"
_DOING = f"failed in {HOOK}"


@dataclass
class PluginCommands:
    """The commands of all plugins by name. ``tell`` is called once with each fault.

    What is there first stays: built-in commands, then those of the plugins in their order.
    """

    builtin: Collection[str]
    tell: Callable[[PluginFault], None]
    commands: dict[str, click.Command] = field(default_factory=dict)
    owners: dict[click.Command, Plugin] = field(default_factory=dict)
    words: dict[click.Command, str] = field(default_factory=dict)
    refused: set[click.Command] = field(default_factory=set)

    def collect(self, host: Host) -> None:
        """Ask each plugin for its commands, on a group of its own: one that fails adds none."""
        for plugin in host.loaded:
            if host.has_hook(plugin, HOOK):
                shelf = click.Group("supasync")
                found = host.ask(plugin, HOOK, cli=shelf).fault
                if found is None:
                    found = attempt(plugin, _DOING, partial(self._take, plugin, shelf))
                if found is not None:
                    self.tell(found)

    def join(self, name: str, command: click.Command) -> None:
        """Add to a built-in command what plugins have for it, where that is a group."""
        added = self.commands.get(name)
        if isinstance(command, click.Group) and isinstance(added, click.Group):
            for each, nested in added.commands.items():
                self._add(command.commands, (name, each), nested)
        elif added is not None:
            self._refuse((name,), added, None)

    def of(self, plugin: Plugin) -> list[str]:
        """What this plugin adds, in the words of the command line; a group stands for nothing itself."""
        mine = (each for each, owner in self.owners.items() if owner is plugin and each not in self.refused)
        return sorted(self.words[each] for each in mine if not isinstance(each, click.Group))

    def _take(self, plugin: Plugin, shelf: click.Group) -> None:
        for name, command in shelf.commands.items():
            for words, each in _with_nested(name, command):
                self.owners.setdefault(each, plugin)
                self.words.setdefault(each, words)
            prepare(command).get_short_help_str()  # as the list of commands does, for all of them at once
        for name, command in shelf.commands.items():
            if name in self.builtin and not isinstance(command, click.Group):
                self._refuse((name,), command, None)
            else:
                self._add(self.commands, (name,), command)

    def _add(
        self, into: MutableMapping[str, click.Command], words: tuple[str, ...], command: click.Command
    ) -> None:
        """Add a command; groups of one name become one, which is nobody's own, and nothing is replaced."""
        there = into.get(words[-1])
        joins = there is None or (_holds_all(there) and _holds_all(command))
        if there is None:
            there = into[words[-1]] = _emptied(command)
            self.owners[there] = self.owners[command]
        if joins and isinstance(there, click.Group) and isinstance(command, click.Group):
            for name, each in command.commands.items():
                self._add(there.commands, (*words, name), each)
        elif there is not command:
            self._refuse(words, command, self.owners.get(there))

    def _refuse(self, words: tuple[str, ...], command: click.Command, first: Plugin | None) -> None:
        if command in self.refused:
            return
        self.refused.add(command)
        plugin = self.owners[command]
        whose = f"already registered by {first.name} ({first.origin})" if first else "built in"
        reason = PluginError(f"the command {' '.join(words)} is {whose}: choose another name")
        self.tell(blamed(plugin, _DOING, reason, place=line_of(command.callback)))


def _holds_all(command: click.Command) -> bool:
    """Whether a group's commands are those that it holds, and not some that it finds when it is asked."""
    return isinstance(command, click.Group) and type(command).get_command is click.Group.get_command


def _emptied(command: click.Command) -> click.Command:
    """A copy of a group, to be filled; a plain command itself."""
    if not isinstance(command, click.Group):
        return command
    copied = copy(command)
    copied.commands = {}
    return copied


def _with_nested(name: str, command: object) -> Iterator[tuple[str, click.Command]]:
    """The command and all below it, with their words; PluginError for what is not a command."""
    if not isinstance(command, click.Command):
        raise PluginError(f"the command {name} must be a click command, not of type {type(command).__name__}")
    yield name, command
    for each, nested in command.commands.items() if isinstance(command, click.Group) else ():
        yield from _with_nested(f"{name} {each}", nested)
