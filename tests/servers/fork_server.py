"""Processes that start as forks of one that has imported their program: 10 ms of a processor, not 300.

A fork is a process of its own, with its own environment, folder, output, signals and exit code. What the
interpreter reads only when it starts (PYTHON..., LANG, LC_...) it takes from the process it was forked from.
"""

from __future__ import annotations

import atexit
import gc
import json
import os
import pkgutil
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import IO, TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from types import TracebackType

PIECE = 65536
"""Bytes of a request that are read at once."""


@dataclass
class Forked:
    """A running fork, to be used as `subprocess.Popen` is; the end of ``with`` waits for it."""

    args: Sequence[str]
    pid: int
    stdout: IO[str]
    stderr: IO[str]
    status: socket.socket
    """Tells the exit code, once."""
    returncode: int | None = None

    def poll(self) -> int | None:
        """The exit code, or None while it runs; the negative number of the signal that ended it."""
        if self.returncode is None and select.select([self.status], [], [], 0)[0]:
            self._ended()
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """The exit code; raises TimeoutExpired."""
        if self.returncode is None:
            if not select.select([self.status], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired(list(self.args), timeout or 0)
            self._ended()
        assert self.returncode is not None
        return self.returncode

    def communicate(self, timeout: float | None = None) -> tuple[str, str]:
        """All that it prints to stdout and stderr until it ends; raises TimeoutExpired."""
        deadline = None if timeout is None else time.monotonic() + timeout
        texts = ["", ""]

        def read(number: int, stream: IO[str]) -> None:
            with stream:
                texts[number] = stream.read()

        readers = [
            threading.Thread(target=read, args=each, daemon=True)
            for each in enumerate((self.stdout, self.stderr))
        ]
        for reader in readers:
            reader.start()
        for reader in readers:
            reader.join(None if deadline is None else max(0.0, deadline - time.monotonic()))
            if reader.is_alive():
                raise subprocess.TimeoutExpired(list(self.args), timeout or 0)
        self.wait(None if deadline is None else max(0.1, deadline - time.monotonic()))
        return texts[0], texts[1]

    def send_signal(self, number: int) -> None:
        """Send a signal, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """End it at once."""
        self.send_signal(signal.SIGKILL)

    def terminate(self) -> None:
        """Ask it to end."""
        self.send_signal(signal.SIGTERM)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the streams and wait for the end."""
        self.stdout.close()
        self.stderr.close()
        self.wait()

    def _ended(self) -> None:
        told = self.status.recv(64)
        self.status.close()
        if not told:
            raise RuntimeError("the fork server died")
        self.returncode = int(told)


@dataclass
class ForkServer:
    """Starts forks of a process that has imported `modules`; it and they end with this process."""

    entry: str
    """`module:function`, run without arguments; `sys.argv` and the environment are what `start` is given."""
    modules: Sequence[str]
    """What is imported before; `name.*` stands for the modules below `name` too."""
    root: Path | None = None
    """A folder to import from."""
    warm: str = ""
    """Code that runs once, after that: what it leaves in caches, each fork has."""
    process: subprocess.Popen[bytes] | None = field(default=None, init=False)
    control: socket.socket | None = field(default=None, init=False)
    turn: threading.Lock = field(default_factory=threading.Lock, init=False)

    def start(
        self, args: Sequence[str], folder: Path, environment: Mapping[str, str], before: str = ""
    ) -> Forked:
        """Start a fork that runs the code of ``before`` first; it reads nothing, and prints text."""
        with self.turn:
            if self.control is None or self.process is None or self.process.poll() is not None:
                self.control = self._launch()
        out, print_out = os.pipe()
        err, print_err = os.pipe()
        status, tell = socket.socketpair()
        status.settimeout(60)
        texts = [str(each) for each in args]
        request = {"args": texts, "folder": str(folder), "environment": {**environment}, "before": before}
        try:
            given = [print_out, print_err, tell.fileno()]
            with self.turn:
                socket.send_fds(self.control, [json.dumps(request).encode() + b"\n"], given)
                pid = int.from_bytes(status.recv(8), "big")
        finally:
            os.close(print_out)
            os.close(print_err)
            tell.close()
        return Forked(texts, pid, _reader(out), _reader(err), status)

    def _launch(self) -> socket.socket:
        ours, theirs = socket.socketpair()
        kept = {name: value for name, value in os.environ.items() if name == "PATH"}
        with theirs:
            self.process = subprocess.Popen(
                [
                    sys.executable,
                    __file__,
                    str(theirs.fileno()),
                    self.entry,
                    str(self.root or ""),
                    self.warm,
                    *self.modules,
                ],
                cwd="/",
                env=kept,
                stdin=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )
        return ours


def _reader(descriptor: int) -> IO[str]:
    return os.fdopen(descriptor, encoding="utf-8")


# What follows runs in the server.


def imported(names: Sequence[str]) -> None:
    """Import the modules, and for `name.*` those below, but what runs, is for tests, or needs an extra."""
    for name in names:
        package = import_module(name.removesuffix(".*"))
        if name.endswith(".*"):
            for each in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
                if not each.name.endswith(".__main__") and ".testing" not in each.name:
                    _import_with_extras(each.name)


def _import_with_extras(name: str) -> None:
    try:
        import_module(name)
    except ModuleNotFoundError as err:
        if not err.name or err.name.startswith("supasync"):
            raise


def forked(control: socket.socket) -> bool:
    """Fork whenever asked and tell of ends; returns in each fork, and False when nobody can ask any more."""
    awake, wake = socket.socketpair()
    awake.settimeout(0)
    wake.settimeout(0)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wake.fileno(), warn_on_full_buffer=False)
    children: dict[int, int] = {}
    while True:
        ready, _, _ = select.select([control, awake], [], [])
        if awake in ready:
            awake.recv(4096)
            reap(children)
        if control in ready:
            message, descriptors, _, _ = socket.recv_fds(control, PIECE, 3)
            while message and not message.endswith(b"\n"):
                message += control.recv(PIECE)
            if not message:
                end(children)
                return False
            pid = os.fork()
            if pid == 0:
                signal.set_wakeup_fd(-1)
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                for each in (control, awake, wake):
                    each.close()
                become(json.loads(message), descriptors)
                return True
            out, err, status = descriptors
            os.close(out)
            os.close(err)
            children[pid] = status
            os.write(status, pid.to_bytes(8, "big"))


