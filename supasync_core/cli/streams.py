"""stdout and stderr: no key, no control characters, and no success where output was lost.

The lowest layer of each notes the first error and drops what follows. A reader that stops reading (a closed
pipe, a closed descriptor) is not an error; a full disk is.
"""

import io
import os
import select
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, TextIO

from supasync_core.cli.lines import Lines, stamped
from supasync_core.model.errors import ExitCode
from supasync_core.model.printable import visible

_CALLERS = ("supasync_core.cli.commands", "supasync_core.cli.common_options")
"""What calls the commands of plugins."""
_PRINTERS = ("supasync_core", "click", "rich")
_OURS = "\n\t"
_STANDARD = (("stdin", os.O_RDONLY), ("stdout", os.O_WRONLY), ("stderr", os.O_WRONLY))


class _Raw(io.RawIOBase):
    """The lowest layer of a stream, which accepts everything, even what can no longer be written."""

    def __init__(self, inner: Any) -> None:  # noqa: ANN401 - a FileIO, on Windows a console
        self._inner = inner
        self.error: OSError | None = None

    def write(self, data: Any) -> int:  # noqa: ANN401 - any buffer
        """Write; after an error, nothing any more."""
        if self.error is None:
            try:
                return self._written(data)
            except OSError as err:
                self.error = err
        return len(data)

    def _written(self, data: Any) -> int:  # noqa: ANN401 - any buffer
        while (done := self._inner.write(data)) is None:  # a pipe that does not block, as Node hands on
            select.select([], [self], [])
        return int(done)

    def writable(self) -> bool:
        """Always."""
        return True

    def fileno(self) -> int:
        """The descriptor."""
        return int(self._inner.fileno())

    def isatty(self) -> bool:
        """Whether it is a terminal."""
        return bool(self._inner.isatty())


def _text(text: str | bytes) -> str:
    """The text; click gives it as bytes where a shell reads it."""
    return text.decode() if isinstance(text, bytes) else text


class _Guarded:
    """The wrapper that all text passes through, whoever prints it; `bare` is the way around it."""

    holds_results = False

    def __init__(self, stream: TextIO, redact: Callable[[str], str], lines: Lines) -> None:
        self.redact = redact
        self._begins = True
        self._off_terminal = not stream.isatty()
        self.lines = lines
        self.bare: TextIO = stream

    def write(self, text: str | bytes) -> int:
        """Write the text without keys, control characters and bidi marks as JSON escapes them."""
        self.put(visible(self.redact(_text(text)), _OURS))
        return len(text)

    def keep(self, text: str) -> None:
        """Put the text into the log alone."""
        self.lines.copy(visible(self.redact(text), _OURS), type(self))

    def put(self, text: str, *, logged: bool = True) -> None:
        """Write a text that is safe already; what is not to be ``logged`` has no times, either."""
        if not text:
            return
        lines, results = self.lines, self.holds_results
        if not (results and lines.as_json):
            if logged:
                lines.copy(text, type(self))
            if logged and lines.timed and self._off_terminal:
                begins, self._begins = self._begins, text.endswith("\n")
                text = stamped(text, begins=begins)
        if results and lines.holds_results:
            lines.held.append(text)
        else:
            self.bare.write(text)

    def close(self) -> None:
        """Nothing: whoever closes it is not the only one who prints."""

    def writelines(self, lines: Iterable[str]) -> None:
        """Write each."""
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the stream has
        if name == "buffer":  # click would write past the guard where the encoding is ASCII
            raise AttributeError(name)
        return getattr(self.bare, name)


class _Results(_Guarded):
    """stdout, which holds results alone: what a plugin prints while the engine calls it goes to stderr.

    The engine prints nothing itself. So what decides is the innermost line of the core that led to the print:
    a command prints results, and so does what a plugin has for a command; any other line has called a plugin.
    """

    holds_results = True

    def write(self, text: str | bytes) -> int:
        """Write a result here, and all else to stderr."""
        return super().write(text) if _is_printed_by_a_command() else int(sys.stderr.write(_text(text)))


def _is_printed_by_a_command() -> bool:
    frame: FrameType | None = sys._getframe()  # noqa: SLF001 - the one way to know who prints
    of_others = False
    while frame is not None:
        name = str(frame.f_globals.get("__name__"))
        package = name.partition(".")[0]
        if package == "supasync_core" and name != __name__:
            return name in _CALLERS or (name.startswith("supasync_core.cli") and not of_others)
        of_others |= package not in _PRINTERS and package not in sys.stdlib_module_names
        frame = frame.f_back
    return False


