"""Build these pages as a site that works from a file system: ``make docs``."""  # noqa: INP001 - a script

import logging
import re
import shutil
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import click
from mkdocs.commands.build import build
from mkdocs.config import load_config

ROOT: Final = Path(__file__).parent.parent
_PAGES: Final = (
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    "benchmarks/RESULTS.md",
    "benchmarks/notes.md",
)
_GROUPS: Final = ("tutorial", "how-to", "reference", "explanation")
_LINKED: Final = re.compile(r"\[([^]]+)\]\((docs/(?:[\w-]+)/[\w-]+\.md)\)")
_CODE: Final = re.compile(r"\[([^]]*)\]\((?:\.\./)*(?:LICENSE|(?:tests|examples|plugins)/[^)]*)\)")
"""Links to files that are no pages of the site."""


def main(folder: Path) -> None:
    """Build the site into the folder, which is replaced; any broken link ends it with an error."""
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    with TemporaryDirectory() as source:
        gather(Path(source))
        config = load_config(
            str(ROOT / "docs/mkdocs.yml"),
            docs_dir=source,
            site_dir=str(folder),
            strict=True,
            nav=navigation((ROOT / "README.md").read_text("utf-8")),
        )
        build(config)
    click.echo(f"written: {folder / 'index.html'}")


def gather(target: Path) -> None:
    """Copy every page and picture, so that links between them stay as they are."""
    pages = [*map(Path, _PAGES), *(each.relative_to(ROOT) for each in (ROOT / "docs").rglob("*.md"))]
    for page in pages:
        _copy(page, target / page)
    _copy(Path("README.md"), target / "index.md")
    shutil.copytree(ROOT / "docs/images", target / "docs/images")


def _copy(page: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    text = _CODE.sub(r"\1", (ROOT / page).read_text("utf-8"))
    target.write_text(text.replace("README.md", "index.md") if page.name != "README.md" else text, "utf-8")


def navigation(readme: str) -> list[dict[str, Any]]:
    """The README's list of pages, in its order and under its titles."""
    found = _LINKED.findall(readme.partition("## Documentation")[2])
    groups: list[dict[str, Any]] = [{"supasync": "index.md"}]
    for folder in _GROUPS:
        pages = [{name[0].upper() + name[1:]: path} for name, path in found if f"/{folder}/" in path]
        groups.append({folder.replace("-", " ").capitalize(): pages})
    groups.append({"Project": [{Path(page).stem.capitalize(): page} for page in _PAGES]})
    return groups


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / "site").absolute())
