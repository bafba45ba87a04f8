"""What becomes of each line that a call prints: a time before it, a copy in a file, or silence."""

import re
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from io import TextIOWrapper
from threading import Lock

from supasync_core.model.errors import ExitCode

BEGINNING = re.compile(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:\d\d(:\d\d)? ")
"""How a log begins: with the time of its first line."""
_STYLE = re.compile("\x1b\\[[0-9;]*m")


@dataclass
class LogFile:
    """A file to which each whole line is appended behind its time; the first error ends that."""

    file: TextIOWrapper
    error: OSError | None = None
    _begun: dict[object, str] = field(default_factory=dict)
    """What each stream has printed of a line that has not ended."""
    _lock: Lock = field(default_factory=Lock)

    def write(self, text: str, of: object = None) -> None:
        """Append what is whole by now; the rest waits for the end of its line."""
        with self._lock:
            whole, newline, rest = (self._begun.pop(of, "") + text).rpartition("\n")
            if rest:
                self._begun[of] = rest
            if newline:
                self._append(whole)

    def close(self) -> None:
        """Append the lines that have not ended."""
        with self._lock:
            for each in self._begun.values():
                self._append(each)
            self._begun.clear()

    def _append(self, text: str) -> None:
        if self.error is None:
            try:
                self.file.write(stamped(f"{text}\n"))
                self.file.flush()
            except OSError as err:
                self.error = err
                with suppress(OSError):  # what it still holds cannot be written, either
                    self.file.close()


@dataclass
class Lines:
    """What this call wants of its lines, as its command and its options say.

    ``timed``: off a terminal each line starts with a time. ``verdict``: where all is well, ``quiet`` leaves
    the results out; they wait in ``held`` until that is known. Results ``as_json`` stay as they are.
    ``depth`` is 1 in the command that a person has named, and more in those that it calls.
    """

    quiet: bool = False
    verbose: bool = False
    timed: bool = False
    verdict: bool = False
    as_json: bool = False
    depth: int = 0
    log: LogFile | None = None
    held: list[str] = field(default_factory=list)

    @property
    def holds_results(self) -> bool:
        """Whether results wait for the exit code."""
        return self.quiet and self.verdict and not self.as_json

    def copy(self, text: str, of: object = None) -> None:
        """Append it to the log, if there is one."""
        if self.log:
            self.log.write(_STYLE.sub("", text), of)

    def released(self, code: int) -> str:
        """What was held, unless all is well."""
        text = "" if code == ExitCode.DONE else "".join(self.held)
        self.held.clear()
        return text


def log_to(number: int) -> LogFile:
    """The log in a file that is open, as long as the process lasts."""
    return LogFile(open(number, "a", encoding="utf-8", errors="backslashreplace"))


def stamped(text: str, *, begins: bool = True) -> str:
    """The text with this machine's time before each line, as in ``2026-11-30T14:07:03+01:00 ``.

    ``begins``: the first character of the text is the first of a line.
    """
    now = f"{datetime.now(UTC).astimezone().isoformat(timespec='seconds')} "
    first, *others = text.split("\n")
    ended = others and not others[-1]
    later = [now + each for each in (others[:-1] if ended else others)]
    return "\n".join([now + first if begins else first, *later, *([""] if ended else [])])
