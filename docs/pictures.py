"""Draw the pictures of these pages from the demo: ``python docs/pictures.py``. The report needs Chromium."""  # noqa: INP001 - a script

import os
import pty
import shutil
import subprocess
import sys
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import click
from rich.console import Console
from rich.text import Text

IMAGES: Final = Path(__file__).parent / "images"
_WIDTH: Final = 100
_LINES: Final = 40
"""Lines of the demo's end that are drawn."""


def main() -> None:
    """Write demo.svg, and report.png where there is a browser."""
    IMAGES.mkdir(exist_ok=True)
    with TemporaryDirectory() as folder:
        printed = _on_a_terminal([str(Path(sys.executable).with_name("supasync")), "demo"], Path(folder))
        _draw(printed, IMAGES / "demo.svg")
        browser = shutil.which("chromium") or shutil.which("google-chrome")
        if browser is None:
            click.echo("note: report.png was not drawn: there is no Chromium", err=True)
            return
        page = Path(folder, "supasync-demo.html").as_uri()
        options = ["--headless", "--no-sandbox", "--hide-scrollbars", "--window-size=1280,1010"]
        subprocess.run(  # noqa: S603 - the browser of this system, and a page of our own
            [browser, *options, f"--screenshot={IMAGES / 'report.png'}", page],
            check=True,
            capture_output=True,
        )
    click.echo(f"written: {IMAGES}")


def _on_a_terminal(command: list[str], folder: Path) -> str:
    """What the command prints on a terminal, with its colours."""
    master, terminal = pty.openpty()
    environment = {**os.environ, "COLUMNS": str(_WIDTH), "TERM": "xterm-256color"}
    with subprocess.Popen(command, cwd=folder, stdout=terminal, env=environment) as process:  # noqa: S603 - ours
        os.close(terminal)
        printed = b""
        while chunk := _read(master):
            printed += chunk
        process.wait()
    os.close(master)
    return printed.decode().replace("\r\n", "\n")


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 65536)
    except OSError:  # the other end is closed
        return b""


def _draw(printed: str, path: Path) -> None:
    lines = printed.rstrip().splitlines()
    start = next(i for i, line in enumerate(lines) if "two hours later" in line)
    console = Console(record=True, width=_WIDTH, file=StringIO())
    console.print(Text.from_ansi("\n".join(lines[start : start + _LINES])))
    console.save_svg(str(path), title="supasync demo", unique_id="supasync-demo")


if __name__ == "__main__":
    main()