def reap(children: dict[int, int]) -> None:
    """Tell of the children that have ended."""
    for pid in list(children):
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            descriptor = children.pop(pid)
            with suppress(BrokenPipeError):
                os.write(descriptor, str(os.waitstatus_to_exitcode(status)).encode())
            os.close(descriptor)


def end(children: dict[int, int]) -> None:
    """Ask all children to end, and end those that do not within two seconds."""
    for number, seconds in ((signal.SIGTERM, 2.0), (signal.SIGKILL, 0.0)):
        for pid in children:
            os.kill(pid, number)
        deadline = time.monotonic() + seconds
        while children and time.monotonic() < deadline:
            reap(children)
            time.sleep(0.02)


def become(request: dict[str, object], descriptors: list[int]) -> None:
    """Take over what the fork was given."""
    out, err, status = descriptors
    os.dup2(out, 1)
    os.dup2(err, 2)
    for each in (out, err, status):
        os.close(each)
    os.chdir(str(request["folder"]))
    environment = request["environment"]
    assert isinstance(environment, dict)
    os.environ.clear()
    os.environ.update(environment)
    time.tzset()
    signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored where the tests run in the background
    sys.argv = [str(each) for each in request["args"]]  # type: ignore[attr-defined]
    sys.path[0] = str(Path(sys.argv[0]).parent)
    exec(str(request["before"]), {})  # noqa: S102 - our own


def main() -> None:
    """Import, then be a server; in a fork, be the program."""
    descriptor, entry, root, warm, *names = sys.argv[1:]
    if root:
        sys.path.insert(1, root)
    imported(names)
    module, _, function = entry.partition(":")
    run = getattr(import_module(module), function)
    exec(warm, {})  # noqa: S102 - our own
    gc.freeze()
    if forked(socket.socket(fileno=int(descriptor))):
        leave(run)


def leave(run: Callable[[], object]) -> None:
    """Run the program and end as the interpreter would, but without taking every module apart."""
    code: object = None
    try:
        code = run()
    except SystemExit as ended:
        code = ended.code
    threading._shutdown()  # type: ignore[attr-defined]  # noqa: SLF001 - it waits for threads
    atexit._run_exitfuncs()  # noqa: SLF001 - nothing else runs them
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code if isinstance(code, int) else 0)


if __name__ == "__main__":
    main()