class Output:
    """The process's stdout and stderr, and whether all output was written."""

    def __init__(self) -> None:
        self._layers: list[_Raw] = []
        self._kept: list[TextIO] = []

    def protect(self, stream: TextIO, number: int | None = None) -> TextIO:
        """The stream on a layer of ours; characters beyond its encoding are written as escapes.

        It is written to the descriptor ``number``, if one is given.
        """
        buffer = getattr(stream, "buffer", None)
        if not isinstance(stream, io.TextIOWrapper) or buffer is None:
            return stream
        raw = getattr(buffer, "raw", buffer)
        layer = _Raw(raw if number is None else io.FileIO(number, "w", closefd=False))
        self._layers.append(layer)
        self._kept.append(stream)  # Python closes a file that nobody knows any more
        return io.TextIOWrapper(
            io.BufferedWriter(layer),
            encoding=stream.encoding,
            errors="backslashreplace",
            line_buffering=stream.line_buffering,
            write_through=stream.write_through,
        )

    def exit_code(self, code: int, trouble: int | None) -> int:
        """The exit code of a command that has ended with ``code``: never 0 where output was lost."""
        sys.stdout.flush()
        errors = [each.error for each in self._layers if each.error]
        lost = [each for each in errors if not isinstance(each, BrokenPipeError | ConnectionResetError)]
        if not lost:
            sys.stderr.flush()
            return code
        print(f"error: the output could not be written: {lost[0].strerror}", file=sys.stderr, flush=True)  # noqa: T201 - after all else
        return trouble or code or ExitCode.PERSON  # who has to make room


def prepare() -> Output:
    """Standard streams that never raise; those that are closed lead to the null device.

    A closed descriptor would otherwise be the next file's, and what is printed would be written into that.
    """
    for number, (name, mode) in enumerate(_STANDARD):
        try:
            os.fstat(number)
        except OSError:
            os.set_inheritable(os.open(os.devnull, mode), True)  # noqa: FBT003 - it takes no name
        if getattr(sys, name) is None:
            way = "r" if mode == os.O_RDONLY else "w"
            setattr(sys, name, open(number, way, encoding="utf-8", closefd=False))  # noqa: SIM115 - as long as the process
    output = Output()
    sys.stdout, sys.stderr = output.protect(sys.stdout, _results()), output.protect(sys.stderr)
    return output


def _results() -> int | None:
    """A descriptor of stdout for results alone: what a program prints that somebody starts goes to stderr.

    None where stdout is not a descriptor of its own, and on Windows, whose console is written in another way.
    """
    try:
        if os.name == "nt" or sys.stdout.fileno() != 1:
            return None
        sys.stdout.flush()
        number = os.dup(1)
        os.dup2(2, 1)
    except (OSError, ValueError):
        return None
    return number


def for_a_program() -> None:
    """From now on another program reads the results: they are UTF-8, and neither held nor logged."""
    lines().as_json = True
    use_utf8()


def use_utf8() -> None:
    """From now on stdout is UTF-8, whatever the terminal has: another program reads it."""
    stream = bare(sys.stdout)
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(encoding="utf-8")


def guard(redact: Callable[[str], str], lines: Lines) -> None:
    """From now on both streams are redacted and without control characters, and stdout holds results."""
    out: Any = _Results(sys.stdout, redact, lines)
    err: Any = _Guarded(sys.stderr, redact, lines)
    sys.stdout, sys.stderr = out, err


def lines() -> Lines:
    """What this call wants of its lines; nothing special where nobody has said."""
    found: Lines | None = getattr(sys.stderr, "lines", None)
    return found or Lines()


def remark(text: str) -> None:
    """Print what is not an error to stderr; with ``--quiet`` to the log alone."""
    stream: Any = sys.stderr
    if isinstance(stream, _Guarded) and stream.lines.quiet:
        stream.keep(f"{text}\n")
    else:
        stream.write(f"{text}\n")
        stream.flush()


def detail(text: str) -> None:
    """Print to stderr what ``--verbose`` asks for."""
    if lines().verbose:
        remark(text)


def put(text: str, *, values: bool = False) -> None:
    """Print a result that has no control characters but rich's own styles.

    ``values`` of rows have been redacted already, and are not logged.
    """
    if isinstance(sys.stdout, _Guarded):
        sys.stdout.put(text if values else sys.stdout.redact(text), logged=not values)
    else:
        sys.stdout.write(text)


def release() -> None:
    """Print what `Lines` holds: a person is to decide on it."""
    wanted = lines()
    if wanted.held:
        bare(sys.stdout).write(wanted.released(ExitCode.PERSON))
        sys.stdout.flush()


def finish(code: int) -> None:
    """What was held comes now unless all is well; the log has all that was printed, or a note tells."""
    wanted = lines()
    bare(sys.stdout).write(wanted.released(code))
    if not wanted.log:
        return
    wanted.log.close()
    if wanted.log.error:  # also with --quiet, where nothing else would have the lines
        sys.stderr.write(f"note: --log-file has not all lines: {wanted.log.error.strerror}\n")


def bare(stream: TextIO) -> TextIO:
    """The stream without that guard: for rich's own styling, and for formats that machines read.

    Who writes to it has made every text `visible` and redacted it before.
    """
    found: TextIO = getattr(stream, "bare", stream)
    return found


@contextmanager
def reguarded(redact: Callable[[str], str]) -> Iterator[None]:
    """Guard the streams that rich has put in the place of ours while something moves on the terminal."""
    before: Any = sys.stdout, sys.stderr
    wanted = lines()
    sys.stdout, sys.stderr = (
        each if isinstance(each, _Guarded) else _Guarded(each, getattr(each, "redact", redact), wanted)
        for each in before
    )
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before
