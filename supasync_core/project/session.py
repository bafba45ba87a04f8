"""What all commands of one call share: the plugins, the settings, and the keys that must not be printed."""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from supasync_core.api.plugin_host import Host
    from supasync_core.model.secret import Secret
    from supasync_core.model.settings import Settings
    from supasync_core.project.lease import Lease
    from supasync_core.project.migration import Migration


@dataclass
class Session:
    """One call of the command line. Plugins and settings are loaded when a command first wants them.

    ``interrupted``: the user does not even want to wait for the requests under way.
    """

    config: str = "tables.yaml"
    wants_json: bool = False
    lenient: bool = False
    """Whether the command can do without a plugin that is gone: it looks at the state alone."""
    interrupted: bool = False
    error_code: int | None = None
    """The exit code of every error, for commands that answer like diff(1)."""
    note: Callable[[str], None] = lambda _text: None
    """Called once for each remark on tables.yaml."""
    detail: Callable[[str], None] = lambda _text: None
    """Called with what only a person who looks closely wants to know."""
    secrets: "list[Secret]" = field(default_factory=list)
    """Keys that a command has taken from the environment without tables.yaml."""

    @cached_property
    def host(self) -> "Host":
        """The installed plugins."""
        from supasync_core.api.plugin_host import Host  # noqa: PLC0415 - --version needs no plugins

        host = Host()
        host.load_installed()
        return host

    @cached_property
    def settings(self) -> "Settings":
        """The settings of tables.yaml; ConfigError with every problem."""
        from supasync_core.config import load  # noqa: PLC0415 - --help needs no YAML

        settings = load(Path(self.config), os.environ, self.host, lenient=self.lenient)
        remarks = [f"{file.found}: {note}" for file in self.host.local for note in file.notes]
        faults = [  # what does not load cannot tell of anything itself; a file that fails is in the notes
            fault.sentence for fault in self.host.faults if fault.plugin not in self.host.local
        ]
        for note in (*settings.notes, *remarks, *faults):
            self.note(note)
        self.detail(f"{self.config}: OLD is {settings.source.ref}, NEW is {settings.sink.ref}")
        return settings

    @property
    def known_settings(self) -> "Settings | None":
        """The settings, if a command has loaded them by now."""
        found: Settings | None = self.__dict__.get("settings")
        return found

    @contextmanager
    def migration(self) -> "Iterator[Migration]":
        """Both ends, opened."""
        from supasync_core.project.migration import opened  # noqa: PLC0415 - --help opens nothing

        with opened(self.settings, self.host) as migration:
            yield migration

    @contextmanager
    def lease(self, command: str) -> "Iterator[Lease]":
        """This machine's lock, both ends, and the lease in NEW; StateError without a baseline."""
        from supasync_core.project.lease import leased  # noqa: PLC0415 - --help opens nothing
        from supasync_core.system import lock  # noqa: PLC0415 - as above

        with (
            lock.locked(self.settings.folder),
            self.migration() as migration,
            leased(migration, command) as lease,
        ):
            yield lease

    @property
    def folder(self) -> Path:
        """The folder of tables.yaml, whether or not there is one."""
        return Path(self.config).parent

    @property
    def environment(self) -> "Mapping[str, str]":
        """The variables of the process and of .env, also where tables.yaml cannot be used."""
        from supasync_core.config.environment import read_dotenv, variables  # noqa: PLC0415 - as above

        return variables(os.environ, read_dotenv(self.folder / ".env")[0])

    @property
    def projects(self) -> str | None:
        """Which projects OLD and NEW are, once the settings are known."""
        settings = self.known_settings
        return f"OLD is {settings.source.ref}, NEW is {settings.sink.ref}" if settings else None

    def whose(self, err: BaseException) -> str:
        """Whose code failed: a plugin, once they are loaded, or supasync."""
        host: Host | None = self.__dict__.get("host")
        return host.whose(err) if host else "supasync"

    def redact(self, text: str, *, shapes: bool = True) -> str:
        """The text without any key of the settings, and without what looks like one unless told otherwise."""
        from supasync_core.model.secret import redact  # noqa: PLC0415 - wanted for errors alone

        settings = self.known_settings
        secrets = [*self.secrets, *(settings.secrets if settings else ())]
        return redact(text, secrets, shapes=shapes)
