"""A package as an installer leaves it: its code, and its metadata with the entry points."""

import subprocess
import tomllib
from pathlib import Path
from shutil import copytree

from tests.servers.command import COMMAND, start, without_times

ROOT = Path(__file__).parents[2]


def install(project: Path, site: Path) -> None:
    """Put a project that pyproject.toml describes into a folder of installed packages."""
    described = tomllib.loads((project / "pyproject.toml").read_text("utf-8"))["project"]
    package = described["name"].replace("-", "_")
    copytree(project / package, site / package)
    metadata = site / f"{package}-{described['version']}.dist-info"
    metadata.mkdir()
    points = described["entry-points"]["supasync"].items()
    (metadata / "entry_points.txt").write_text("[supasync]\n" + "".join(f"{a} = {b}\n" for a, b in points))
    (metadata / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {described['name']}\nVersion: {described['version']}\n"
    )


def run_with(site: Path, folder: Path, *args: str, timeout: float = 60) -> subprocess.CompletedProcess[str]:
    """Run the command with the packages of that folder installed too."""
    before = f"import sys; sys.path.insert(0, {str(site)!r})"
    with start(folder, *args, before=before) as process:
        out, err = map(without_times, process.communicate(timeout=timeout))
        return subprocess.CompletedProcess([COMMAND, *args], process.wait(), out, err)
